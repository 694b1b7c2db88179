// @ts-check
// Traffic: the figures at the top and the charts, from the server's ticks.

import { call } from "./shared/api.js";
import { feed, lineChart } from "./shared/charts.js";
import { at, el } from "./shared/elements.js";
import { duration, rate, whole } from "./shared/format.js";

const SECONDS_KEPT = 300;
const CARRIERS = 7; // lines that a reader can distinguish
const REST = "(all others)"; // no carrier can have that name
const RATES = /** @type {const} */ ({
  accepted: "accepted_per_s", delivered: "delivered_per_s", failed: "failed_per_s",
  "refused (requests)": "refused_per_s",
});

/**
 * @typedef {import('./payloads.js').Tick} Tick
 * @type {Tick[]}
 */
let ticks = [];
let span_s = 120;
/** @typedef {import('./shared/charts.js').Chart} Chart */
/** @type {Chart} */
let rates;
/** @type {Chart} */
let queues;
/** @type {Chart} */
let waiting;

export function startTraffic() {
  rates = lineChart({ title: "Traffic", unit: "messages per second", label: rate });
  queues = lineChart({ title: "Queue per carrier", unit: "messages waiting", label: whole });
  waiting = lineChart({ title: "Waiting", unit: "messages, replies, reports", label: whole });
  const spans = el("select", { "aria-label": "Time shown" }, el("option", { value: 120 }, "last 2 minutes"),
    el("option", { value: 300 }, "last 5 minutes"));
  spans.addEventListener("change", () => { span_s = Number(spans.value); draw(); });
  at("traffic-view").append(el("div", { class: "tools" }, spans, el("span", { id: "lag", class: "quiet" })),
    rates.figure, queues.figure, waiting.figure);
}

export async function loadHistory() {
  ticks = (await call("/admin/history")).ticks;
  const latest = ticks.at(-1);
  if (latest) showFigures(latest);
  draw();
}

/** @param {Tick} tick */
export function ticked(tick) {
  ticks = [...ticks.slice(1 - SECONDS_KEPT), tick];
  showFigures(tick);
  draw();
}

export function draw() {
  if (at("traffic-view").hidden) return;
  const ratesOf = (/** @type {Tick} */ tick) => Object.entries(RATES).map(([name, field]) => [name, tick[field]]);
  feed(rates, ticks.map(tick => point(tick, Object.fromEntries(ratesOf(tick)))), Object.keys(RATES), span_s);
  const carriers = busiest();
  const queuesOf = (/** @type {Tick} */ tick) => ({ ...tick.carrier_queues, [REST]: restOf(tick, carriers) });
  feed(queues, ticks.map(tick => point(tick, queuesOf(tick))), carriers, span_s);
  feed(waiting, ticks.map(tick => point(tick, {
    "accept queue": tick.accept_queue, "replies held back": tick.replies_waiting,
    "reports unconfirmed": tick.reports_waiting,
  })), ["accept queue", "replies held back", "reports unconfirmed"], span_s);
}

/** @type {(tick: Tick, values: Record<string, number>) => import('./shared/charts.js').ChartPoint} */
const point = (tick, values) => ({ unix_s: tick.unix_s, values });

function busiest() {
  const most = new Map();
  for (const tick of ticks)
    for (const [name, depth] of Object.entries(tick.carrier_queues))
      most.set(name, Math.max(most.get(name) ?? 0, depth));
  const names = [...most.keys()];
  if (names.length <= CARRIERS) return names;
  return [...names.sort((a, b) => most.get(b) - most.get(a)).slice(0, CARRIERS), REST];
}

/**
 * @param {Tick} tick
 * @param {string[]} carriers
 */
function restOf(tick, carriers) {
  const rest = Object.entries(tick.carrier_queues).filter(([name]) => !carriers.includes(name));
  return rest.reduce((sum, [, depth]) => sum + depth, 0);
}

/** @param {Tick} tick */
function showFigures(tick) {
  at("accepted-rate").textContent = rate(tick.accepted_per_s);
  at("delivered-rate").textContent = rate(tick.delivered_per_s);
  at("refused-rate").textContent = rate(tick.refused_per_s);
  at("accepted").textContent = whole(tick.totals.accepted);
  at("open").textContent = whole(tick.open);
  at("lag").textContent = `event loop late by ${duration(tick.loop_lag_ms)}`;
}
