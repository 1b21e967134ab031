"use strict";
// Which types or families the chart stacks, in which order and colour.

const MAX_LAYERS = 8;
const MIN_SHARE = 200;
const MIN_APART = 70;

/** Returns the columns within a stretch of time, and one on either side. */
function columnsWithin(model, view) {
  const columns = [];
  model.elapsed.forEach((at, column) => {
    if (at >= view.from && at <= view.to) columns.push(column);
  });
  if (columns.length && columns[0] > 0) columns.unshift(columns[0] - 1);
  const last = columns[columns.length - 1];
  if (last + 1 < model.elapsed.length) columns.push(last + 1);
  return columns;
}

/** Returns how far two shades are apart in lightness, in the theme where that is less. */
function apartInLightness(one, other) {
  return Math.min(...one.map((light, theme) => Math.abs(light - other[theme])));
}

/**
 * Gives layers their colours, from the top of the stack to its bottom, where the rest may lie: the first shade of its
 * family that no other has, and that those above and below differ from (report/src/chart/palette.rs).
 */
function paint(lightness, layers, rest) {
  const used = new Set();
  let above = null;
  layers.forEach((layer, index) => {
    const below = rest && index + 1 === layers.length ? lightness.other : null;
    const shades = lightness.families[layer.family];
    const free = shades.map((_, rank) => rank).filter((rank) => !used.has(`${layer.family}-${rank}`));
    const apart = (rank) => Math.min(...[above, below].filter(Boolean).map((other) => apartInLightness(shades[rank], other)));
    const farthest = free.reduce((best, rank) => (apart(rank) > apart(best) ? rank : best));
    const rank = free.find((one) => apart(one) >= MIN_APART) ?? farthest;
    used.add(`${layer.family}-${rank}`);
    above = shades[rank];
    layer.colour = `var(--f${layer.family}-${rank})`;
  });
}

/** Returns the layers of the chart, from the bottom: those that moved most are above. */
function layersOf(model, state) {
  const { metric, by } = state;
  const columns = columnsWithin(model, state.view);
  const hidden = (type) => metric.name === "virtual" && model.reserved[type];
  const keys = new Map();
  model.types.forEach((type, index) => {
    if (hidden(index)) return;
    const id = by === "family" ? type.family : index;
    const label = by === "family" ? model.families[type.family].label : type.label;
    const key = keys.get(id) ?? { id, family: type.family, label, values: columns.map(() => 0) };
    columns.forEach((column, at) => (key.values[at] += metric.values[index][column]));
    keys.set(id, key);
  });
  const all = [...keys.values()];
  const totals = columns.map((_, at) => all.reduce((sum, key) => sum + key.values[at], 0));
  const known = (values) => values.filter((value) => !Number.isNaN(value));
  const highest = Math.max(0, ...known(totals));
  for (const key of all) {
    const values = known(key.values);
    key.peak = Math.max(0, ...values);
    key.swing = Math.max(0, ...values.map((value) => Math.abs(value - values[0])));
  }
  all.sort((a, b) => b.peak - a.peak);
  const large = all.filter((key) => key.peak * MIN_SHARE >= highest && key.peak > 0);
  const shown = large.slice(0, MAX_LAYERS);
  shown.sort((a, b) => a.swing - b.swing);
  const rest = all.filter((key) => !shown.includes(key) && key.peak > 0);
  paint(model.lightness, shown.toReversed(), rest.length > 0);
  if (rest.length) {
    const values = columns.map((_, at) => rest.reduce((sum, key) => sum + key.values[at], 0));
    shown.unshift({ id: "other", label: `other (${rest.length})`, values, colour: "var(--other)" });
  }
  return { columns, layers: shown, totals, highest };
}

/** Returns the colour of each type that is a layer, for the table. */
function coloursOf(layers) {
  return new Map(layers.map((layer) => [layer.id, layer.colour]));
}

/** Cuts columns where a gap lies between two of them, or where the total is unknown. */
function runsOf(model, columns, totals) {
  const runs = [];
  let run = [];
  columns.forEach((column, at) => {
    const before = at > 0 ? model.elapsed[columns[at - 1]] : 0;
    const cut = at > 0 && model.gaps.some(([from, to]) => from >= before && to <= model.elapsed[column]);
    if ((cut || Number.isNaN(totals[at])) && run.length) {
      runs.push(run);
      run = [];
    }
    if (!Number.isNaN(totals[at])) run.push(at);
  });
  if (run.length) runs.push(run);
  return runs;
}
