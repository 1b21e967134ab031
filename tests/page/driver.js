// Uses a page as a reader with a keyboard would, and leaves what it saw in the page; for tests.
(() => {
"use strict";
const errors = [];
window.addEventListener("error", (event) => errors.push(event.message));
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
const key = (element, name, more = {}) => element.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more }));
const text = (selector) => document.querySelector(selector).textContent;
const cursor = (name) => document.querySelector(`.cursor.${name}`);
const rows = () => [...document.querySelectorAll("#rows tr")].map((row) => [...row.children].slice(0, 5).map((one) => one.textContent));

/** Returns the names and texts of the files that the buttons save, which a test cannot see on disk. */
async function saved() {
  const blobs = new Map();
  const files = [];
  URL.createObjectURL = (blob) => {
    const url = `data:,${blobs.size}`;
    blobs.set(url, blob);
    return url;
  };
  HTMLAnchorElement.prototype.click = function () {
    files.push([this.download, blobs.get(this.href)]);
  };
  for (const id of ["save-change", "save-series"]) document.getElementById(id).click();
  return Promise.all(files.map(async ([name, blob]) => ({ name, type: blob.type, text: await blob.text() })));
}

async function use() {
  const seen = {};
  while (!("ready" in document.documentElement.dataset)) await settled();
  seen.first = { rows: rows(), total: text("#total tr"), span: text("#span") };
  const focusable = [...document.querySelectorAll("button, input, summary, [tabindex]")].filter((one) => one.tabIndex >= 0 && one.getClientRects().length);
  seen.order = focusable.map((one) => one.id || one.dataset.metric || one.dataset.cursor || one.className || one.tagName);
  seen.sliders = [...document.querySelectorAll("[role=slider]")].map((one) => [one.getAttribute("aria-label"), one.getAttribute("aria-valuetext")]);
  seen.unnamed = focusable.filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label"))).length;
  cursor("b").focus();
  key(cursor("b"), "Home");
  await settled();
  seen.home = { total: text("#total tr .change"), now: cursor("b").getAttribute("aria-valuenow"), focused: document.activeElement === cursor("b") };
  key(cursor("b"), "ArrowRight");
  await settled();
  seen.right = cursor("b").getAttribute("aria-valuenow");
  key(cursor("b"), "End");
  await settled();
  seen.end = { total: text("#total tr"), rows: rows() };
  const before = rows().length;
  document.querySelector("button.open").click();
  await settled();
  seen.opened = { expanded: document.querySelector("button.open").getAttribute("aria-expanded"), more: rows().length - before };
  const search = document.getElementById("search");
  search.value = "stack";
  search.dispatchEvent(new Event("input"));
  await settled();
  seen.found = rows().map((row) => row[0]);
  search.value = "";
  search.dispatchEvent(new Event("input"));
  document.querySelector("[data-metric=regions]").click();
  document.getElementById("by-family").click();
  await settled();
  seen.families = { pressed: document.querySelector("[data-metric=regions]").getAttribute("aria-pressed"), rows: rows(), total: text("#total tr .change"), tile: text("[data-metric=regions] .change") };
  seen.saved = await saved();
  document.getElementById("zoom").click();
  document.getElementById("whole").click();
  await settled();
  const [a, b] = [...document.querySelectorAll("#marks button")];
  a.click();
  b.click();
  await settled();
  seen.span = { drawn: document.querySelectorAll("#picture .span").length, words: text("#marks li"), labels: [a, b].map((one) => one.getAttribute("aria-label")), from: cursor("a").getAttribute("aria-valuenow"), to: cursor("b").getAttribute("aria-valuenow") };
  seen.map = document.querySelectorAll("#map svg rect").length;
  seen.errors = errors;
  return seen;
}

use()
  .catch((error) => ({ failed: String(error.stack) }))
  .then((seen) => {
    const said = document.createElement("pre");
    said.id = "said";
    said.textContent = JSON.stringify(seen);
    document.body.append(said);
  });
})();
