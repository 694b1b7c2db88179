// @ts-check
// Limits, latency and failures: the present settings, and the forms to change them.

import { call } from "./shared/api.js";
import { at, el } from "./shared/elements.js";
import { loadFaults, startFaults } from "./faults.js";
import { duration, percent, whole, words } from "./shared/format.js";

const LATENCY_FIELDS = { fixed: ["value_s"], uniform: ["low_s", "high_s"], lognormal: ["median_s", "p99_s"] };
const FIELD_NAMES = { value_s: "always", low_s: "from", high_s: "to", median_s: "median", p99_s: "99th percentile" };

let profile = null, enums = { states: [], refusals: [] };
let inForce, limits, replyLatency, deliveryLatency, failures, errors;

export function startControls() {
  inForce = el("dl", { class: "facts", id: "now-in-force" });
  const faults = startFaults(complain);
  const restore = el("button", { type: "button", id: "restore" }, "Back to the profile as started");
  restore.addEventListener("click", () => {
    parts().forEach(part => delete part.element.dataset.edited);
    change("/admin/profile/restore", "POST");
  });
  limits = limitsForm();
  replyLatency = latencyForm("Reply latency", latency => ({ reply: { latency } }));
  deliveryLatency = latencyForm("Time to the handset", latency => ({ delivery: { latency } }));
  failures = mixForm("Failures on the way", "messages", "a carrier's own mix does not change", { delivery: "failures" },
    () => [["state", enums.states], ["reason", null]]);
  errors = mixForm("Refusals", "requests", "as if something were wrong with them", { reply: "errors" }, () => [["refusal", enums.refusals]]);
  at("controls-view").append(el("div", { class: "columns" },
    el("section", {}, el("h2", {}, "In force"), inForce, el("p", { class: "buttons" }, restore), faults),
    el("section", {}, el("h2", {}, "Settings"), limits.element, replyLatency.element, deliveryLatency.element, failures.element, errors.element)));
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
  for (const part of parts()) if (part.element.dataset.edited === undefined) part.show();
  showInForce();
}

const parts = () => [limits, replyLatency, deliveryLatency, failures, errors];

export function complain(error) {
  at("complaint").hidden = !error;
  at("complaint").textContent = error ? (error.reasons ?? [error.message || "no connection to the provider"]).join("\n") : "";
}

async function change(path, method, value) {
  complain(null);
  try {
    await call(path, method, value);
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

const patch = value => change("/admin/profile", "PATCH", value);

function showInForce() {
  const queue = profile.accept_queue ?? {};
  const rated = profile.carriers.filter(carrier => carrier.segments_per_s);
  const entries = [
    ["Profile", profile.title || profile.name],  // its name is in the page's head
    ["Requests", limitText(profile.throttle?.requests)], ["Segments", limitText(profile.throttle?.segments)],
    ["Accept queue", [queue.drain_segments_per_s && `${whole(queue.drain_segments_per_s)} segments/s`,
      queue.capacity_segments && `room for ${whole(queue.capacity_segments)} segments`].filter(Boolean).join(", ") || "without a limit"],
    ["Reply latency", latencyText(profile.reply.latency)], ["To the handset", latencyText(profile.delivery.latency)],
    ["Failures", mixText(profile.delivery.failures)], ["Refusals", mixText(profile.reply.errors)],
    ["Carriers", `${profile.carriers.length}${rated.length ? `, ${rated.length} with a rate of their own` : ", none with a rate"}`],
  ];
  inForce.replaceChildren(...entries.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

const limitText = limit => limit ? `${Number(limit.rate_per_s)} per second, burst ${whole(limit.burst)}` : "no limit";

function latencyText(latency) {
  const said = value_s => duration(value_s * 1000);
  if (latency.kind === "fixed") return latency.value_s ? said(latency.value_s) : "none";
  if (latency.kind === "uniform") return `${said(latency.low_s)} to ${said(latency.high_s)}`;
  if (latency.kind === "lognormal") return `median ${said(latency.median_s)}, 99th percentile ${said(latency.p99_s)}`;
  if (latency.kind === "absent_subscriber") return `${latencyText(latency.body)}; ${percent(latency.absent_share)} out of reach at first`;
  return words(latency.kind);
}

function mixText(entries) {
  if (!entries?.length) return "none";
  return entries.map(each => `${percent(each.share)} ${words(each.refusal ?? `${each.state} (${each.reason})`)}`).join(", ");
}

function numberInput(label, attributes = {}) {
  return el("input", { type: "number", min: 0, step: "any", "aria-label": label, ...attributes });
}

function card(name, fill, apply) {
  const form = el("form", { class: "card", "aria-label": name }, el("h3", {}, name), fill,
    el("p", { class: "buttons" }, el("button", { class: "main" }, "Apply")));
  form.addEventListener("input", () => { form.dataset.edited = ""; });
  form.addEventListener("submit", async event => {
    event.preventDefault();
    if (!await apply()) return;
    delete form.dataset.edited;
    loadControls().catch(complain);
  });
  return form;
}

function limitsForm() {
  const inputs = ["requests", "segments"].map(name => [name,
    numberInput(`${name} per second`, { placeholder: "no limit" }), numberInput(`burst of ${name}`, { placeholder: "one second's", min: 1, step: 1 })]);
  const element = card("Limits", inputs.map(([name, rate, burst]) => el("div", { class: "line" },
    el("label", {}, el("span", {}, `${name} per second`), rate), el("label", {}, el("span", {}, "burst"), burst))), () => patch({
    throttle: Object.fromEntries(inputs.map(([name, rate, burst]) => [name, rate.value === "" ? null
      : { rate_per_s: Number(rate.value), burst: burst.value === "" ? Math.max(1, Math.ceil(Number(rate.value))) : Number(burst.value) }])),
  }));
  const show = () => inputs.forEach(([name, rate, burst]) => {
    rate.value = profile.throttle?.[name]?.rate_per_s ?? "";
    burst.value = profile.throttle?.[name]?.burst ?? "";
  });
  return { element, show };
}

function latencyForm(name, asPatch) {
  const kind = el("select", { "aria-label": `${name}: kind` }, Object.keys(LATENCY_FIELDS).map(each => el("option", { value: each }, each)));
  const other = el("option", { value: "", disabled: true });
  const fields = el("div", { class: "line" });
  const current = () => asPatch(null).reply ? profile.reply.latency : profile.delivery.latency;
  const showFields = () => fields.replaceChildren(...(LATENCY_FIELDS[kind.value] ?? []).map(field => {
    const present = current().kind === kind.value ? current()[field] * 1000 : "";
    return el("label", {}, el("span", {}, `${FIELD_NAMES[field]} `, el("span", { class: "quiet" }, "(ms)")),
      numberInput(`${name}: ${FIELD_NAMES[field]}`, { value: present === "" ? "" : Number(present.toFixed(6)), required: true, "data-field": field }));
  }));
  kind.addEventListener("change", showFields);
  const element = card(name, [el("label", {}, el("span", {}, "distribution"), kind), fields], () => {
    if (!kind.value) return true;
    const values = [...fields.querySelectorAll("input")].map(input => [input.dataset.field, Number(input.value) / 1000]);
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

// `place`: { section: key } of the list; `columns()`: [name, the values allowed or null for any text].
function mixForm(name, what, note, place, columns) {
  const [[section, key]] = Object.entries(place);
  const rows = el("div", { class: "rows" });
  const edited = () => { element.dataset.edited = ""; };
  const add = (values = {}) => {
    const cells = columns().map(([column, allowed]) => allowed
      ? el("select", { "aria-label": `${name}: ${column}`, "data-column": column }, allowed.map(value => el("option", { value, selected: value === values[column] }, words(value))))
      : el("input", { type: "text", "aria-label": `${name}: ${column}`, "data-column": column, value: values[column] ?? "simulated", required: true }));
    const share = numberInput(`${name}: share in percent`, { max: 100, required: true, value: values.share === undefined ? "" : Number((values.share * 100).toFixed(6)) });
    const row = el("div", { class: "line" }, el("label", { class: "share" }, share, el("span", {}, "%")), cells,
      el("button", { type: "button", "aria-label": "Remove this line", onclick: () => { row.remove(); edited(); } }, "×"));
    rows.append(row);
  };
  const read = row => ({
    ...Object.fromEntries([...row.querySelectorAll("[data-column]")].map(cell => [cell.dataset.column, cell.value])),
    share: Number(row.querySelector("input[type=number]").value) / 100,
  });
  const element = card(name, [el("p", { class: "quiet" }, `Shares of the ${what}; ${note}.`), rows,
    el("button", { type: "button", onclick: () => { add(); edited(); } }, "Add a line")],
    () => patch({ [section]: { [key]: [...rows.children].map(read) } }));
  return { element, show: () => { rows.replaceChildren(); (profile[section][key] ?? []).forEach(add); } };
}
