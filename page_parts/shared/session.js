// @ts-check
// The page's session: it asks for the token, follows the events, and says whether the connection is there.
// The page has the elements #login (a form with #token), #board and #status; elements of class `inside` are hidden
// while the token is missing.

import { hasToken, takeToken, Unauthorized } from "./api.js";
import { at } from "./elements.js";
import { follow } from "./stream.js";

/**
 * @typedef {object} Session
 * @property {string} events path of the events
 * @property {string} wrongToken the words for a token that is refused
 * @property {string} lost the words for a connection that is lost
 * @property {(name: string, value: any) => void} onEvent gets each event
 * @property {(error: Error | null) => void} showError shows an error; null: there is none
 */

/** @type {Session} */
let session;
let running = false;

/** @param {Session} given */
export function startSession(given) {
  session = given;
  takeTokenOfAddress();
  addEventListener("hashchange", () => {
    if (takeTokenOfAddress()) run();
  });
  at("login").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    takeToken(at("token").value.trim());
    at("token").value = "";
    run();
  });
  if (hasToken()) run();
  else askForToken("");
}

/** @param {any} error */
export function failed(error) {
  if (error instanceof Unauthorized) askForToken(session.wrongToken);
  else session.showError(error);
}

function takeTokenOfAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return false;
  takeToken(given);
  // Remove the token from the address bar, so that it is not copied with the address.
  history.replaceState(null, "", location.pathname + location.search + "#/");
  return true;
}

/** @param {string} why */
function askForToken(why) {
  takeToken("");
  showStatus(why);
  show(false);
  at("token").focus();
}

/** @param {string} words */
function showStatus(words) {
  at("status").textContent = words;
  at("status").className = words === "live" ? "live" : "";
}

/** @param {boolean} open */
function show(open) {
  at("login").hidden = open;
  at("board").hidden = !open;
  for (const each of document.getElementsByClassName("inside")) /** @type {HTMLElement} */ (each).hidden = !open;
}

async function run() {
  if (running) return;
  running = true;
  try {
    await follow(session.events, session.onEvent, connectionChanged);
  } catch (error) {
    failed(error);
  } finally {
    running = false;
  }
}

/** @param {"live" | "lost"} state */
function connectionChanged(state) {
  showStatus(state === "live" ? "live" : session.lost);
  if (state !== "live") return;
  session.showError(null);
  show(true);
}
