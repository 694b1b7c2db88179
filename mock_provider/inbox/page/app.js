// @ts-check
// The page: selects the view, and passes the stream's events to the views.

import { showError, loadControls, startControls } from "./controls.js";
import { refresh, showMessage, shownMessage } from "./detail.js";
import { arrived, ask, changed, emptied, neighbour, reveal, select, startMessages } from "./messages.js";
import { call } from "./shared/api.js";
import { at } from "./shared/elements.js";
import { failed, startSession } from "./shared/session.js";
import { draw, loadHistory, startTraffic, ticked } from "./traffic.js";

const VIEWS = ["messages", "traffic", "controls"];

/**
 * @param {string} name
 * @param {any} value the event's payload
 */
function onEvent(name, value) {
  if (name === "messages") arrived(value);
  else if (name === "changes") {
    changed(value.changes);
    /** @type {import('./payloads.js').CapturedMessage[]} */
    const changes = value.changes;
    if (changes.some(change => change.provider_id === shownMessage())) refresh();
  } else if (name === "tick") ticked(value);
  else if (name === "settings") loadControls().catch(failed);
  else if (name === "behind") ask();
  else if (name === "cleared") {
    emptied();
    if (shownMessage()) location.hash = "#/";
  } else if (name === "hello") Promise.all([ask(), loadHistory(), loadControls(), refresh()]).catch(failed);
}

function route() {
  const [, first = "", rest = ""] = /^#\/([^/]*)\/?(.*)$/.exec(location.hash) ?? [];
  const view = VIEWS.includes(first) ? first : "messages";
  for (const each of VIEWS) at(`${each}-view`).hidden = each !== view;
  for (const link of at("views").children) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.view = view;
  const id = first === "m" ? decodeURIComponent(rest) : "";
  select(id);
  if (id !== shownMessage() || !id) showMessage(id);
  draw();
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  /** @type {HTMLElement | null} */
  const typing = /** @type {HTMLElement} */ (event.target).closest("input, select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || at("board").hidden) return;
  if (event.key === "Escape") {
    if (typing) typing.blur();
    else if (shownMessage()) location.hash = "#/";
  } else if (typing) return;
  else if (event.key === "/") {
    event.preventDefault();
    location.hash = "#/";
    at("text").focus();
  } else if (event.key === "j" || event.key === "k") {
    const next = neighbour(event.key === "j" ? 1 : -1);
    if (!next) return;
    location.hash = `#/m/${encodeURIComponent(next)}`;
    reveal(next);
  }
}

async function clear() {
  if (!confirm("Delete all messages, counts and used limits of this provider? Its settings stay.")) return;
  try {
    await call("/admin/reset", "POST");
  } catch (error) {
    failed(error);
  }
}

startMessages(failed);
startTraffic();
startControls();
startSession({
  events: "/admin/events",
  wrongToken: "This token is not the admin token.",
  lost: "no connection to the provider",
  onEvent,
  showError,
});
route();
addEventListener("hashchange", route);
addEventListener("keydown", pressed);
at("clear").addEventListener("click", clear);
