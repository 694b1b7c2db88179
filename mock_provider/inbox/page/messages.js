// @ts-check
// The list of messages: newest first, drawn a few times per second at any rate of messages.

import { call } from "./shared/api.js";
import { at, copyButton, el } from "./shared/elements.js";
import { stateWords } from "./message_words.js";
import { clock, counted, whole } from "./shared/format.js";

const ROWS = 200;
const DRAWN_EVERY_MS = 200;
const ASKED_EVERY_MS = 1000;
const TYPED_MS = 150;
const STATES = ["open", "delivered", "undelivered", "expired", "rejected", "unknown"];
const AT_TOP_PX = 8;

/**
 * @typedef {import('./payloads.js').CapturedMessage} Message
 * @typedef {{ message: Message, node: any, badge: any }} Row
 * @type {Map<string, Row>}
 */
const rows = new Map(); // id: { message, node, badge }, newest first
/** @type {Message[]} */
let waiting = []; // received, not drawn yet, newest first
let passed = 0; // newer than the list, and too many to be drawn
let holes = false; // the list lacks messages that passed, until it is fetched again
let rowsAllowed = ROWS;
let paused = false, selected = "", drawTimer = 0, askTimer = 0, lastAsked = 0, question = 0;
let news = 0; // events so far: a reply that was requested before an event may not include it
/** @type {(error: unknown) => void} */
let report = _error => {};

/** @param {(error: unknown) => void} onError */
export function startMessages(onError) {
  report = onError;
  at("state").append(el("option", { value: "" }, "any state"), ...STATES.map(s => el("option", { value: s }, s)));
  at("filter").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  at("filter").addEventListener("input", () => { rowsAllowed = ROWS; ask(TYPED_MS); });
  at("pause").addEventListener("click", () => setPaused(!paused));
  at("fresh").addEventListener("click", () => { at("scroll").scrollTop = 0; draw(); });
  at("scroll").addEventListener("scroll", () => { if (atTop() && waiting.length) draw(); });
  at("older").addEventListener("click", showOlder);
}

/** @param {{ messages: Message[], skipped: number }} event */
export function arrived({ messages, skipped }) {
  news += 1;
  if (filtering()) { ask(ASKED_EVERY_MS); return; }
  waiting = [...messages, ...waiting];
  passed += skipped + Math.max(0, waiting.length - ROWS);
  waiting = waiting.slice(0, ROWS);
  drawSoon();
}

/** @param {(Partial<Message> & { provider_id: string })[]} changes */
export function changed(changes) {
  news += 1;
  for (const change of changes) {
    const row = rows.get(change.provider_id);
    if (row) showState(row, { ...row.message, ...change });
    const held = waiting.findIndex(message => message.provider_id === change.provider_id);
    if (held >= 0) waiting[held] = { ...waiting[held], ...change };
  }
  if (at("state").value) ask(ASKED_EVERY_MS);
}

// Ask the server for the list again, at most once a second while messages come.
export function ask(after_ms = 0) {
  if (paused && after_ms === ASKED_EVERY_MS) return;
  if (askTimer) {
    if (after_ms >= ASKED_EVERY_MS) return;
    clearTimeout(askTimer);
  }
  const since_ms = performance.now() - lastAsked;
  askTimer = setTimeout(load, after_ms === ASKED_EVERY_MS ? Math.max(0, after_ms - since_ms) : after_ms);
}

async function load() {
  askTimer = 0;
  lastAsked = performance.now();
  const number = ++question;
  const known = news;
  try {
    const { messages } = await call(`/admin/messages?${query({ limit: ROWS })}`);
    if (number !== question) return;
    waiting = [];
    passed = 0;
    show(messages, olderThan(messages));
    holes = false;
    at("older").hidden = messages.length < ROWS;
    if (news !== known) ask(ASKED_EVERY_MS); // the reply may be older than these events
  } catch (error) {
    report(error);
  }
}

/**
 * The rows below a new list of the newest, as far as the reader asked for them. None if the lists do not meet.
 * @param {Message[]} messages
 */
function olderThan(messages) {
  const shown = [...rows.values()];
  const oldest = messages.at(-1)?.provider_id;
  const met = messages.length < ROWS ? -1 : shown.findIndex(row => row.message.provider_id === oldest);
  if (met < 0) rowsAllowed = ROWS;
  return met < 0 ? [] : shown.slice(met + 1, met + 1 + rowsAllowed - messages.length);
}

async function showOlder() {
  // Rows below a list with holes would not meet the list that fills these, and be removed with it.
  if (holes) {
    clearTimeout(askTimer);
    await load();
  }
  const last = [...rows.keys()].at(-1);
  rowsAllowed += ROWS; // before the reply: what comes meanwhile must not push out the last row
  try {
    const { messages } = await call(`/admin/messages?${query({ limit: ROWS, before: last })}`);
    if ([...rows.keys()].at(-1) !== last) return; // another list, or older rows of an earlier click
    for (const message of messages) add(message, node => at("messages").append(node));
    at("older").hidden = messages.length < ROWS;
    sayShown();
  } catch (error) {
    report(error);
  }
}

export function emptied() {
  waiting = [];
  passed = 0;
  rowsAllowed = ROWS;
  holes = false;
  show([], []);
  at("older").hidden = true;
}

/** @param {string} id */
export function select(id) {
  rows.get(selected)?.node.firstChild.removeAttribute("aria-current");
  selected = id;
  rows.get(id)?.node.firstChild.setAttribute("aria-current", "true");
}

/** @type {(id: string) => void} */
export const reveal = id => rows.get(id)?.node.scrollIntoView({ block: "nearest" });

/**
 * The message `step` places further down, or the first.
 * @param {number} step
 */
export function neighbour(step) {
  const ids = [...rows.keys()];
  const place = ids.indexOf(selected);
  return place < 0 ? ids[0] : ids[Math.min(ids.length - 1, Math.max(0, place + step))];
}

/** @param {Record<string, string | number | undefined>} more */
function query(more) {
  const text = at("text").value.trim();
  const asked = { number: at("number").value.trim(), text, state: at("state").value, ...more };
  const given = Object.entries(asked).filter(([, value]) => value !== "");
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
}

const filtering = () => Boolean(at("number").value.trim() || at("text").value.trim() || at("state").value);
const atTop = () => at("scroll").scrollTop <= AT_TOP_PX;

/** @param {boolean} value */
function setPaused(value) {
  paused = value;
  at("pause").setAttribute("aria-pressed", String(paused));
  at("pause").textContent = paused ? "Follow" : "Pause";
  if (!paused) ask();
  sayShown();
}

function drawSoon() {
  if (drawTimer) return;
  drawTimer = setTimeout(() => { drawTimer = 0; drawIfFollowed(); }, DRAWN_EVERY_MS);
}

function drawIfFollowed() {
  // The list must not move for a reader who has scrolled down.
  if (!paused && atTop()) draw();
  sayShown();
}

function draw() {
  const fresh = waiting.filter(message => !rows.has(message.provider_id));
  waiting = [];
  if (passed) {
    holes = true;
    ask(ASKED_EVERY_MS);
  }
  passed = 0;
  if (fresh.length) {
    const older = [...rows];
    rows.clear();
    /** @type {Node[]} */
    const nodes = [];
    for (const message of fresh) add(message, node => nodes.push(node));
    for (const [id, row] of older) {
      if (rows.size < rowsAllowed) rows.set(id, row);
      else row.node.remove();
    }
    at("messages").prepend(...nodes);
    at("older").hidden = rows.size < ROWS;
  }
  sayShown();
}

/**
 * @param {Message[]} messages
 * @param {Row[]} older rows that stay below them
 */
function show(messages, older) {
  const before = new Map(rows);
  rows.clear();
  const nodes = [];
  for (const message of messages) {
    const row = before.get(message.provider_id);
    if (row) {
      rows.set(message.provider_id, row);
      showState(row, message);
      nodes.push(row.node);
    } else add(message, node => nodes.push(node));
  }
  for (const row of older) {
    rows.set(row.message.provider_id, row);
    nodes.push(row.node);
  }
  at("messages").replaceChildren(...nodes);
  sayShown();
}

/**
 * @param {Message} message
 * @param {(node: any) => void} put
 */
function add(message, put) {
  if (rows.has(message.provider_id)) return;
  const badge = el("span");
  const from = [message.sender && `from ${message.sender}`, message.carrier, message.protocol,
    message.segments > 1 && `${message.segments} segments`].filter(Boolean).join(" · ");
  const node = el("li", {}, el("a", { href: `#/m/${encodeURIComponent(message.provider_id)}`, class: "row" },
    el("span", { class: "number" }, `+${message.number}`), badge,
    el("time", { datetime: new Date(message.accepted_unix_s * 1000).toISOString() }, clock(message.accepted_unix_s)),
    el("span", { class: "text" }, message.text), el("span", { class: "meta" }, from)));
  const row = { message, node, badge };
  if (message.provider_id === selected) node.firstChild.setAttribute("aria-current", "true");
  rows.set(message.provider_id, row);
  showState(row, message);
  put(node);
}

/**
 * @param {Row} row
 * @param {Message} message
 */
function showState(row, message) {
  row.message = message;
  row.badge.className = `state ${message.state || "forgotten"}`;
  row.badge.textContent = stateWords(message);
}

function sayShown() {
  const held = waiting.length + passed;
  at("fresh").hidden = paused || waiting.length === 0 || atTop();
  at("fresh").textContent = `↑ ${whole(held)} new`;
  at("shown").textContent = paused
    ? `paused${held ? `, ${whole(held)} new` : ""}`
    : counted(rows.size, "message shown", "messages shown");
  const nothing = rows.size === 0 && waiting.length === 0;
  at("empty").hidden = !nothing;
  if (!nothing) return;
  const hint = filtering() ? [el("p", {}, "No captured message matches.")] : howToBegin();
  at("empty").replaceChildren(...hint);
}

function howToBegin() {
  const form = "to=48500100200&message=Hello&format=json";
  const line = `curl -H "Authorization: Bearer $TOKEN" -d "${form}" ${location.origin}/sms.do`;
  return [
    el("h2", {}, "Nothing here yet"),
    el("p", {}, "Point your SMS client's base URL at ", el("code", {}, location.origin), " and send; or try:"),
    el("pre", {}, line), copyButton(line, "Copy the line"),
    el("p", { class: "quiet" }, "TOKEN is the account's token: given with --token, or on the provider's ready line."),
  ];
}
