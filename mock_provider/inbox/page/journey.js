// @ts-check
// A message's way on a time line, with the time between each two marks.

import { el } from "./elements.js";
import { clockMs, duration, words } from "./format.js";

const NAMES = {
  submitted: "Submitted", accepted: "Accepted at this attempt", answered: "Reply left",
  carrier: "Left the carrier's queue", ended: "On the handset", reported: "Report sent", confirmed: "Report confirmed",
};
const BETWEEN = {
  accepted: "earlier attempts", answered: "reply", carrier: "queues", ended: "radio", reported: "report's delay",
  confirmed: "receiver",
};

/**
 * @param {import('./payloads.js').Journey | null} journey
 * @param {import('./payloads.js').CapturedMessage} message
 */
export function drawJourney(journey, message) {
  const title = el("h3", {}, "Journey");
  if (!journey) return [title, el("p", { class: "quiet" }, "The engine has forgotten this message.")];
  const { marks } = journey;
  const last = marks.findLastIndex(mark => mark.unix_s !== null);
  const whole_ms = marks.reduce((sum, mark) => sum + (mark.after_ms ?? 0), 0);
  const line = el("ol", { class: "journey" }, marks.map((mark, place) => {
    const happened = mark.unix_s !== null;
    return el("li", { class: happened ? "done" : place < last || journey.final ? "never" : "to-come" },
      el("span", { class: "mark" }, nameOf(mark, message)),
      el("time", {}, happened ? clockMs(mark.unix_s) : missing(mark, place < last, journey.final)),
      el("span", { class: "after" }, mark.after_ms === null ? "" : `+ ${duration(mark.after_ms)}`));
  }));
  const total = el("p", { class: "quiet" }, `${duration(whole_ms)} ${journey.final ? "in all" : "so far"}`);
  return [title, shares(marks, whole_ms), line, last > 0 && total].filter(Boolean);
}

/**
 * @param {import('./payloads.js').Mark} mark
 * @param {import('./payloads.js').CapturedMessage} message
 */
function nameOf(mark, message) {
  if (mark.name !== "ended" || mark.unix_s === null || message.state === "delivered") return NAMES[mark.name] ?? words(mark.name);
  return message.reason ? `${message.state}: ${words(message.reason)}` : message.state;
}

/**
 * @param {import('./payloads.js').Mark} mark
 * @param {boolean} later a later mark has happened
 * @param {boolean} final
 */
function missing(mark, later, final) {
  if (mark.name === "answered" && later) return "never: the reply was lost";
  return later || final ? "never" : "not yet";
}

/**
 * @param {import('./payloads.js').Mark[]} marks
 * @param {number} whole_ms
 */
function shares(marks, whole_ms) {
  const stages = marks.map(mark => ({ name: mark.name, after_ms: mark.after_ms ?? 0 })).filter(mark => mark.after_ms > 0);
  if (stages.length < 2) return null;
  return el("div", { class: "shares", role: "img", "aria-label": "Where the time went" }, stages.map(mark => {
    const share = mark.after_ms / whole_ms;
    const stage = el("span", { class: `stage ${mark.name}`, title: `${BETWEEN[mark.name]}: ${duration(mark.after_ms)}` },
      share > 0.14 ? BETWEEN[mark.name] : "");
    stage.style.flexGrow = String(Math.max(share, 0.005));
    return stage;
  }));
}
