// @ts-check
// Times, costs and parts of a whole as text.

import { whole } from "./shared/format.js";

const NARROW_SPACE = "\u202f";

/** @param {number} seconds a time that is only known roughly */
export function span(seconds) {
  if (seconds < 99.5) return `${Math.ceil(seconds)}${NARROW_SPACE}s`;
  if (seconds < 5970) return `${Math.round(seconds / 60)}${NARROW_SPACE}min`;
  if (seconds < 171000) return `${Math.round(seconds / 3600)}${NARROW_SPACE}h`;
  return `${whole(seconds / 86400)}${NARROW_SPACE}days`;
}

/** @param {number | null} eta_s */
export function left(eta_s) {
  if (eta_s === null) return "unknown";
  return eta_s === 0 ? "–" : span(eta_s);
}

/** @param {number | null} value in the currency of the prices, which the sender does not know */
export function money(value) {
  if (value === null) return "no prices";
  const [units, parts] = value.toFixed(2).split(".");
  return `${whole(Number(units))}.${parts}`;
}

/**
 * Never 100 % while something is left.
 * @param {number} part
 * @param {number} all
 */
export function share(part, all) {
  if (all === 0) return `0${NARROW_SPACE}%`;
  return `${part === all ? 100 : Math.min(99.9, Math.floor(1000 * part / all) / 10)}${NARROW_SPACE}%`;
}

/** @param {number} seconds a time that was measured, at most 2 h */
export function measured(seconds) {
  if (seconds >= 7200) return `2${NARROW_SPACE}h or more`;
  if (seconds < 1) return `${Math.round(seconds * 1000)}${NARROW_SPACE}ms`;
  if (seconds < 59.95) return `${Number(seconds.toFixed(1))}${NARROW_SPACE}s`;
  return span(seconds);
}
