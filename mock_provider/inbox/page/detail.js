// @ts-check
// One message: its text, its journey, its segments and its facts.

import { call, Refused } from "./shared/api.js";
import { at, copyButton, el, unbroken } from "./shared/elements.js";
import { counted, moment, whole, words } from "./shared/format.js";
import { drawJourney } from "./journey.js";
import { price, stateWords } from "./message_words.js";

const AGAIN_MS = 1000;
const CODE = /(?<![\d#])\d{4,8}(?!\d)/;
const SHOWN_FOREIGN = 8;

let shown = "", timer = 0, drawn = "", number = 0;

/** @param {string} id */
export function showMessage(id) {
  clearTimeout(timer);
  shown = id;
  drawn = "";
  document.body.classList.toggle("has-detail", Boolean(id));
  if (!id) {
    at("detail").replaceChildren(el("p", { class: "hint" }, "Choose a message to see its journey. Keys: ",
      el("kbd", {}, "j"), " ", el("kbd", {}, "k"), " next and previous, ", el("kbd", {}, "/"), " search, ",
      el("kbd", {}, "Esc"), " back."));
    return;
  }
  refresh();
}

export const shownMessage = () => shown;

export async function refresh() {
  clearTimeout(timer);
  const id = shown, mine = ++number;
  if (!id) return;
  let detail = null, failure = "";
  try {
    detail = await call(`/admin/messages/${encodeURIComponent(id)}`);
  } catch (error) {
    failure = error instanceof Refused ? error.reasons.join("; ") : "";
  }
  if (id !== shown || mine !== number) return;
  if (detail) {
    // Drawn again only if something is new, so that a selection of text is kept.
    const now = JSON.stringify(detail);
    if (now !== drawn) draw(detail);
    drawn = now;
  } else if (failure) {
    at("detail").replaceChildren(closeLink(), el("p", { class: "hint" }, failure));
  }
  if (!detail?.journey?.final) timer = setTimeout(refresh, AGAIN_MS);
}

const closeLink = () => el("a", { href: "#/", class: "close", "aria-label": "Close the message" }, "×");

/** @param {import('./payloads.js').Detail} detail */
function draw(detail) {
  const m = detail.message;
  const code = CODE.exec(m.text)?.[0];
  at("detail").replaceChildren(
    el("header", {}, el("h2", {}, `+${m.number}`), copyButton(`+${m.number}`, "Copy number"),
      el("span", { class: `state ${m.state || "forgotten"}` }, stateWords(m)), closeLink()),
    el("p", { class: "quiet" },
      m.sender ? `from ${m.sender}, ` : "without a sender, ", unbroken(moment(m.accepted_unix_s))),
    el("blockquote", { class: "said" }, m.text),
    el("p", { class: "buttons" }, copyButton(m.text, "Copy text"), code && copyButton(code, `Copy ${code}`),
      copyButton(location.href, "Copy link")),
    ...drawJourney(detail.journey, m),
    ...segments(detail.text, m),
    ...facts(detail));
}

/**
 * @param {import('./payloads.js').Inspected} text
 * @param {import('./payloads.js').CapturedMessage} message
 */
function segments(text, message) {
  const unit = text.encoding === "gsm7" ? "septet" : "code unit";
  const room = text.units_per_segment;
  const out = [el("h3", {}, "Segments and encoding"),
    el("p", {}, el("b", {}, text.encoding === "gsm7" ? "GSM 7 bit" : "UCS-2"),
      ` · ${counted(text.units, unit, unit + "s")} · `,
      `${counted(text.segments.length, "segment", "segments")} of up to ${room} ${unit}s`)];
  if (text.forced_by.length) {
    const rest = text.forced_by.length - SHOWN_FOREIGN;
    out.push(el("p", { class: "quiet" }, "UCS-2 because of characters that are not in GSM 7 bit:"),
      el("ul", { class: "foreign" }, text.forced_by.slice(0, SHOWN_FOREIGN).map(foreign),
        rest > 0 && el("li", { class: "quiet" }, `and ${counted(rest, "other", "others")}`)));
  }
  if (text.segments.length !== message.segments) {
    const count = counted(message.segments, "segment", "segments");
    out.push(el("p", { class: "warning" }, `The provider counted ${count}: the request set the encoding.`));
  }
  out.push(el("ol", { class: "segments" }, text.segments.map(segment => el("li", {},
    el("span", { class: "said" }, segment.text),
    el("span", { class: "units" }, el("meter", { min: 0, max: room, value: segment.units, "aria-hidden": "true" }),
      ` ${segment.units} of ${room}`)))));
  return out;
}

/** @param {import('./payloads.js').ForeignCharacter} character */
function foreign({ character, code_point, name, count }) {
  const text = `${code_point} ${name.toLowerCase()}${count > 1 ? ` ×${count}` : ""}`;
  return el("li", {}, el("b", { class: "character" }, character), " ", el("span", { class: "quiet" }, text));
}

/** @param {import('./payloads.js').Detail} detail */
function facts({ message: m, network, journey }) {
  const codes = [network.mcc && `MCC ${network.mcc}`, network.mnc && `MNC ${network.mnc}`];
  const until = journey?.not_before_unix_s ? `, until ${moment(journey.not_before_unix_s)}` : "";
  /** @type {[string, string | number | boolean | null | undefined, boolean?][]} */
  const entries = [
    ["Id", m.provider_id, true], ["Key", journey?.key || m.key, true], ["Client reference", m.client_ref, true],
    ["Protocol", m.protocol], ["Number as written", m.submitted_number !== m.number && m.submitted_number],
    ["Country", m.country || network.country],
    ["Carrier", [m.carrier || network.carrier, ...codes].filter(Boolean).join(" · ")],
    ["Ported", network.ported && (network.ported_from ? `from ${network.ported_from}` : "yes")],
    ["Price", price(m.price)], ["Way", journey?.priority && "first in the queues"],
    ["Submitted", journey && times(journey.submits)],
    ["Accepted", journey && (journey.accepts > 1
      ? `${times(journey.accepts)}: a duplicate; this is number ${journey.ordinal}` : times(journey.accepts))],
    ["Faults that touched it", journey?.faults && journey.faults.replaceAll(",", ", ")],
    ["Delayed by the rule", journey?.delayed_for && `${words(journey.delayed_for)}${until}`],
    ["Report to", journey?.report_address, true],
    ["Report calls", journey?.report_address && whole(journey.report_calls)],
    ["Valid until", journey && moment(journey.expires_unix_s)],
  ];
  const shownEntries = entries.filter(([, value]) => value).map(([name, value, copied]) => el("div", {},
    el("dt", {}, name), el("dd", {}, el("span", {}, value), copied && copyButton(String(value)))));
  return [el("h3", {}, "Facts"), el("dl", { class: "facts" }, shownEntries)];
}

/** @type {(count: number) => string} */
const times = count => count === 1 ? "once" : counted(count, "time", "times");
