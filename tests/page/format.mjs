// Compares texts of the page's script with those given: `node format.mjs PAGE.html` with JSON on
// standard input, [["size", 1024, "1K"], …].
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { openPage } from "./page.mjs";

const { scope } = await openPage(process.argv[2]);
for (const [name, value, expected] of JSON.parse(readFileSync(0, "utf8"))) {
  assert.strictEqual(scope[name](value), expected, `${name}(${value})`);
}
assert.strictEqual(scope.cell("=1+1"), "'=1+1");
assert.strictEqual(scope.cell('a"b,c'), '"a""b,c"');
assert.strictEqual(scope.cell(NaN), "");
