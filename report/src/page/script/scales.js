"use strict";
// Where values and times lie in the chart, and which of them are named on its axes.

const BYTE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

/** Returns the values to name up to the highest, about so many, and the end of the axis. */
function valueTicks(metric, highest, wanted) {
  // Of nothing there is no unit: only 0 is named.
  if (highest === 0) return { ticks: [0], end: 1 };
  const units = metric.count ? [1, 1e3, 1e6, 1e9] : [1, 2, 3, 4, 5].map((power) => KIB ** power);
  const steps = units.flatMap((unit) => BYTE_STEPS.map((step) => step * unit));
  const step = steps.find((one) => highest / one <= wanted) ?? highest / wanted;
  const ticks = [];
  for (let value = 0; value < highest + step; value += step) ticks.push(value);
  return { ticks, end: ticks[ticks.length - 1] || step };
}

/** Returns the words for a value on the axis: whole numbers of a unit. */
function valueLabel(metric, value) {
  if (metric.count) return count(value);
  let unit = KIB;
  let name = "K";
  for (const larger of ["M", "G", "T"]) {
    if (value < unit * KIB) break;
    unit *= KIB;
    name = larger;
  }
  return `${Math.round((value / unit) * 10) / 10}${name}`;
}

/** Returns the times to name between two, about so many, with their words by the local clock. */
function timeTicks(model, from, to, wanted) {
  const seconds = (to - from) / 1000;
  const step = TIME_STEPS.find((one) => seconds / one <= wanted) ?? 604800 * Math.ceil(seconds / 604800 / wanted);
  const ticks = [];
  // Whole minutes, hours and days are those of the local clock.
  const ahead = (model.begin_ms + offsetAt(model, from) * 1000) % (step * 1000);
  for (let at = from - ((from + ahead) % (step * 1000)); at <= to; at += step * 1000) {
    if (at >= from) ticks.push({ at, label: timeLabel(local(model, at), step) });
  }
  return ticks;
}

function timeLabel(date, step) {
  const clock = date.toISOString().slice(11, 19);
  if (step >= 86400 || clock === "00:00:00") return day(date);
  return step >= 60 ? clock.slice(0, 5) : clock;
}

/** Returns the positions for labels of a height, near those wanted and apart from each other. */
function apart(wanted, height, low, high) {
  const placed = wanted.map((y, index) => ({ y, index })).sort((a, b) => a.y - b.y);
  let least = low;
  for (const label of placed) {
    label.y = Math.max(label.y, least);
    least = label.y + height;
  }
  let most = high;
  for (const label of placed.toReversed()) {
    label.y = Math.min(label.y, most);
    most = label.y - height;
  }
  const positions = [];
  placed.forEach((label) => (positions[label.index] = label.y));
  return positions;
}
