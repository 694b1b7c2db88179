// @ts-check
// Calls to the API of the process that serves the page. The token goes in a header, never in an address, and stays in
// this tab.

const KEY = "smsbench-token";
const HEADER_TEXT = /^[\x20-\x7e]*$/;
let token = sessionStorage.getItem(KEY) ?? "";

export class Unauthorized extends Error {}

export class Refused extends Error {
  /** @param {string[]} reasons */
  constructor(reasons) {
    super(reasons.join("; "));
    this.reasons = reasons;
  }
}

/** @param {string} given */
export function takeToken(given) {
  token = given;
  if (given) sessionStorage.setItem(KEY, given);
  else sessionStorage.removeItem(KEY);
}

export const hasToken = () => token !== "";

/**
 * @param {string} path
 * @param {RequestInit} options
 */
export async function open(path, options = {}) {
  if (!HEADER_TEXT.test(token)) throw new Unauthorized(); // fetch would fail as if there were no connection
  const reply = await fetch(path, {
    ...options,
    headers: { Authorization: `Bearer ${token}`, ...options.headers },
    cache: "no-store",
  });
  if (reply.status === 401) throw new Unauthorized();
  return reply;
}

/**
 * @param {string} path
 * @param {string} method
 * @param {unknown} value
 * @returns {Promise<any>} the payload; payloads.js of the page has the types
 */
export async function call(path, method = "GET", value = undefined) {
  const reply = await open(path, {
    method,
    body: value === undefined ? undefined : JSON.stringify(value),
    headers: value === undefined ? {} : { "Content-Type": "application/json" },
  });
  const answer = await reply.json();
  if (!reply.ok) throw new Refused(answer.errors ?? [answer.error?.message ?? `HTTP ${reply.status}`]);
  return answer;
}
