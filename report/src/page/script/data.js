"use strict";
// Reads the data of the page (docs/report.md) into columns of numbers. Unknown is NaN.

/** Unpacks the text of the data element: base64, zlib, JSON. */
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

/** Returns values from their steps: each is less the known one before it, in units. */
function sums(steps, unit) {
  const values = new Float64Array(steps.length);
  let sum = 0;
  steps.forEach((step, at) => {
    if (step === null) {
      values[at] = NaN;
    } else {
      sum += step;
      values[at] = sum * unit;
    }
  });
  return values;
}

/** Returns the model of a page: its data with every column summed up. */
function modelOf(data) {
  const model = { ...data };
  model.numbers = sums(data.numbers, 1);
  model.elapsed = sums(data.elapsed_ms, 1);
  model.span = model.elapsed.length ? model.elapsed[model.elapsed.length - 1] : 0;
  model.metrics = data.metrics.map((metric) => ({
    ...metric,
    values: metric.values.map((steps) => sums(steps, metric.unit)),
  }));
  model.reserved = data.types.map((type) => data.families[type.family].reserved);
  model.snapshots = null;
  return model;
}

/** Returns the regions of each sample that has them listed, decoded when first asked for. */
function snapshotsOf(model) {
  if (model.snapshots) return model.snapshots;
  const table = model.regions;
  const start = sums(table.start, table.unit);
  const end = start.map((address, region) => address + table.size[region] * table.unit);
  const members = table.members.map((steps) => sums(steps, 1));
  model.snapshots = { start, end, members, values: { virtual: null, regions: null } };
  for (const measured of table.values) {
    const seen = new Float64Array(table.size.length);
    model.snapshots.values[measured.metric] = measured.samples.map((steps, sample) => {
      const values = new Float64Array(steps.length);
      steps.forEach((step, at) => {
        const region = members[sample][at];
        if (step !== null) seen[region] += step;
        values[at] = step === null ? NaN : seen[region] * measured.unit;
      });
      return values;
    });
  }
  return model.snapshots;
}

/** Returns the value of the region at a place in a sample with regions. */
function regionValue(model, metric, sample, at) {
  const all = snapshotsOf(model);
  const region = all.members[sample][at];
  if (metric.name === "virtual") return all.end[region] - all.start[region];
  if (metric.name === "regions") return 1;
  return all.values[metric.name][sample][at];
}

/** Returns the sample with regions that is nearest to a column. */
function nearestSnapshot(model, column) {
  const far = (other) => Math.abs(model.elapsed[other] - model.elapsed[column]);
  let nearest = 0;
  model.regions.columns.forEach((other, sample) => {
    if (far(other) < far(model.regions.columns[nearest])) nearest = sample;
  });
  return nearest;
}

/** Returns the column that was sampled nearest to a time. */
function nearestColumn(model, ms) {
  const elapsed = model.elapsed;
  let [low, high] = [0, elapsed.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (elapsed[middle] <= ms) low = middle;
    else high = middle;
  }
  return ms - elapsed[low] <= elapsed[high] - ms ? low : high;
}
