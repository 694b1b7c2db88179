// @ts-check
// Fields for a fault, made from the server's JSON schema: a new kind of fault needs no change here.

import { el } from "./shared/elements.js";

const ELSEWHERE = new Set(["kind", "name", "clock", "start_s", "end_s"]);
const UNITS = { _s: "seconds", _per_s: "per second" };

// `suggestions`: { field: [values] } for lists of names. Returns the elements and `read()`, which gives the values
// that are not left as they are, or throws an Error that names the field.
export function schemaForm(schema, suggestions = {}) {
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => !ELSEWHERE.has(name))
    .map(([name, property]) => field(name, resolved(property, schema), schema.required?.includes(name), suggestions[name]));
  return {
    elements: fields.map(each => each.element),
    read: () => Object.fromEntries(fields.map(each => [each.name, each.read()]).filter(([, value]) => value !== undefined)),
    fill: values => fields.forEach(each => { if (each.name in values) each.write(values[each.name]); }),
  };
}

function resolved(property, schema) {
  const alternative = property.anyOf?.find(each => each.type !== "null");
  const target = alternative ? { ...property, ...alternative, optional: true } : property;
  if (!target.$ref) return target;
  return { ...target, ...schema.$defs[target.$ref.split("/").at(-1)], default: property.default };
}

function field(name, property, required, suggested) {
  const { input, read, write } = control(name, property, required, suggested);
  return { name, read, write, element: el("label", { class: property.type === "boolean" ? "check" : "" }, label(name), input) };
}

function label(name) {
  const suffix = Object.keys(UNITS).filter(each => name.endsWith(each)).sort((a, b) => b.length - a.length)[0];
  const bare = suffix ? name.slice(0, -suffix.length) : name;
  return el("span", {}, bare.replaceAll("_", " "), suffix && el("span", { class: "quiet" }, ` (${UNITS[suffix]})`));
}

function control(name, property, required, suggested) {
  if (property.enum) return choice(property);
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

function choice(property) {
  const input = el("select", {}, property.enum.map(value =>
    el("option", { value, selected: value === property.default }, value.replaceAll("_", " "))));
  return { input, read: () => input.value, write: value => { input.value = value; } };
}

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

function list(suggested) {
  if (suggested?.length) {
    const input = el("select", { multiple: true, size: Math.min(4, suggested.length) },
      suggested.map((value, place) => el("option", { value, selected: place === 0 }, value)));
    return {
      input, read: () => [...input.selectedOptions].map(option => option.value),
      write: values => { for (const option of input.options) option.selected = values.includes(option.value); },
    };
  }
  const input = el("input", { type: "text", placeholder: "one, another" });
  const read = () => input.value.trim() ? input.value.split(",").map(each => each.trim()).filter(Boolean) : undefined;
  return { input, read, write: values => { input.value = values.join(", "); } };
}

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
