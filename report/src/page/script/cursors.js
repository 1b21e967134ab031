"use strict";
// The cursors A and B: dragged, or moved with the arrow keys.

const NEAR = 5;

/** Draws the cursors over a chart, or moves those that are there. */
function drawCursors(model, state, drawn, svg, change) {
  const { layout } = drawn;
  if (!svg.querySelector(".cursor")) {
    for (const side of ["before", "after"]) {
      svg.append(draw("rect", { y: layout.top - 2, height: layout.bottom - layout.top + 2, class: `outside ${side}` }));
    }
    for (const name of ["a", "b"]) svg.append(cursor(model, state, layout, name, change));
  }
  const place = (name) => layout.x(state.view, model.elapsed[state[name]]);
  const within = (x) => Math.min(Math.max(x, layout.left), layout.right);
  const [left, right] = [within(place("a")), within(place("b"))].sort((one, other) => one - other);
  for (const [side, from, to] of [["before", layout.left, left], ["after", right, layout.right]]) {
    const outside = svg.querySelector(`.outside.${side}`);
    outside.setAttribute("x", from);
    outside.setAttribute("width", Math.max(to - from, 0));
  }
  for (const name of ["a", "b"]) {
    const x = place(name);
    const group = svg.querySelector(`.cursor.${name}`);
    const hidden = x < layout.left - 1 || x > layout.right + 1;
    group.setAttribute("transform", `translate(${x.toFixed(1)},0)`);
    group.setAttribute("visibility", hidden ? "hidden" : "visible");
    group.setAttribute("aria-valuenow", state[name]);
    group.setAttribute("aria-valuetext", cursorWords(model, state, name));
  }
}

function cursor(model, state, layout, name, change) {
  const group = draw("g", {
    class: `cursor ${name}`,
    role: "slider",
    tabindex: 0,
    "aria-label": `Cursor ${name.toUpperCase()}`,
    "aria-orientation": "horizontal",
    "aria-valuemin": 0,
    "aria-valuemax": model.elapsed.length - 1,
    "data-cursor": name,
  });
  const { top, bottom } = layout;
  // Their flags lie on either side of the line, so that both are seen on one sample.
  const side = name === "a" ? -1 : 1;
  group.append(draw("rect", { x: side < 0 ? -18 : -6, width: 24, y: top - 37, height: 22, class: "grip" }));
  group.append(draw("rect", { x: -7, width: 14, y: top - 16, height: bottom - top + 16, class: "grip" }));
  group.append(draw("line", { x1: 0, x2: 0, y1: top - 37, y2: bottom }));
  group.append(draw("path", { d: `M0,${top - 37}h${side * 18}v16h${side * -18}Z`, class: "flag" }));
  group.append(draw("text", { x: side * 9, y: top - 24.5, class: "middle" }, name.toUpperCase()));
  group.addEventListener("keydown", (event) => {
    const to = keyTarget(model, state[name], event);
    if (to === null) return;
    event.preventDefault();
    change({ [name]: to });
  });
  return group;
}

/** Returns the time and the total at a cursor. */
function cursorWords(model, state, name) {
  const column = state[name];
  const total = totalOf(model, compareTypes(model, state.metric, column, column), state.metric.name !== "virtual");
  return `${moment(model, model.elapsed[column])}, sample ${model.numbers[column]}, ${plain(state.metric, total.to)} ${state.metric.name}`;
}

/** Returns the column that a key moves a cursor to; null for other keys. */
function keyTarget(model, column, event) {
  const last = model.elapsed.length - 1;
  const step = event.shiftKey ? Math.max(1, Math.round(last / 20)) : 1;
  const page = Math.max(1, Math.round(last / 10));
  const targets = {
    ArrowLeft: column - step,
    ArrowDown: column - step,
    ArrowRight: column + step,
    ArrowUp: column + step,
    PageDown: column - page,
    PageUp: column + page,
    Home: 0,
    End: last,
  };
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in targets)) return null;
  return Math.min(Math.max(targets[event.key], 0), last);
}

/** Returns the column a pointer is at: one with regions listed, if that is near. */
function columnAt(model, state, layout, x) {
  const listed = model.regions.columns.find((column) => Math.abs(layout.x(state.view, model.elapsed[column]) - x) < NEAR);
  return listed ?? nearestColumn(model, layout.time(state.view, x));
}

/** Lets a pointer drag the cursors: the one it is on, or else the nearer. */
function dragCursors(model, state, svg, drawnNow, change) {
  let held = null;
  const moved = (event) => {
    const { layout } = drawnNow();
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) * layout.width) / box.width;
    const column = columnAt(model, state, layout, Math.min(Math.max(x, layout.left), layout.right));
    if (held === null) {
      const far = (name) => Math.abs(layout.x(state.view, model.elapsed[state[name]]) - x);
      held = event.target.closest?.(".cursor")?.dataset.cursor ?? (far("a") < far("b") ? "a" : "b");
    }
    if (state[held] !== column) change({ [held]: column });
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    svg.setPointerCapture(event.pointerId);
    moved(event);
    document.querySelector(`.cursor.${held}`).focus({ preventScroll: true });
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => held !== null && moved(event));
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (held = null));
}
