// @ts-check
// A message's journey on a time line, with the time between two timestamps.

import { el } from "./shared/elements.js";
import { clockMs, duration, words } from "./shared/format.js";

/** @type {Record<string, string>} */
const NAMES = {
  submitted: "Submitted", accepted: "Accepted at this attempt", answered: "Reply left",
  carrier: "Left the carrier's queue", final: "On the handset", reported: "Report sent", confirmed: "Report confirmed",
};
/** @type {Record<string, string>} */
const BETWEEN = {
  accepted: "earlier attempts", answered: "reply", carrier: "queues", final: "radio", reported: "report's delay",
  confirmed: "receiver",
};

/**
 * @param {import('./payloads.js').Journey | null} journey
 * @param {import('./payloads.js').CapturedMessage} message
 */
export function drawJourney(journey, message) {
  const title = el("h3", {}, "Journey");
  if (!journey) return [title, el("p", { class: "quiet" }, "The engine has forgotten this message.")];
  const { timestamps } = journey;
  const last = timestamps.findLastIndex(timestamp => timestamp.unix_s !== null);
  const whole_ms = timestamps.reduce((sum, timestamp) => sum + (timestamp.after_ms ?? 0), 0);
  const line = el("ol", { class: "journey" }, timestamps.map((timestamp, place) => {
    const happened = timestamp.unix_s !== null;
    return el("li", { class: happened ? "done" : place < last || journey.final ? "never" : "to-come" },
      el("span", { class: "timestamp" }, nameOf(timestamp, message)),
      el("time", {}, timestamp.unix_s === null ? missing(timestamp, place < last, journey.final)
        : clockMs(timestamp.unix_s)),
      el("span", { class: "after" }, timestamp.after_ms === null ? "" : `+ ${duration(timestamp.after_ms)}`));
  }));
  const total = el("p", { class: "quiet" }, `${duration(whole_ms)} ${journey.final ? "in all" : "so far"}`);
  return [title, shares(timestamps, whole_ms), line, last > 0 && total].filter(Boolean);
}

/**
 * @param {import('./payloads.js').JourneyTimestamp} timestamp
 * @param {import('./payloads.js').CapturedMessage} message
 */
function nameOf(timestamp, message) {
  if (timestamp.name !== "final" || timestamp.unix_s === null || message.state === "delivered")
    return NAMES[timestamp.name] ?? words(timestamp.name);
  return message.reason ? `${message.state}: ${words(message.reason)}` : message.state;
}

/**
 * @param {import('./payloads.js').JourneyTimestamp} timestamp
 * @param {boolean} later a later timestamp has happened
 * @param {boolean} final
 */
function missing(timestamp, later, final) {
  if (timestamp.name === "answered" && later) return "never: the reply was lost";
  return later || final ? "never" : "not yet";
}

/**
 * @param {import('./payloads.js').JourneyTimestamp[]} timestamps
 * @param {number} whole_ms
 */
function shares(timestamps, whole_ms) {
  const stages = timestamps.map(timestamp => ({ name: timestamp.name, after_ms: timestamp.after_ms ?? 0 }))
    .filter(timestamp => timestamp.after_ms > 0);
  if (stages.length < 2) return null;
  return el("div", { class: "shares", role: "img", "aria-label": "Where the time went" }, stages.map(timestamp => {
    const share = timestamp.after_ms / whole_ms;
    const between = BETWEEN[timestamp.name];
    const stage = el("span", {
      class: `stage ${timestamp.name}`, title: `${between}: ${duration(timestamp.after_ms)}`,
    }, share > 0.14 ? between : "");
    stage.style.flexGrow = String(Math.max(share, 0.005));
    return stage;
  }));
}
