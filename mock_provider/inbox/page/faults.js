// @ts-check
// Faults: those that are active with their countdown, and the form to start one.

import { call } from "./shared/api.js";
import { at, el } from "./shared/elements.js";
import { duration, words } from "./shared/format.js";
import { schemaForm } from "./schema_form.js";

/** @type {[string, { kind: string, [setting: string]: any }][]} */
const PRESETS = [
  ["Outage", { kind: "outage" }],
  ["Brown-out: ×5 and half a second", { kind: "added_latency", factor: 5, plus_s: 0.5 }],
  ["20 % internal errors", { kind: "error_rate", share: 0.2 }],
  ["10 % replies lost after accept", { kind: "lost_reply", share: 0.1 }],
];
const PRESET_S = 30;

/**
 * @typedef {import('./payloads.js').FaultWindow} FaultWindow
 * @type {FaultWindow[]}
 */
let windows = [];
/** @type {Record<string, any>} JSON schema of each kind */
let kinds = {};
let taken_ms = 0;
/** @type {import('./schema_form.js').SchemaForm} */
let form;
/** @type {Record<string, string[]>} */
let suggestions = {};
/** @typedef {(error: any) => void} OnError null: there is no error */
/** @type {OnError} */
let report;
/** @type {Record<"list" | "chooser" | "fields" | "lasting" | "presets", any>} */
let parts;

/** @param {OnError} onError */
export function startFaults(onError) {
  report = onError;
  const list = el("ul", { class: "faults", "aria-label": "Faults" });
  const presets = el("p", { class: "buttons" });
  const chooser = el("select", { "aria-label": "Kind of fault" });
  chooser.addEventListener("change", showFields);
  const fields = el("div", { class: "fields" });
  const lasting = el("input", {
    type: "number", min: 0.1, step: "any", value: PRESET_S, placeholder: "until ended",
  });
  parts = { list, chooser, fields, lasting, presets };
  const start = el("form", { class: "card", "aria-label": "Start a fault" },
    el("label", {}, el("span", {}, "Kind"), chooser), fields,
    el("label", {}, el("span", {}, "Lasts ", el("span", { class: "quiet" }, "(seconds; empty: until ended)")), lasting),
    el("p", { class: "buttons" }, el("button", { class: "main" }, "Start the fault")));
  start.addEventListener("submit", (/** @type {Event} */ event) => { event.preventDefault(); startOne(); });
  setInterval(drawWindows, 1000);
  return el("section", {}, el("h2", {}, "Faults"), list,
    el("p", { class: "quiet" }, `For ${PRESET_S} seconds:`), presets, start);
}

/** @param {import('./payloads.js').Profile} profile */
export async function loadFaults(profile) {
  const answer = await call("/admin/faults");
  windows = answer.windows;
  taken_ms = performance.now();
  suggestions = {
    carriers: profile.carriers.map(carrier => carrier.name),
    countries: [...new Set(profile.carriers.map(carrier => carrier.country))].filter(country => country !== "*"),
  };
  if (Object.keys(kinds).length === 0) {
    kinds = answer.kinds;
    parts.chooser.append(...Object.keys(kinds).map(kind => el("option", { value: kind }, words(kind))));
    parts.presets.append(...PRESETS.filter(([, fault]) => kinds[fault.kind]).map(([name, fault]) =>
      el("button", { type: "button", onclick: () => begin({ ...fault, duration_s: PRESET_S }) }, name)));
    showFields();
  }
  drawWindows();
  return answer.as_started;
}

function showFields() {
  const schema = kinds[parts.chooser.value];
  form = schemaForm(schema, suggestions);
  const about = (schema.description ?? "").replaceAll("``", "");
  parts.fields.replaceChildren(el("p", { class: "quiet" }, about), ...form.elements);
}

function startOne() {
  try {
    /** @type {Record<string, any>} */
    const fault = { kind: parts.chooser.value, ...form.read() };
    if (parts.lasting.value !== "") fault.duration_s = Number(parts.lasting.value);
    begin(fault);
  } catch (error) {
    report(error);
  }
}

/** @type {(fault: Record<string, any>) => Promise<void>} */
const begin = fault => act(() => call("/admin/faults", "POST", fault));
/** @type {(name: string) => Promise<void>} */
const end = name => act(() => call(`/admin/faults?name=${encodeURIComponent(name)}`, "DELETE"));

/** @param {() => Promise<any>} change */
async function act(change) {
  try {
    report(null);
    await change();
  } catch (error) {
    report(error);
  }
}

function drawWindows() {
  const passed_s = (performance.now() - taken_ms) / 1000;
  const now = windows.map(window => ({ window, ...phase(window, passed_s) }));
  const active = now.filter(each => each.name === "active");
  show(at("active-faults"), active);
  at("active-faults").hidden = active.length === 0;
  if (parts) show(parts.list, now, el("li", { class: "quiet" }, "none"));
}

/** @typedef {{ window: FaultWindow, name: string, left: string }} Shown */

/**
 * @param {any} place
 * @param {Shown[]} entries
 * @param {any} otherwise
 */
function show(place, entries, otherwise = null) {
  // Buttons stay where they are while the seconds run.
  const key = entries.map(each => `${each.window.name}/${each.name}`).join();
  if (place.dataset.key === key && entries.length) {
    entries.forEach((each, index) => { place.children[index].querySelector(".left").textContent = each.left; });
    return;
  }
  place.dataset.key = key;
  const tag = place === parts?.list ? "li" : "div";
  const nothing = entries.length || !otherwise ? [] : [otherwise];
  place.replaceChildren(...entries.map(each => entry(each, tag)), ...nothing);
}

/**
 * @param {Shown} shown
 * @param {string} tag
 */
function entry({ window, name, left }, tag) {
  const ends = { type: "button", "aria-label": `End ${window.name}`, onclick: () => end(window.name) };
  return el(tag, { class: `fault ${name.replaceAll(" ", "-")}` },
    el("span", {}, window.title), " ",
    el("span", { class: "left" }, left), " ",
    el("button", ends, name === "ended" ? "Remove" : "End"));
}

/**
 * @param {FaultWindow} window
 * @param {number} passed_s since the server sent it
 */
function phase(window, passed_s) {
  if (window.waits_for_input)
    return { name: "scheduled", left: `${seconds(window.begins_in_s)} after the first request` };
  const begins_s = window.begins_in_s - passed_s;
  if (begins_s > 0) return { name: "scheduled", left: `in ${seconds(begins_s)}` };
  if (window.ends_in_s === null) return { name: "active", left: "until ended" };
  const left_s = window.ends_in_s - passed_s;
  return left_s > 0 ? { name: "active", left: `${seconds(left_s)} left` } : { name: "ended", left: "ended" };
}

/** @type {(value_s: number) => string} */
const seconds = value_s => value_s < 60 ? `${Math.ceil(value_s)}\u202fs` : duration(Math.ceil(value_s) * 1000);
