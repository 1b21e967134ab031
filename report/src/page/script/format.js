"use strict";
// Sizes, counts and times, written as vmrec writes them (report/src/text/units.rs).

const KIB = 1024;
const UNKNOWN = "-";

/** Returns a tenth as text; a value halfway goes to the even one, as in Rust. */
function tenths(value) {
  const ten = value * 10;
  let whole = Math.floor(ten);
  const rest = ten - whole;
  if (rest > 0.5 || (rest === 0.5 && whole % 2 === 1)) whole += 1;
  return `${Math.floor(whole / 10)}.${whole % 10}`;
}

/** Returns bytes as text: 0K, 512B, 9999K, 12.5M, 1.4T. */
function size(bytes) {
  if (bytes % KIB !== 0 && bytes < 10 * KIB) return `${bytes}B`;
  if (bytes < 10 * KIB * KIB) return `${Math.floor((bytes + KIB / 2) / KIB)}K`;
  let value = bytes / (KIB * KIB);
  let unit = "M";
  for (const larger of ["G", "T", "P", "E"]) {
    if (value < 1023.95) break;
    value /= KIB;
    unit = larger;
  }
  return tenths(value) + unit;
}

/** Returns a number with its thousands apart: 300,000. */
function count(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Returns a value of a metric as text; unknown (NaN) is a dash. */
function plain(metric, value) {
  if (Number.isNaN(value)) return UNKNOWN;
  return metric.count ? count(value) : size(value);
}

/** Returns a change of a metric as text, with its sign. */
function signed(metric, value) {
  if (Number.isNaN(value)) return UNKNOWN;
  const sign = value > 0 ? "+" : value < 0 ? "-" : "";
  return sign + plain(metric, Math.abs(value));
}

/** Returns a length of time in its two largest units: 850ms, 12.5s, 3m 20s, 2h 05m, 3d 04h. */
function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
  const two = (number) => String(number).padStart(2, "0");
  if (ms < 1000) return `${Math.floor(ms)}ms`;
  if (minutes === 0) return `${seconds}.${Math.floor((ms % 1000) / 100)}s`;
  if (hours === 0) return `${minutes}m ${two(seconds % 60)}s`;
  if (days === 0) return `${hours}h ${two(minutes % 60)}m`;
  return `${days}d ${two(hours % 24)}h`;
}

/** Returns the seconds that local time is ahead of UTC at a time since the first sample. */
function offsetAt(model, ms) {
  let seconds = 0;
  for (const [from, offset] of model.offsets) {
    if (from <= ms || from === model.offsets[0][0]) seconds = offset;
  }
  return seconds;
}

/** Returns a time since the first sample as a date whose UTC fields are local ones. */
function local(model, ms) {
  return new Date(model.begin_ms + ms + offsetAt(model, ms) * 1000);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Returns the day of a date: Nov 27. */
function day(date) {
  return `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}`;
}

/** Returns a time since the first sample by the local clock: 07:21:39, with the date on other days. */
function moment(model, ms) {
  const [first, date] = [local(model, 0), local(model, ms)];
  const clock = date.toISOString().slice(11, 19);
  const sameDay = first.toISOString().slice(0, 10) === date.toISOString().slice(0, 10);
  return sameDay ? clock : `${day(date)} ${clock}`;
}

/** Returns a cell of CSV; a spreadsheet does not take it for a formula. */
function cell(value) {
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
  const guarded = /^[=+\-@＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}
