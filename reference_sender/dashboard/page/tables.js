// @ts-check
// Alerts, message classes, routes and errors.

import { keyedList } from "./keyed.js";
import { at, el, unbroken } from "./shared/elements.js";
import { counted, percent, rate, whole, words } from "./shared/format.js";
import { measured, span } from "./words.js";

/**
 * @typedef {import('./payloads.js').AlertRow} AlertRow
 * @typedef {import('./payloads.js').ClassRow} ClassRow
 * @typedef {import('./payloads.js').RouteRow} RouteRow
 * @typedef {import('./payloads.js').ErrorRow} ErrorRow
 * @typedef {import('./payloads.js').Overview} Overview
 */

const COUNTS = /** @type {const} */ (["sent", "delivered", "failed", "expired", "queued"]);

/** @type {(rows: ClassRow[]) => void} */
let showClasses;
/** @type {(rows: RouteRow[]) => void} */
let showRoutes;

export function startTables() {
  showClasses = keyedList(at("classes"), row => row.message_class, classCard);
  showRoutes = keyedList(at("routes"), row => row.name, routeCard);
}

/** @param {Overview} now */
export function showTables(now) {
  at("window").textContent = `delivery times of the last ${span(Math.max(1, now.window_s))}`;
  showClasses(now.classes);
  showRoutes(now.routes);
  showAlerts(now);
  showErrors(now);
}

/** @param {Overview} now */
function showAlerts({ alerts, ended_alerts }) {
  const rows = alerts.map(alert => el("li", { class: "card alert" }, el("b", {}, alert.name),
    `: ${alert.description} `,
    el("span", { class: "quiet" }, `for ${span(alert.lasted_s)}`)));
  if (!rows.length) rows.push(el("li", { class: "quiet" }, "No alert is active."));
  rows.push(...ended_alerts.slice(0, 3).map(ended));
  at("alerts").replaceChildren(...rows);
}

/** @param {AlertRow} alert */
function ended(alert) {
  const ago = span(alert.ended_ago_s ?? 0);
  return el("li", { class: "quiet ended" }, `${alert.name} ended ${ago} ago, after ${span(alert.lasted_s)}`);
}

/** @param {ClassRow} first */
function classCard({ message_class }) {
  const p95 = el("b", { class: "p95" }), text = el("span", { class: "quiet" });
  const badge = el("span", { class: "badge" }), fill = el("span", { class: "fill" });
  const track = el("div", { class: "track" }, fill, el("span", { class: "mark" }));
  const counts = COUNTS.map(name => ({ name, dd: el("dd", {}) }));
  const element = el("li", { class: "card", "aria-label": `Class ${message_class}` },
    el("div", { class: "head" }, el("h3", {}, message_class), badge),
    el("p", {}, p95, " ", text), track,
    el("dl", { class: "counts" }, counts.map(({ name, dd }) => el("div", {}, el("dt", {}, name), dd))));

  /** @param {ClassRow} row */
  function shown(row) {
    const { p50_s, p95_s, alert_limit_s } = row;
    p95.textContent = p95_s === null ? "–" : `95 % within ${measured(p95_s)}`;
    text.textContent = p95_s === null || p50_s === null
      ? `${counted(row.measured, "delivery", "deliveries")}: too few`
      : `half within ${measured(p50_s)}, of ${counted(row.measured, "delivery", "deliveries")}`;
    badge.hidden = alert_limit_s === null || p95_s === null;
    if (alert_limit_s !== null)
      badge.textContent = `${row.over ? "over" : "within"} alert limit: ${measured(alert_limit_s)}`;
    badge.className = `badge ${row.over ? "bad" : "good"}`;
    track.hidden = alert_limit_s === null;
    track.title = alert_limit_s === null ? "" : `alert limit: 95 % within ${measured(alert_limit_s)}`;
    if (alert_limit_s !== null) fill.style.width = `${Math.min(100, 50 * (p95_s ?? 0) / alert_limit_s)}%`;
    fill.className = row.over ? "fill over" : "fill";
    for (const { name, dd } of counts) dd.textContent = whole(row[name]);
  }
  return { element, show: shown };
}

/** @param {RouteRow} first */
function routeCard({ name }) {
  const badge = el("span", { class: "badge" }), facts = el("p", { class: "quiet" });
  const trouble = el("p", { class: "trouble" });
  const element = el("li", { class: "card", "aria-label": `Route ${name}` },
    el("div", { class: "head" }, el("h3", {}, name), badge), trouble, facts);

  /** @param {RouteRow} row */
  function shown(row) {
    const pause = row.paused_s > 0 ? `, next attempt in ${span(row.paused_s)}` : "";
    badge.textContent = row.condition + pause;
    trouble.textContent = row.trouble && `Last error: ${row.trouble}`;
    trouble.hidden = !row.trouble;
    badge.className = `badge ${row.condition === "ok" ? "good" : "bad"}`;
    const paced = row.paced_requests_per_s < row.requests_per_s * 0.999 ? `${rate(row.paced_requests_per_s)} of ` : "";
    const pieces = [
      `${row.in_flight} of ${counted(row.max_in_flight, "request", "requests")} in flight`,
      `limit ${paced}${rate(row.requests_per_s)} requests / s`,
      `${counted(row.throttled, "request", "requests")} throttled`,
    ];
    if (row.delivery_rate !== null && row.delivery_s !== null)
      pieces.push(`delivers ${percent(Number(row.delivery_rate.toFixed(3)))}, mean ${measured(row.delivery_s)}`);
    facts.replaceChildren(...pieces.flatMap((each, place) => [place ? " · " : "", unbroken(each)]));
  }
  return { element, show: shown };
}

/** @param {Overview} now */
function showErrors({ errors, window_s }) {
  if (!errors.length) {
    at("errors").replaceChildren(el("p", { class: "quiet" }, "No message has failed or expired."));
    return;
  }
  const head = el("tr", {}, el("th", { scope: "col" }, "code"),
    el("th", { scope: "col" }, `last ${span(Math.max(1, window_s))}`), el("th", { scope: "col" }, "since start"));
  at("errors").replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, errors.map(row =>
    el("tr", {}, el("th", { scope: "row" }, words(row.reason) || "no reason given"),
      el("td", {}, whole(row.in_window)), el("td", {}, whole(row.messages)))))));
}
