// Reads a page that vmrec wrote and runs its script without a browser: `node page.mjs PAGE.html`
// prints the data, `node page.mjs PAGE.html A B METRIC` the change between two samples as JSON.
import { readFileSync } from "node:fs";
import vm from "node:vm";

/** Returns the functions of a page's script, and its model. */
export async function openPage(path) {
  const page = readFileSync(path, "utf8");
  const [, packed] = page.match(/<script id="data"[^>]*>([^<]*)/);
  const script = page.slice(page.lastIndexOf("<script>") + 8, page.lastIndexOf("</script>"));
  const globals = { Blob, DecompressionStream, Response, Uint8Array, Float64Array, atob };
  const scope = vm.createContext({ ...globals });
  vm.runInContext(script, scope);
  const model = scope.modelOf(await scope.unpack(packed));
  return { scope, model };
}

/** Returns the change between two samples, by type with the objects of each, as plain values. */
export function changeOf({ scope, model }, a, b, metricName) {
  const column = (number) => Array.from(model.numbers).indexOf(Number(number));
  const metric = model.metrics.find((one) => one.name === metricName);
  const [from, to] = [column(a), column(b)];
  const listed = [from, to].map((at) => model.regions.columns.indexOf(at));
  const values = (row) => ({ label: row.label, from: row.from, to: row.to, change: row.change, regions: row.regions });
  const objects = (type) => scope.compareObjects(model, metric, type, ...listed);
  const regions = (object) => scope.compareRegions(model, metric, object.owner, ...listed);
  const types = scope.compareTypes(model, metric, from, to).map((row) => ({
    ...values(row),
    objects: listed.includes(-1) ? null : objects(row.index).map((object) => ({ ...values(object), path: object.path, all: regions(object).map(values) })),
  }));
  const total = values({ label: "TOTAL", ...scope.totalOf(model, types.map((row, index) => ({ ...row, family: index }))) });
  return { types, total };
}

const [, , path, a, b, metric] = process.argv;
if (process.argv[1]?.endsWith("page.mjs") && path) {
  const opened = await openPage(path);
  const said = metric ? changeOf(opened, a, b, metric) : opened.model;
  console.log(JSON.stringify(said));
}
