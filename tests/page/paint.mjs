// Checks the colours that a page's script gives to layers: `node paint.mjs PAGE.html`.
import assert from "node:assert/strict";
import { openPage } from "./page.mjs";

const { scope, model } = await openPage(process.argv[2]);
const { lightness } = model;
const apart = (one, other) => Math.min(...one.map((light, theme) => Math.abs(light - other[theme])));
let seed = 1;
const random = (below) => {
  seed = (seed * 48271) % 2147483647;
  return seed % below;
};
for (let run = 0; run < 2000; run += 1) {
  const layers = Array.from({ length: 1 + random(9) }, () => ({ family: random(lightness.families.length) }));
  const rest = random(2) === 1;
  scope.paint(lightness, layers, rest);
  assert.equal(new Set(layers.map((layer) => layer.colour)).size, layers.length);
  const shades = layers.map(({ family, colour }) => lightness.families[family][Number(colour.match(/-(\d+)\)$/)[1])]);
  if (rest) shades.push(lightness.other);
  shades.slice(1).forEach((shade, at) => assert.ok(apart(shade, shades[at]) >= 70, JSON.stringify(layers)));
}
