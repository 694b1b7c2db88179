// @ts-check
// Limits, latency and failures: the present settings, and the forms to change them.

import { call } from "./shared/api.js";
import { at, el } from "./shared/elements.js";
import { loadFaults, startFaults } from "./faults.js";
import { duration, percent, whole, words } from "./shared/format.js";

/** @typedef {import('./payloads.js').Profile} Profile */
/** @typedef {import('./payloads.js').Limit} Limit */
/** @typedef {import('./payloads.js').Latency} Latency */
/** @typedef {import('./payloads.js').Share} Share */
/** @typedef {{ element: any, show: () => void }} Part a form; `show` fills it with the profile */

/** @typedef {"value_s" | "low_s" | "high_s" | "median_s" | "p99_s"} LatencyField */
/** @type {Record<string, LatencyField[]>} */
const LATENCY_FIELDS = { fixed: ["value_s"], uniform: ["low_s", "high_s"], lognormal: ["median_s", "p99_s"] };
/** @type {Record<LatencyField, string>} */
const FIELD_NAMES = { value_s: "always", low_s: "from", high_s: "to", median_s: "median", p99_s: "99th percentile" };

/** @type {Profile} of the last `loadControls`; no form is shown before */
let profile;
/** @type {{ states: string[], refusals: string[] }} */
let enums = { states: [], refusals: [] };
/** @type {any} */
let inForce;
/** @type {Part[]} */
let parts = [];

export function startControls() {
  inForce = el("dl", { class: "facts", id: "now-in-force" });
  const faults = startFaults(showError);
  const restore = el("button", { type: "button", id: "restore" }, "Back to the profile as started");
  restore.addEventListener("click", () => {
    parts.forEach(part => delete part.element.dataset.edited);
    change("/admin/profile/restore", "POST");
  });
  parts = [
    limitsForm(),
    latencyForm("Reply latency", () => profile.reply.latency, latency => ({ reply: { latency } })),
    latencyForm("Time to the handset", () => profile.delivery.latency, latency => ({ delivery: { latency } })),
    mixForm({
      name: "Failures on the way", what: "messages", note: "a carrier's own mix does not change",
      present: () => profile.delivery.failures, asPatch: failures => ({ delivery: { failures } }),
      columns: () => [{ column: "state", allowed: enums.states }, { column: "reason", allowed: null }],
    }),
    mixForm({
      name: "Refusals", what: "requests", note: "drawn at random, whatever they contain",
      present: () => profile.reply.errors, asPatch: errors => ({ reply: { errors } }),
      columns: () => [{ column: "refusal", allowed: enums.refusals }],
    }),
  ];
  at("controls-view").append(el("div", { class: "columns" },
    el("section", {}, el("h2", {}, "Current settings"), inForce, el("p", { class: "buttons" }, restore), faults),
    el("section", {}, el("h2", {}, "Settings"), parts.map(part => part.element))));
}

export async function loadControls() {
  if (!enums.states.length) {
    const { $defs } = await call("/admin/profile/schema");
    enums = { states: $defs.FailureSettings.properties.state.enum, refusals: $defs.Refusal.enum };
  }
  profile = await call("/admin/profile");
  const asStarted = await loadFaults(profile);
  at("profile").textContent = `profile ${profile.name}${asStarted ? "" : ", changed"}`;
  at("restore").disabled = asStarted;
  // A field that is being edited is not overwritten.
  for (const part of parts) if (part.element.dataset.edited === undefined) part.show();
  showInForce();
}

/** @param {any} error null: there is none */
export function showError(error) {
  at("complaint").hidden = !error;
  const reasons = error ? error.reasons ?? [error.message || "no connection to the provider"] : [];
  at("complaint").textContent = reasons.join("\n");
}

/**
 * @param {string} path
 * @param {string} method
 * @param {unknown} [value]
 */
async function change(path, method, value) {
  showError(null);
  try {
    await call(path, method, value);
    return true;
  } catch (error) {
    showError(error);
    return false;
  }
}

/** @type {(value: object) => Promise<boolean>} */
const patch = value => change("/admin/profile", "PATCH", value);

function showInForce() {
  const queue = profile.accept_queue;
  const room = [
    queue?.drain_segments_per_s && `${whole(queue.drain_segments_per_s)} segments/s`,
    queue?.capacity_segments && `room for ${whole(queue.capacity_segments)} segments`,
  ].filter(Boolean).join(", ");
  const rated = profile.carriers.filter(carrier => carrier.segments_per_s).length;
  const rates = rated ? `${rated} with a rate of their own` : "none with a rate";
  const entries = [
    ["Profile", profile.title || profile.name],  // its name is in the page's head
    ["Requests", limitText(profile.throttle?.requests)], ["Segments", limitText(profile.throttle?.segments)],
    ["Accept queue", room || "without a limit"],
    ["Reply latency", latencyText(profile.reply.latency)], ["To the handset", latencyText(profile.delivery.latency)],
    ["Failures", mixText(profile.delivery.failures)], ["Refusals", mixText(profile.reply.errors)],
    ["Carriers", `${profile.carriers.length}, ${rates}`],
  ];
  inForce.replaceChildren(...entries.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** @type {(limit: Limit | null | undefined) => string} */
const limitText = limit => limit ? `${Number(limit.rate_per_s)} per second, burst ${whole(limit.burst)}` : "no limit";

/**
 * @param {Latency} latency
 * @returns {string}
 */
function latencyText(latency) {
  const text = (/** @type {number | undefined} */ value_s) => duration((value_s ?? 0) * 1000);
  if (latency.kind === "fixed") return latency.value_s ? text(latency.value_s) : "none";
  if (latency.kind === "uniform") return `${text(latency.low_s)} to ${text(latency.high_s)}`;
  if (latency.kind === "lognormal") return `median ${text(latency.median_s)}, 99th percentile ${text(latency.p99_s)}`;
  if (latency.kind === "absent_subscriber" && latency.body)
    return `${latencyText(latency.body)}; ${percent(latency.absent_share ?? 0)} out of reach at first`;
  return words(latency.kind);
}

/** @param {Share[] | undefined} entries */
function mixText(entries) {
  if (!entries?.length) return "none";
  const text = (/** @type {Share} */ each) => words(each.refusal ?? `${each.state} (${each.reason})`);
  return entries.map(each => `${percent(each.share)} ${text(each)}`).join(", ");
}

/**
 * @param {string} label
 * @param {Record<string, any>} attributes
 */
function numberInput(label, attributes = {}) {
  return el("input", { type: "number", min: 0, step: "any", "aria-label": label, ...attributes });
}

/**
 * @param {string} name
 * @param {any} fill elements
 * @param {() => Promise<boolean>} apply
 */
function card(name, fill, apply) {
  const form = el("form", { class: "card", "aria-label": name }, el("h3", {}, name), fill,
    el("p", { class: "buttons" }, el("button", { class: "main" }, "Apply")));
  form.addEventListener("input", () => { form.dataset.edited = ""; });
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!await apply()) return;
    delete form.dataset.edited;
    loadControls().catch(showError);
  });
  return form;
}

/** @returns {Part} */
function limitsForm() {
  const inputs = /** @type {const} */ (["requests", "segments"]).map(name => ({
    name,
    rate: numberInput(`${name} per second`, { placeholder: "no limit" }),
    burst: numberInput(`burst of ${name}`, { placeholder: "one second's", min: 1, step: 1 }),
  }));
  const lines = inputs.map(({ name, rate, burst }) => el("div", { class: "line" },
    el("label", {}, el("span", {}, `${name} per second`), rate), el("label", {}, el("span", {}, "burst"), burst)));
  const limit = (/** @type {string} */ rate, /** @type {string} */ burst) => rate === "" ? null
    : { rate_per_s: Number(rate), burst: burst === "" ? Math.max(1, Math.ceil(Number(rate))) : Number(burst) };
  const read = () => inputs.map(({ name, rate, burst }) => [name, limit(rate.value, burst.value)]);
  const element = card("Limits", lines, () => patch({ throttle: Object.fromEntries(read()) }));
  const show = () => inputs.forEach(({ name, rate, burst }) => {
    rate.value = profile.throttle?.[name]?.rate_per_s ?? "";
    burst.value = profile.throttle?.[name]?.burst ?? "";
  });
  return { element, show };
}

/**
 * @param {string} name
 * @param {() => Latency} current
 * @param {(latency: object) => object} asPatch
 * @returns {Part}
 */
function latencyForm(name, current, asPatch) {
  const kinds = Object.keys(LATENCY_FIELDS).map(each => el("option", { value: each }, each));
  const kind = el("select", { "aria-label": `${name}: kind` }, kinds);
  const other = el("option", { value: "", disabled: true });
  const fields = el("div", { class: "line" });
  const input = (/** @type {LatencyField} */ field) => {
    const present_s = current().kind === kind.value ? current()[field] : undefined;
    return numberInput(`${name}: ${FIELD_NAMES[field]}`, {
      value: present_s === undefined ? "" : Number((present_s * 1000).toFixed(6)), required: true, "data-field": field,
    });
  };
  const showFields = () => fields.replaceChildren(...(LATENCY_FIELDS[kind.value] ?? []).map(field => el("label", {},
    el("span", {}, `${FIELD_NAMES[field]} `, el("span", { class: "quiet" }, "(ms)")), input(field))));
  kind.addEventListener("change", showFields);
  const element = card(name, [el("label", {}, el("span", {}, "distribution"), kind), fields], async () => {
    if (!kind.value) return true;
    /** @type {HTMLInputElement[]} */
    const inputs = [...fields.querySelectorAll("input")];
    const values = inputs.map(each => [each.dataset.field, Number(each.value) / 1000]);
    return patch(asPatch({ kind: kind.value, ...Object.fromEntries(values) }));
  });
  const show = () => {
    other.remove();
    if (!LATENCY_FIELDS[current().kind]) {
      other.textContent = `${words(current().kind)} (as in the profile)`;
      kind.append(other);
      kind.value = "";
    } else kind.value = current().kind;
    showFields();
  };
  return { element, show };
}

/**
 * @typedef {object} Mix
 * @property {string} name
 * @property {string} what has the shares
 * @property {string} note
 * @property {() => Share[] | undefined} present
 * @property {(shares: object[]) => object} asPatch
 * @property {() => { column: "state" | "reason" | "refusal", allowed: string[] | null }[]} columns `allowed`: null for
 *   any text
 */

/**
 * @param {Mix} mix
 * @returns {Part}
 */
function mixForm({ name, what, note, present, asPatch, columns }) {
  const rows = el("div", { class: "rows" });
  const edited = () => { element.dataset.edited = ""; };
  const add = (/** @type {Share | null} */ values = null) => {
    const cells = columns().map(({ column, allowed }) => {
      const attributes = { "aria-label": `${name}: ${column}`, "data-column": column };
      if (allowed === null)
        return el("input", { ...attributes, type: "text", value: values?.[column] ?? "simulated", required: true });
      return el("select", attributes, allowed.map(value =>
        el("option", { value, selected: value === values?.[column] }, words(value))));
    });
    const share = numberInput(`${name}: share in percent`, {
      max: 100, required: true, value: values === null ? "" : Number((values.share * 100).toFixed(6)),
    });
    const remove = () => { row.remove(); edited(); };
    const row = el("div", { class: "line" }, el("label", { class: "share" }, share, el("span", {}, "%")), cells,
      el("button", { type: "button", "aria-label": "Remove this line", onclick: remove }, "×"));
    rows.append(row);
  };
  const read = (/** @type {any} */ row) => {
    /** @type {(HTMLInputElement | HTMLSelectElement)[]} */
    const cells = [...row.querySelectorAll("[data-column]")];
    return {
      ...Object.fromEntries(cells.map(cell => [cell.dataset.column, cell.value])),
      share: Number(row.querySelector("input[type=number]").value) / 100,
    };
  };
  const element = card(name, [el("p", { class: "quiet" }, `Shares of the ${what}; ${note}.`), rows,
    el("button", { type: "button", onclick: () => { add(); edited(); } }, "Add a line")],
    () => patch(asPatch([...rows.children].map(read))));
  return { element, show: () => { rows.replaceChildren(); present()?.forEach(each => add(each)); } };
}
