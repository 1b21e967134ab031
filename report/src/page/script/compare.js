"use strict";
// The change between two samples: by type from the sums, by object and region where they are listed.

/** Orders the largest change first, then the largest size. */
function largestFirst(a, b) {
  const moved = (row) => (Number.isNaN(row.change) ? 0 : Math.abs(row.change));
  return moved(b) - moved(a) || b.to - a.to || (a.label < b.label ? -1 : 1);
}

/** Returns the change by type between two columns; types of which nothing is there and nothing changed are left out. */
function compareTypes(model, metric, a, b) {
  const regions = model.metrics.find((other) => other.name === "regions");
  const rows = model.types.map((type, index) => {
    const [from, to] = [metric.values[index][a], metric.values[index][b]];
    const held = regions.values[index];
    return { index, label: type.label, family: type.family, from, to, change: to - from, regions: held[b] - held[a] };
  });
  return rows.filter((row) => row.from !== 0 || row.to !== 0 || row.regions !== 0).sort(largestFirst);
}

/** Returns the change by family, with the rows of its types. */
function compareFamilies(model, metric, a, b) {
  const families = new Map();
  for (const row of compareTypes(model, metric, a, b)) {
    const label = model.families[row.family].label;
    const sum = families.get(row.family) ?? { family: row.family, label, from: 0, to: 0, change: 0, regions: 0, types: [] };
    for (const key of ["from", "to", "change", "regions"]) sum[key] += row[key];
    sum.types.push(row);
    families.set(row.family, sum);
  }
  return [...families.values()].sort(largestFirst);
}

/** Returns the total of rows; of virtual memory both with and without reserved address space. */
function totalOf(model, rows, reservedToo = true) {
  const total = { from: 0, to: 0, change: 0, regions: 0 };
  for (const row of rows) {
    if (!reservedToo && model.families[row.family].reserved) continue;
    for (const key of Object.keys(total)) total[key] += row[key];
  }
  return total;
}

/** Returns the entries of a sample with regions that belong to a type, by owner. */
function entriesOf(model, sample, wanted, later) {
  const { regions: table } = model;
  const entries = [];
  snapshotsOf(model).members[sample].forEach((region, at) => {
    const owner = table.classes[table.class[region]];
    if (wanted(owner)) entries.push({ region, at, owner, sample, later });
  });
  return entries;
}

/** Returns the change of a type by object between two samples with regions. */
function compareObjects(model, metric, type, from, to) {
  const { owners } = model.regions;
  const wanted = (owner) => owners[owner][0] === type;
  const rows = new Map();
  for (const entry of [...entriesOf(model, from, wanted, false), ...entriesOf(model, to, wanted, true)]) {
    const [, label, path] = owners[entry.owner];
    const row = rows.get(entry.owner) ?? { owner: entry.owner, label, path, from: 0, to: 0, regions: 0 };
    row[entry.later ? "to" : "from"] += regionValue(model, metric, entry.sample, entry.at);
    row.regions += entry.later ? 1 : -1;
    rows.set(entry.owner, row);
  }
  const all = [...rows.values()];
  for (const row of all) {
    row.change = row.to - row.from;
    // Files of one name are distinguished by their paths.
    if (row.path && all.some((other) => other !== row && other.label === row.label)) row.label = row.path;
  }
  return all.sort(largestFirst);
}

/** Returns the change of an object by region: what overlaps is the same memory. */
function compareRegions(model, metric, owner, from, to) {
  const { start, end } = snapshotsOf(model);
  const wanted = (other) => other === owner;
  const entries = [...entriesOf(model, from, wanted, false), ...entriesOf(model, to, wanted, true)];
  const classOf = (entry) => model.regions.class[entry.region];
  entries.sort((a, b) => classOf(a) - classOf(b) || start[a.region] - start[b.region] || end[a.region] - end[b.region]);
  const groups = [];
  let reach = null;
  for (const entry of entries) {
    const [first, last] = [start[entry.region], end[entry.region]];
    if (!reach || reach.class !== classOf(entry) || (first >= reach.end && first !== reach.start)) {
      reach = { class: classOf(entry), start: first, end: last };
      groups.push({ start: first, from: 0, to: 0, sizes: [0, 0], held: [0, 0], protection: 0 });
    }
    reach.end = Math.max(reach.end, last);
    const group = groups[groups.length - 1];
    group[entry.later ? "to" : "from"] += regionValue(model, metric, entry.sample, entry.at);
    group.sizes[Number(entry.later)] += last - first;
    group.held[Number(entry.later)] += 1;
    group.protection = model.regions.protection[entry.region];
  }
  for (const group of groups) {
    group.change = group.to - group.from;
    group.regions = group.held[1] - group.held[0];
    group.kind = group.held[0] === 0 ? "new" : group.held[1] === 0 ? "gone" : "";
  }
  return alike(groups).sort(largestFirst);
}

/** Puts regions together that have the same size, rights and kind of change. */
function alike(groups) {
  const rows = new Map();
  for (const group of groups) {
    const virtual = group.kind === "gone" ? group.sizes[0] : group.sizes[1];
    const key = `${virtual} ${group.protection} ${group.kind} ${group.sizes[0] === group.sizes[1]}`;
    const row = rows.get(key) ?? { virtual, times: 0, start: group.start, kind: group.kind, protection: group.protection, from: 0, to: 0, change: 0, regions: 0 };
    row.times += 1;
    for (const sum of ["from", "to", "change", "regions"]) row[sum] += group[sum];
    rows.set(key, row);
  }
  const all = [...rows.values()];
  all.forEach((row) => (row.label = regionLabel(row)));
  return all;
}

/** Returns the words for regions that are alike. */
function regionLabel(row) {
  const rights = ["r", "w", "x"].map((right, bit) => (row.protection & (1 << bit) ? right : "-")).join("");
  const kind = row.kind ? ` ${row.kind}` : "";
  const where = row.times > 1 ? `${count(row.times)} × ${size(row.virtual)}` : `0x${row.start.toString(16)} ${size(row.virtual)}`;
  return `${where} ${rights}${kind}`;
}
