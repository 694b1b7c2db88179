// @ts-check
// The charts: messages per second, and what waits.

import { feed, lineChart } from "./shared/charts.js";
import { at } from "./shared/elements.js";
import { rate, whole } from "./shared/format.js";

/**
 * @typedef {import('./payloads.js').Point} Point
 * @typedef {import('./payloads.js').History} History
 */

const SECONDS_KEPT = 300;
// Without those that are accepted: a campaign is accepted within a second, and the other lines would be flat.
// Colours as in the bars.
const RATES = /** @type {const} */ ({
  sent: "sent_per_s", delivered: "delivered_per_s", expired: "expired_per_s", failed: "failed_per_s",
});

/** @type {Point[]} */
let points = [];
/** @type {import('./shared/charts.js').Chart} */
let rates;
/** @type {import('./shared/charts.js').Chart} */
let waiting;

export function startCharts() {
  rates = lineChart({ title: "Traffic", unit: "messages per second", label: rate });
  waiting = lineChart({ title: "Waiting", unit: "messages", label: whole });
  at("charts").append(rates.figure, waiting.figure);
}

/** @param {History} history */
export function showHistory(history) {
  points = history.points;
  draw();
}

/** @param {Point} point */
export function addPoint(point) {
  if (points.at(-1)?.unix_s === point.unix_s) return; // it is the last one of the history
  points = [...points.slice(1 - SECONDS_KEPT), point];
  draw();
}

function draw() {
  const classes = Object.keys(points.at(-1)?.queued ?? {});
  const names = [...classes.map(each => `${each} queued`), "in flight", "held", "reports awaited"];
  feed(rates, points.map(point => ({
    unix_s: point.unix_s,
    values: Object.fromEntries(Object.entries(RATES).map(([name, field]) => [name, point[field]])),
  })), Object.keys(RATES), SECONDS_KEPT);
  feed(waiting, points.map(point => ({ unix_s: point.unix_s, values: {
    ...Object.fromEntries(classes.map(each => [`${each} queued`, point.queued[each]])),
    "in flight": point.in_flight, held: point.held, "reports awaited": point.awaiting_report,
  } })), names, SECONDS_KEPT);
}
