// Checks which boxes of the picture of code a page's script fades: `node fade.mjs PAGE.html`.
import assert from "node:assert/strict";
import { openPage } from "./page.mjs";

const { scope } = await openPage(process.argv[2]);
const boxes = ["make_session: +48.4M", "Handle_Request: +50M", "unattributed: -16K"].map((words) => ({
  style: { opacity: "" },
  querySelector: () => ({ textContent: words }),
}));
scope.document = { querySelectorAll: (of) => (of === "#code g" ? boxes : []) };
const faded = (query) => {
  scope.fade(query);
  return boxes.map((box) => box.style.opacity !== "");
};
assert.deepEqual(faded("handle"), [true, false, true]);
assert.deepEqual(faded("s"), [false, false, true]);
assert.deepEqual(faded(""), [false, false, false]);
