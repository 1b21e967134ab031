"use strict";
// Draws the chart: stacked sizes over time, gaps hatched, marks numbered.

const SVG = "http://www.w3.org/2000/svg";
/** A limit of more than so many times the highest value has no line (report/src/chart/limits.rs). */
const MAX_TIMES = 2;

/** Makes an element of SVG. */
function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Returns where things lie in a chart of a width. */
function layoutOf(width) {
  const narrow = width < 640;
  const height = narrow ? 280 : 380;
  const layout = { width, height, left: 52, right: narrow ? width - 20 : width - 214, top: 40, bottom: height - 28, narrow };
  layout.x = (view, ms) => layout.left + ((ms - view.from) / Math.max(view.to - view.from, 1)) * (layout.right - layout.left);
  layout.time = (view, x) => view.from + ((x - layout.left) / (layout.right - layout.left)) * (view.to - view.from);
  return layout;
}

/** Draws all but the cursors into an emptied element, and returns what was drawn. */
function drawChart(model, state, svg, width) {
  const layout = layoutOf(width);
  const { view } = state;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${layout.width} ${layout.height}`);
  svg.setAttribute("width", layout.width);
  svg.setAttribute("height", layout.height);
  const stack = layersOf(model, state);
  if (stack.highest === 0) {
    svg.append(draw("text", { x: layout.left + 20, y: layout.top + 40, class: "nothing-there" }, `0 throughout: ${state.metric.nothing}`));
  }
  const limits = state.metric.limits.filter(([value]) => value <= stack.highest * MAX_TIMES);
  const reach = Math.max(stack.highest, ...limits.map(([value]) => value));
  const { ticks, end } = valueTicks(state.metric, reach, layout.narrow ? 4 : 6);
  const y = (value) => layout.bottom - (value / end) * (layout.bottom - layout.top);
  svg.append(definitions(layout));
  for (const value of ticks) {
    svg.append(draw("line", { x1: layout.left, x2: layout.right, y1: y(value), y2: y(value), class: value ? "grid" : "axis" }));
    svg.append(draw("text", { x: layout.left - 7, y: y(value) + 4, class: "tick end" }, valueLabel(state.metric, value)));
  }
  const plot = draw("g", { "clip-path": "url(#plot)" });
  svg.append(plot);
  for (const [left, right] of spansOf(model, view, layout)) {
    plot.append(draw("rect", { x: left, width: Math.max(right - left, 1), y: layout.top, height: layout.bottom - layout.top, class: "span" }));
  }
  stackAreas(model, state, layout, stack, y, plot);
  for (const [from, to, why] of model.gaps) {
    const [left, right] = [layout.x(view, from), layout.x(view, to)];
    const gap = draw("rect", { x: left, width: Math.max(right - left, 1), y: layout.top, height: layout.bottom - layout.top, fill: "url(#hatch)" });
    gap.append(draw("title", {}, `${why}: ${duration(to - from)}`));
    plot.append(gap);
  }
  limitsOf(limits, layout, y, svg);
  timeAxis(model, view, layout, svg);
  marksOf(model, view, layout, svg);
  peakOf(model, state, layout, stack, y, svg);
  if (!layout.narrow) labels(model, state, layout, stack, y, svg);
  return { layout, stack };
}

function definitions(layout) {
  const all = draw("defs", {});
  const clip = draw("clipPath", { id: "plot" });
  clip.append(draw("rect", { x: layout.left, y: layout.top - 4, width: Math.max(layout.right - layout.left, 1), height: layout.bottom - layout.top + 4 }));
  const hatch = draw("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  hatch.append(draw("rect", { width: 6, height: 6, class: "nothing" }), draw("rect", { width: 2, height: 6, class: "gap" }));
  all.append(clip, hatch);
  return all;
}

/** Draws each layer from its lower edge to its upper one, in pieces between gaps. */
function stackAreas(model, state, layout, stack, y, plot) {
  const { columns, layers, totals } = stack;
  const runs = runsOf(model, columns, totals);
  const x = columns.map((column) => layout.x(state.view, model.elapsed[column]).toFixed(1));
  // Outlines would hide spikes that are as thin as they are.
  const dense = columns.length * 3 > layout.right - layout.left;
  let below = columns.map(() => 0);
  for (const layer of layers) {
    const above = below.map((sum, at) => sum + layer.values[at]);
    const edge = (values) => (at) => `${x[at]},${y(values[at]).toFixed(1)}`;
    const piece = (run) =>
      run.length === 1
        ? `M${x[run[0]] - 1},${y(below[run[0]])}h2V${y(above[run[0]])}h-2Z`
        : `M${run.map(edge(above)).join("L")}L${run.toReversed().map(edge(below)).join("L")}Z`;
    const area = draw("path", { d: runs.map(piece).join(""), fill: layer.colour, class: dense ? "area dense" : "area" });
    area.append(draw("title", {}, layer.label));
    plot.append(area);
    below = above;
  }
}

/** Draws the lines of limits, each with its words above it, or below at the top of the plot. */
function limitsOf(limits, layout, y, svg) {
  for (const [value, words] of limits) {
    const at = y(value);
    svg.append(draw("line", { x1: layout.left, x2: layout.right, y1: at, y2: at, class: "limit" }));
    svg.append(draw("text", { x: layout.left + 6, y: at - 16 < layout.top ? at + 13 : at - 5, class: "limit" }, words));
  }
}

function timeAxis(model, view, layout, svg) {
  const wanted = Math.max(2, Math.floor((layout.right - layout.left) / 90));
  for (const { at, label } of timeTicks(model, view.from, view.to, wanted)) {
    const x = layout.x(view, at);
    svg.append(draw("line", { x1: x, x2: x, y1: layout.bottom, y2: layout.bottom + 4, class: "axis" }));
    svg.append(draw("text", { x, y: layout.bottom + 20, class: "tick middle" }, label));
  }
  for (const column of model.torn) {
    const x = layout.x(view, model.elapsed[column]);
    if (x < layout.left || x > layout.right) continue;
    const torn = draw("path", { d: `M${x},${layout.bottom + 1}l4,7h-8Z`, class: "torn" });
    torn.append(draw("title", {}, `torn sample #${model.numbers[column]}: regions moved while they were read`));
    svg.append(torn);
  }
}

/** Returns the columns where spans begin and end, cut to the view. */
function spansOf(model, view, layout) {
  const spans = model.marks.filter(([at, , until]) => until !== null && at <= view.to && until >= view.from);
  return spans.map(([at, , until]) => [Math.max(at, view.from), Math.min(until, view.to)].map((ms) => layout.x(view, ms)));
}

/** Draws a numbered rule for each mark, and for a span a bar to the rule where it ends. */
function marksOf(model, view, layout, svg) {
  for (const [left, right] of spansOf(model, view, layout)) {
    svg.append(draw("line", { x1: left, x2: right, y1: layout.top - 2, y2: layout.top - 2, class: "bar-of-span" }));
  }
  const rule = (at) => draw("line", { x1: layout.x(view, at), x2: layout.x(view, at), y1: layout.top - 4, y2: layout.bottom });
  const inView = (at) => at !== null && at >= view.from && at <= view.to;
  model.marks.forEach(([at, text, until], index) => {
    const x = layout.x(view, at);
    if (index > 98) return;
    const mark = draw("g", { class: "mark" });
    if (inView(until)) mark.append(rule(until));
    if (inView(at)) {
      mark.append(rule(at));
      mark.append(draw("circle", { cx: x, cy: layout.top - 12, r: 8 }));
      mark.append(draw("text", { x, y: layout.top - 8.2, class: "middle" }, index + 1));
    }
    mark.append(draw("title", {}, `${text}, ${moment(model, at)}${until === null ? "" : ` to ${moment(model, until)}`}`));
    svg.append(mark);
  });
}

/** Marks the highest total, if it is above both ends. */
function peakOf(model, state, layout, stack, y, svg) {
  const { columns, totals, highest } = stack;
  const at = totals.indexOf(highest);
  const known = totals.filter((total) => !Number.isNaN(total));
  if (at < 0 || highest <= 1.02 * Math.max(known[0], known[known.length - 1])) return;
  const x = layout.x(state.view, model.elapsed[columns[at]]);
  const aside = x > layout.left + 60 ? { x: x - 7, class: "peak end" } : { x: x + 7, class: "peak" };
  svg.append(draw("circle", { cx: x, cy: y(highest), r: 3.5, class: "dot" }));
  svg.append(draw("text", { ...aside, y: y(highest) - 3 }, plain(state.metric, highest)));
}

/** Names each layer beside its end, with its value there. */
function labels(model, state, layout, stack, y, svg) {
  const { layers, totals } = stack;
  const last = totals.findLastIndex((total) => !Number.isNaN(total));
  if (last < 0) return;
  let below = 0;
  const middles = layers.map((layer) => {
    const middle = below + layer.values[last] / 2;
    below += layer.values[last];
    return y(middle);
  });
  const placed = apart(middles, 16, layout.top + 4, layout.bottom - 4);
  layers.forEach((layer, index) => {
    const at = placed[index];
    svg.append(draw("path", { d: `M${layout.right + 2},${middles[index]}L${layout.right + 12},${at}`, class: "leader" }));
    svg.append(draw("rect", { x: layout.right + 14, y: at - 5, width: 10, height: 10, rx: 2, fill: layer.colour }));
    const value = plain(state.metric, layer.values[last]);
    const words = draw("text", { x: layout.right + 29, y: at + 4, class: "label" }, shortened(layer.label, 19));
    words.append(draw("tspan", { class: "value" }, ` ${value}`));
    words.append(draw("title", {}, layer.label));
    svg.append(words);
  });
}

function shortened(text, length) {
  const letters = [...text];
  return letters.length > length ? `${letters.slice(0, length - 1).join("")}…` : text;
}
