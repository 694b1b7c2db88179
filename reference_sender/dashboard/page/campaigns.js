// @ts-check
// Campaigns: how far each one is, when it will be sent, what it costs, and the buttons that stop it.

import { keyedList } from "./keyed.js";
import { call } from "./shared/api.js";
import { at, el, unbroken } from "./shared/elements.js";
import { counted, moment, rate, whole } from "./shared/format.js";
import { failed } from "./shared/session.js";
import { left, money, share } from "./words.js";

/** @typedef {import('./payloads.js').ShownCampaign} ShownCampaign */

const PARTS = /** @type {const} */ (["delivered", "failed", "expired", "sent", "queued", "held"]);
const SAID = {
  delivered: "delivered", failed: "failed", expired: "expired", sent: "report awaited", queued: "queued", held: "held",
};

/** @type {(rows: ShownCampaign[]) => void} */
let show;

export function startCampaigns() {
  at("key").append(...PARTS.map(part => el("li", {}, el("span", { class: `part ${part}` }), SAID[part])));
  show = keyedList(at("campaigns"), row => row.name, campaign);
}

/**
 * @param {ShownCampaign[]} rows
 * @param {number} more
 */
export function showCampaigns(rows, more) {
  show(rows);
  at("key").hidden = rows.length === 0;
  at("more").hidden = rows.length > 0 && more === 0;
  at("more").textContent = rows.length === 0
    ? "No campaign since the sender was started. POST /v1/campaigns sends one."
    : `and ${counted(more, "campaign", "campaigns")} more: GET /v1/campaigns/ID`;
}

/** @param {ShownCampaign} first */
function campaign({ name }) {
  const state = el("span", { class: "badge" });
  const bars = PARTS.map(part => el("span", { class: `part ${part}` }));
  const bar = el("div", { class: "stack", role: "img" }, bars);
  const done = el("b", {}), eta = el("span", { class: "eta" }), cost = el("span", { class: "cost" });
  const counts = el("p", { class: "counts quiet" });
  const pause = el("button", { type: "button", onclick: () => change(name, "pause") }, "Pause");
  const resume = el("button", { type: "button", onclick: () => change(name, "resume") }, "Resume");
  const cancel = el("button", { type: "button", class: "danger", onclick: () => end(name) }, "Cancel…");
  const element = el("li", { class: "card campaign", "aria-label": `Campaign ${name}` },
    el("div", { class: "head" }, el("h3", {}, name), state, el("span", { class: "actions" }, pause, resume, cancel)),
    bar, el("p", { class: "facts" }, done, eta, cost), counts);

  /** @param {ShownCampaign} row */
  function shown(row) {
    const left_count = row.queued + row.held;
    state.textContent = row.state;
    state.className = `badge ${row.state}`;
    bars.forEach((each, place) => { each.style.flexGrow = String(row[PARTS[place]]); });
    bar.setAttribute("aria-label", PARTS.map(part => `${SAID[part]} ${row[part]}`).join(", "));
    const all = counted(row.messages, "message", "messages");
    done.textContent = `${share(row.messages - left_count, row.messages)} of ${all} sent or ended`;
    eta.replaceChildren(...time(row));
    eta.hidden = eta.textContent === "";
    cost.hidden = row.cost === null;
    cost.textContent = row.cost === null ? "" : price(row);
    counts.textContent = PARTS.filter(part => row[part]).map(part => `${whole(row[part])} ${SAID[part]}`).join(" · ");
    pause.hidden = row.state !== "running";
    resume.hidden = row.state !== "paused";
    cancel.hidden = row.state !== "running" && row.state !== "paused";
  }
  return { element, show: shown };
}

/**
 * @param {ShownCampaign} row
 * @returns {(string | HTMLElement)[]}
 */
function time(row) {
  if (row.state === "paused" || row.state === "cancelled" || row.state === "ended") return [];
  if (row.queued === 0 && row.held === 0) return ["all sent, reports awaited"];
  const held = row.held === 0 ? [] : heldBy(row);
  if (row.queued === 0) return held;
  const speed = row.per_s === null ? "" : ` at ${rate(row.per_s)} / s`;
  return [`time left: ${left(row.eta_s)}${speed}`, ...(held.length ? ["; ", ...held] : [])];
}

/** @type {Record<string, string>} */
const HELD_BY = {
  paused: "held by the pause", spending_limit: "held by the spending limit",
  daily_limit: "held by the daily limit", later: "held by schedule or daily limit",
  quiet_hours: "held by quiet hours",
};

/**
 * @param {ShownCampaign} row
 * @returns {(string | HTMLElement)[]}
 */
function heldBy({ held_by, held_until_unix_s }) {
  const why = HELD_BY[held_by ?? ""] ?? "held";
  return held_until_unix_s === null ? [why] : [`${why} until `, unbroken(moment(held_until_unix_s))];
}

/** @param {ShownCampaign} row */
function price(row) {
  const limit = row.spending_limit === null ? "" : `, limit ${money(row.spending_limit)}`;
  const later = row.cost_at_end === row.cost ? "" : `, at the end ${money(row.cost_at_end)}`;
  return `cost ${money(row.cost)}${later}${limit}`;
}

/**
 * @param {string} name
 * @param {string} action
 */
async function change(name, action) {
  try {
    await call(`/v1/campaigns/${encodeURIComponent(name)}/${action}`, "POST", {});
  } catch (error) {
    failed(error);
  }
}

/** @param {string} name */
function end(name) {
  if (confirm(`Cancel campaign ${name}? Its messages that were not sent end as failed. This cannot be undone.`))
    change(name, "cancel");
}
