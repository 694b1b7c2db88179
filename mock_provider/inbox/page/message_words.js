// @ts-check
// A message's price and state as text.

import { words } from "./shared/format.js";

/** @param {number} points */
export function price(points) {
  return `${Number(points.toFixed(6))} ${points === 1 ? "point" : "points"}`;
}

/** @type {Record<string, string>} */
const STAGES = {
  ANSWERING: "being answered", SCHEDULED: "scheduled", QUEUED: "in accept queue",
  AT_CARRIER: "in carrier queue", ON_AIR: "on air",
  LOST: "lost by a fault, stays open",
};

/** @param {import('./payloads.js').CapturedMessage} message */
export function stateWords(message) {
  if (message.state === "") return "forgotten";
  if (message.state === "open") return STAGES[message.stage] ?? words(message.stage);
  return message.reason ? `${message.state} · ${words(message.reason)}` : message.state;
}
