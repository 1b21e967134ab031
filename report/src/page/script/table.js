"use strict";
// The table of the change: types, which open to objects, which open to regions.

const MAX_CHILDREN = 200;

/** Makes an element of HTML; text is never markup. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Fills the table for the cursors, and returns whether regions had to be taken from elsewhere. */
function fillTable(model, state, colours) {
  const found = { rows: [], widest: 0, state, model, colours };
  const types = compareTypes(model, state.metric, state.a, state.b);
  found.widest = Math.max(1, ...types.map((row) => (Number.isNaN(row.change) ? 0 : Math.abs(row.change))));
  found.listed = [nearestSnapshot(model, state.a), nearestSnapshot(model, state.b)];
  const groups = state.by === "family" ? compareFamilies(model, state.metric, state.a, state.b) : types;
  if (state.by === "family") found.widest = Math.max(1, ...groups.map((row) => Math.abs(row.change) || 0));
  for (const row of groups) addRow(found, row, 1, state.by === "family" ? `f${row.family}` : `t${row.index}`);
  document.getElementById("rows").replaceChildren(...found.rows);
  document.getElementById("total").replaceChildren(...totalRows(model, state, types));
  return found;
}

/** Adds a row, and those below it if it is open. */
function addRow(found, row, level, key) {
  const { state } = found;
  const query = state.query.toLowerCase();
  const children = query || state.open.has(key) ? childrenOf(found, row, level) : null;
  const below = query && children ? children.filter(([child, childKey]) => fits(found, child, level + 1, childKey, query)) : children;
  const itself = matches(row, query);
  if (query && !itself && !below?.length) return;
  const open = Boolean(below?.length) && (state.open.has(key) || (query && !itself));
  found.rows.push(rowElement(found, row, level, key, open));
  if (!open) return;
  const shown = itself ? children : below;
  for (const [child, childKey] of shown.slice(0, MAX_CHILDREN)) addRow({ ...found, state: itself ? { ...state, query: "" } : state }, child, level + 1, childKey);
  if (shown.length > MAX_CHILDREN) {
    const rest = totalOf(found.model, shown.slice(MAX_CHILDREN).map(([child]) => child));
    found.rows.push(rowElement(found, { ...rest, label: `${count(shown.length - MAX_CHILDREN)} more` }, level + 1, null, false));
  }
  if (!query || itself) remainder(found, row, level, children);
}

/** Returns whether a row, or one below it, has the words searched for. */
function fits(found, row, level, key, query) {
  if (matches(row, query)) return true;
  return level < 3 && (childrenOf(found, row, level) ?? []).some(([child, childKey]) => fits(found, child, level + 1, childKey, query));
}

function matches(row, query) {
  return row.label.toLowerCase().includes(query) || Boolean(row.path?.toLowerCase().includes(query));
}

/** Returns the rows below a row, with their keys; null if there are none. */
function childrenOf(found, row, level) {
  const { model, state, listed } = found;
  const [from, to] = listed;
  if (row.types) return row.types.map((type) => [type, `t${type.index}`]);
  if (row.index !== undefined) {
    const objects = compareObjects(model, state.metric, row.index, from, to);
    // An object that is all of its type would say the same again.
    if (objects.length === 1 && !objects[0].path) return regionsOf(found, objects[0].owner);
    return objects.map((object) => [object, `o${object.owner}`]);
  }
  return row.owner === undefined ? null : regionsOf(found, row.owner);
}

function regionsOf({ model, state, listed }, owner) {
  return compareRegions(model, state.metric, owner, listed[0], listed[1]).map((region) => [region, null]);
}

/** Adds the part of a type's change that lies between a cursor and the regions listed. */
function remainder(found, row, level, children) {
  if (row.index === undefined) return;
  const sum = totalOf(found.model, children.map(([child]) => child));
  const rest = { from: row.from - sum.from, to: row.to - sum.to, change: row.change - sum.change, regions: row.regions - sum.regions };
  if (rest.from === 0 && rest.to === 0) return;
  found.rows.push(rowElement(found, { ...rest, label: "between the cursors and the samples listed" }, level + 1, null, false));
}

function rowElement(found, row, level, key, open) {
  const { metric } = found.state;
  const element = make("tr", { class: `level${level}` });
  const name = make("th", { scope: "row" });
  const label = make("span", {}, row.label);
  if (row.path) label.title = row.path;
  if (key !== null && found.model.regions.columns.length) {
    const button = make("button", { type: "button", class: "open", "aria-expanded": String(open), "data-key": key });
    button.append(swatch(found, row, level), label);
    name.append(button);
  } else {
    name.append(swatch(found, row, level), label);
  }
  const part = (Math.abs(row.change) || 0) / found.widest;
  const bar = make("i", { class: row.change < 0 ? "bar fell" : "bar" });
  bar.style.width = `${Math.min(part, 1) * 100}%`;
  element.append(
    name,
    make("td", { class: "n a" }, plain(metric, row.from)),
    make("td", { class: "n" }, plain(metric, row.to)),
    make("td", { class: "n change" }, signed(metric, row.change)),
    make("td", { class: "n regions" }, row.regions ? signed({ count: true }, row.regions) : "0"),
    make("td", { class: "share" }, ...(part > 0 ? [bar] : [])),
  );
  return element;
}

function swatch(found, row, level) {
  const element = make("i", { class: "swatch" });
  const id = row.types ? row.family : row.index;
  const byFamily = found.state.by === "family";
  if (id === undefined || (byFamily && level > 1)) element.classList.add("none");
  else element.style.background = found.colours.get(id) ?? "var(--other)";
  return element;
}

function totalRows(model, state, types) {
  const { metric } = state;
  const row = (label, total) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, label),
      make("td", { class: "n a" }, plain(metric, total.from)),
      make("td", { class: "n" }, plain(metric, total.to)),
      make("td", { class: "n change" }, signed(metric, total.change)),
      make("td", { class: "n regions" }, signed({ count: true }, total.regions)),
      make("td", { class: "share" }),
    );
  const rows = [row("TOTAL", totalOf(model, types))];
  const reserved = types.some((type) => model.families[type.family].reserved);
  if (metric.name === "virtual" && reserved) rows.push(row("TOTAL, minus reserved", totalOf(model, types, false)));
  return rows;
}
