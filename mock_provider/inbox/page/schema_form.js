// @ts-check
// Fields for a fault, made from the server's JSON schema: a new kind of fault needs no change here.

import { el } from "./shared/elements.js";

const ELSEWHERE = new Set(["kind", "name", "clock", "start_s", "end_s"]);
/** @type {Record<string, string>} */
const UNITS = { _s: "seconds", _per_s: "per second" };

/**
 * The part of JSON schema that a fault's settings use.
 * @typedef {object} Property
 * @property {string} [type]
 * @property {any[]} [enum]
 * @property {any} [default]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {number} [exclusiveMinimum]
 * @property {number} [exclusiveMaximum]
 * @property {Property} [items]
 * @property {Property[]} [anyOf]
 * @property {string} [$ref]
 * @property {boolean} [optional] ours: null is allowed too
 */

/**
 * @typedef {object} Schema
 * @property {string} [description]
 * @property {Record<string, Property>} [properties]
 * @property {string[]} [required]
 * @property {Record<string, Property>} [$defs]
 */

/**
 * @typedef {object} Control
 * @property {any} input
 * @property {() => any} read its value; undefined: left as it is. Throws an Error that names the field
 * @property {(value: any) => void} write
 */

/**
 * @typedef {object} SchemaForm
 * @property {any[]} elements
 * @property {() => Record<string, any>} read the values that are not left as they are; throws as `Control.read`
 * @property {(values: Record<string, any>) => void} fill
 */

/**
 * @param {Schema} schema
 * @param {Record<string, string[]>} suggestions values by field, for lists of names
 * @returns {SchemaForm}
 */
export function schemaForm(schema, suggestions = {}) {
  const required = schema.required ?? [];
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => !ELSEWHERE.has(name))
    .map(([name, property]) =>
      field(name, resolved(property, schema), required.includes(name), suggestions[name]));
  const read = () => fields.map(each => [each.name, each.read()]).filter(([, value]) => value !== undefined);
  return {
    elements: fields.map(each => each.element),
    read: () => Object.fromEntries(read()),
    fill: values => fields.forEach(each => { if (each.name in values) each.write(values[each.name]); }),
  };
}

/**
 * @param {Property} property
 * @param {Schema} schema
 * @returns {Property}
 */
function resolved(property, schema) {
  const alternative = property.anyOf?.find(each => each.type !== "null");
  const target = alternative ? { ...property, ...alternative, optional: true } : property;
  if (!target.$ref) return target;
  return { ...target, ...schema.$defs?.[target.$ref.split("/").at(-1) ?? ""], default: property.default };
}

/**
 * @param {string} name
 * @param {Property} property
 * @param {boolean} required
 * @param {string[] | undefined} suggested
 */
function field(name, property, required, suggested) {
  const { input, read, write } = control(name, property, required, suggested);
  const kind = property.type === "boolean" ? "check" : "";
  return { name, read, write, element: el("label", { class: kind }, label(name), input) };
}

/** @param {string} name */
function label(name) {
  const suffix = Object.keys(UNITS).filter(each => name.endsWith(each)).sort((a, b) => b.length - a.length)[0];
  const bare = suffix ? name.slice(0, -suffix.length) : name;
  return el("span", {}, bare.replaceAll("_", " "), suffix && el("span", { class: "quiet" }, ` (${UNITS[suffix]})`));
}

/**
 * @param {string} name
 * @param {Property} property
 * @param {boolean} required
 * @param {string[] | undefined} suggested
 * @returns {Control}
 */
function control(name, property, required, suggested) {
  if (property.enum) return choice(property.enum, property.default);
  if (property.type === "boolean") {
    const input = el("input", { type: "checkbox", checked: property.default === true });
    return { input, read: () => input.checked, write: value => { input.checked = value; } };
  }
  if (property.type === "number" || property.type === "integer") return number(name, property, required);
  if (property.type === "array" && property.items?.type === "string") return list(suggested);
  if (property.type === "string") {
    const input = el("input", { type: "text", value: property.default ?? "" });
    return { input, read: () => input.value || undefined, write: value => { input.value = value; } };
  }
  return json(name);
}

/**
 * @param {string[]} values
 * @param {string | undefined} preset
 * @returns {Control}
 */
function choice(values, preset) {
  const input = el("select", {}, values.map(value =>
    el("option", { value, selected: value === preset }, value.replaceAll("_", " "))));
  return { input, read: () => input.value, write: value => { input.value = value; } };
}

/**
 * @param {string} name
 * @param {Property} property
 * @param {boolean} required
 * @returns {Control}
 */
function number(name, property, required) {
  const input = el("input", {
    type: "number", step: property.type === "integer" ? 1 : "any", required,
    min: property.minimum ?? property.exclusiveMinimum, max: property.maximum ?? property.exclusiveMaximum,
    value: property.default ?? (required ? 1 : ""), placeholder: property.optional ? "not set" : undefined,
  });
  const read = () => {
    if (input.value === "") return undefined;
    const value = Number(input.value);
    if (Number.isNaN(value)) throw new Error(`${name}: must be a number`);
    return value;
  };
  return { input, read, write: value => { input.value = value; } };
}

/**
 * @param {string[] | undefined} suggested
 * @returns {Control}
 */
function list(suggested) {
  if (suggested?.length) {
    const input = el("select", { multiple: true, size: Math.min(4, suggested.length) },
      suggested.map((value, place) => el("option", { value, selected: place === 0 }, value)));
    return {
      input, read: () => [...input.selectedOptions].map((/** @type {HTMLOptionElement} */ option) => option.value),
      write: values => { for (const option of input.options) option.selected = values.includes(option.value); },
    };
  }
  const input = el("input", { type: "text", placeholder: "one, another" });
  const read = () => {
    /** @type {string} */
    const text = input.value;
    return text.trim() ? text.split(",").map(each => each.trim()).filter(Boolean) : undefined;
  };
  return { input, read, write: values => { input.value = values.join(", "); } };
}

/**
 * @param {string} name
 * @returns {Control}
 */
function json(name) {
  const input = el("input", { type: "text", placeholder: "as set, or JSON" });
  const read = () => {
    if (!input.value.trim()) return undefined;
    try {
      return JSON.parse(input.value);
    } catch {
      throw new Error(`${name}: must be JSON`);
    }
  };
  return { input, read, write: value => { input.value = JSON.stringify(value); } };
}
