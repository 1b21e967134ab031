"use strict";
// Puts the page together: what is selected, and what follows from it.

/** Shows the picture that readers without scripts see. */
function showPicture(why) {
  const picture = new DOMParser().parseFromString(document.querySelector("#chart noscript").textContent, "image/svg+xml");
  const chart = document.getElementById("chart");
  chart.append(make("p", { role: "status" }, `The chart cannot be changed here: ${why}.`));
  if (picture.documentElement.nodeName === "svg") chart.append(document.importNode(picture.documentElement, true));
}

/** Returns the text of a table as CSV: the change between the cursors. */
function changeCsv(model, state) {
  const { metric } = state;
  const unit = metric.count ? "" : "_bytes";
  const head = ["type", `${metric.name}${unit}_at_a`, `${metric.name}${unit}_at_b`, "change", "regions_change"];
  const rows = compareTypes(model, metric, state.a, state.b).map((row) => [row.label, row.from, row.to, row.change, row.regions]);
  return [head, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

/** Returns the sums by type at each sample of the page as CSV. */
function seriesCsv(model) {
  const head = ["sample", "time_utc", "type", ...model.metrics.map((metric) => metric.name.replaceAll("-", "_") + (metric.count ? "" : "_bytes"))];
  const lines = [head.join(",")];
  model.numbers.forEach((number, column) => {
    const time = new Date(model.begin_ms + model.elapsed[column]).toISOString();
    model.types.forEach((type, index) => {
      const values = model.metrics.map((metric) => metric.values[index][column]);
      if (values.some((value) => value !== 0)) lines.push([number, time, type.label, ...values].map(cell).join(","));
    });
  });
  return lines.join("\n") + "\n";
}

/** Saves text as a file. */
function save(name, text, type) {
  const link = make("a", { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Begins with the data of the page. */
function begin(model) {
  const state = {
    metric: model.metrics[0],
    by: "type",
    a: model.ends[0],
    b: model.ends[1],
    view: { from: 0, to: model.span },
    open: new Set(),
    query: "",
  };
  const svg = draw("svg", { role: "group", "aria-label": "Chart with the cursors A and B", id: "picture" });
  document.getElementById("chart").append(svg);
  let drawn = null;

  const redraw = () => {
    drawn = drawChart(model, state, svg, Math.max(document.getElementById("chart").clientWidth, 300));
    legend(model, state, drawn);
    follow();
  };
  const follow = () => {
    drawCursors(model, state, drawn, svg, change);
    fillTable(model, state, coloursOf(drawn.stack.layers));
    words(model, state);
  };
  let planned = false;
  /** Changes what is selected; what comes at once is drawn once. */
  const change = (changed) => {
    Object.assign(state, changed);
    const cursorsOnly = Object.keys(changed).every((key) => ["a", "b", "query", "open"].includes(key));
    if (!cursorsOnly) return redraw();
    if (planned) return;
    planned = true;
    // Browsers send moves of a pointer once a frame, and draw no frame of a page that is not seen.
    setTimeout(() => {
      planned = false;
      follow();
    });
  };
  controls(model, state, change);
  dragCursors(model, state, svg, () => drawn, change);
  new ResizeObserver(() => {
    if (drawn && Math.abs(document.getElementById("chart").clientWidth - drawn.layout.width) > 1) redraw();
  }).observe(document.getElementById("chart"));
  redraw();
  document.documentElement.dataset.ready = "";
}

/** Writes the words that follow the cursors: the totals, and which samples are compared. */
function words(model, state) {
  const { a, b } = state;
  document.querySelectorAll(".tile").forEach((tile) => {
    const metric = model.metrics.find((other) => other.name === tile.dataset.metric);
    const total = totalOf(model, compareTypes(model, metric, a, b), metric.name !== "virtual");
    tile.querySelector(".change").textContent = signed(metric, total.change);
    tile.querySelector(".ends").textContent = `${plain(metric, total.from)} → ${plain(metric, total.to)}`;
    tile.setAttribute("aria-pressed", String(metric === state.metric));
  });
  const at = (column) => `${moment(model, model.elapsed[column])} (#${model.numbers[column]})`;
  const apartMs = model.elapsed[b] - model.elapsed[a];
  const later = `${duration(Math.abs(apartMs))} ${apartMs < 0 ? "earlier" : "later"}`;
  document.getElementById("span").textContent = `A is ${at(a)}, B is ${at(b)}, ${later}. ${state.metric.title}: ${state.metric.meaning}.`;
  const listed = [a, b].map((column) => model.regions.columns[nearestSnapshot(model, column)]);
  const exact = listed[0] === a && listed[1] === b;
  const which = listed.map((column) => `#${model.numbers[column]}`).join(" and ");
  document.getElementById("note").textContent = exact ? "" : `Sums by type are those of the cursors; objects and regions are of the nearest samples listed in the page, ${which}.`;
}

/** Names the layers under a narrow chart. */
function legend(model, state, drawn) {
  const list = document.getElementById("legend");
  const item = (layer) => {
    const swatchOf = make("i", { class: "swatch" });
    swatchOf.style.background = layer.colour;
    return make("li", {}, swatchOf, layer.label);
  };
  list.hidden = !drawn.layout.narrow;
  list.replaceChildren(...drawn.stack.layers.toReversed().map(item));
}

/** Fades the boxes of the picture of code that do not have the words searched for. */
function fade(query) {
  document.querySelectorAll("#code g").forEach((box) => {
    const words = box.querySelector("title").textContent.toLowerCase();
    box.style.opacity = words.includes(query) ? "" : "0.2";
  });
}

/** Makes the buttons work. */
function controls(model, state, change) {
  const on = (id, action) => document.getElementById(id).addEventListener("click", action);
  const pressed = (id, is) => document.getElementById(id).setAttribute("aria-pressed", String(is));
  const zoom = (from, to) => change({ view: { from: model.elapsed[from], to: model.elapsed[to] } });
  document.querySelectorAll(".tile").forEach((tile) =>
    tile.addEventListener("click", () => change({ metric: model.metrics.find((metric) => metric.name === tile.dataset.metric) })),
  );
  for (const by of ["type", "family"]) {
    on(`by-${by}`, () => {
      pressed("by-type", by === "type");
      pressed("by-family", by === "family");
      change({ by });
    });
  }
  on("ends", () => change({ a: model.ends[0], b: model.ends[1] }));
  on("zoom", () => state.a !== state.b && zoom(Math.min(state.a, state.b), Math.max(state.a, state.b)));
  on("whole", () => change({ view: { from: 0, to: model.span } }));
  document.getElementById("search").addEventListener("input", (event) => {
    const query = event.target.value.trim();
    fade(query.toLowerCase());
    change({ query });
  });
  document.getElementById("rows").addEventListener("click", (event) => {
    const key = event.target.closest("button.open")?.dataset.key;
    if (!key) return;
    state.open.has(key) ? state.open.delete(key) : state.open.add(key);
    change({ open: state.open });
    setTimeout(() => document.querySelector(`button.open[data-key="${key}"]`)?.focus());
  });
  document.querySelectorAll("#marks button").forEach((button) =>
    button.addEventListener("click", () => {
      const { cursor, mark } = button.dataset;
      const [at, , until] = model.marks[Number(mark)];
      change({ [cursor]: nearestColumn(model, cursor === "b" ? (until ?? at) : at) });
    }),
  );
  const name = `${model.process.replace(/[^\w.-]+/g, "_")}-${model.recording}`;
  on("save-change", () => save(`${name}-change.csv`, changeCsv(model, state), "text/csv"));
  on("save-series", () => save(`${name}-series.csv`, seriesCsv(model), "text/csv"));
  document.querySelectorAll(".controls, .scripted").forEach((element) => (element.hidden = false));
}

if (typeof document !== "undefined") {
  const show = async () => {
    try {
      begin(modelOf(await unpack(document.getElementById("data").textContent)));
    } catch (error) {
      showPicture(`${error.name}: ${error.message}`);
    }
  };
  show();
}
