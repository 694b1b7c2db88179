// @ts-check
// The page: passes the events of the sender to its parts.

import { showCampaigns, startCampaigns } from "./campaigns.js";
import { addPoint, showHistory, startCharts } from "./rates.js";
import { at } from "./shared/elements.js";
import { counted, rate, whole } from "./shared/format.js";
import { startSession } from "./shared/session.js";
import { showTables, startTables } from "./tables.js";
import { left, money, span } from "./words.js";

/** @typedef {import('./payloads.js').Overview} Overview */

/** @param {Overview} now */
function show(now) {
  const { point } = now;
  const backlog = point.in_flight + Object.values(point.queued).reduce((sum, each) => sum + each, 0);
  at("accepted-rate").textContent = rate(point.accepted_per_s);
  at("sent-rate").textContent = rate(point.sent_per_s);
  at("delivered-rate").textContent = rate(point.delivered_per_s);
  at("backlog").textContent = whole(backlog);
  at("backlog-eta").textContent = left(now.eta_s);
  at("held").textContent = whole(point.held);
  at("awaited").textContent = whole(point.awaiting_report);
  at("cost").textContent = money(now.cost);
  at("cost-at-end").textContent = money(now.cost_at_end);
  const nodes = now.nodes === null ? "" : `, one of ${counted(now.nodes, "node", "nodes")}: figures of this process`;
  const counts = `${whole(now.accepted)} accepted, ${whole(now.refused)} refused`;
  at("about").textContent = `up ${span(now.up_s)}, ${counts}${nodes}`;
  at("store").hidden = now.store === "";
  at("store").textContent = now.store === "" ? "" : `Nothing can be stored: ${now.store}`;
  document.title = now.alerts.length ? `(${now.alerts.length}) SMS sender` : "SMS sender";
  showCampaigns(now.campaigns, now.more_campaigns);
  showTables(now);
}

/**
 * @param {string} name
 * @param {any} value the event's payload
 */
function onEvent(name, value) {
  if (name === "history") showHistory(value);
  else if (name === "overview") {
    addPoint(value.point);
    show(value);
  }
}

/** @param {Error | null} error */
function showError(error) {
  at("complaint").hidden = error === null;
  at("complaint").textContent = error === null ? "" : error.message;
}

startCampaigns();
startTables();
startCharts();
startSession({
  events: "/v1/dashboard/events",
  wrongToken: "This token is not the client token.",
  lost: "no connection to the sender",
  onEvent,
  showError,
});
