// @ts-check
// Elements of the page. What comes from a message is only ever set as text: markup in it has no effect.

const SVG = "http://www.w3.org/2000/svg";

/** @type {(id: string) => any} the kind of element is known to the caller */
export const at = id => document.getElementById(id);

/**
 * @param {string} tag
 * @param {Record<string, any>} attributes `on...` is a listener; null, undefined and false are left out
 * @param {any[]} children elements, texts, or lists of them
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @param {any[]} children
 * @returns {any}
 */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * Text within which a line breaks only if a whole line is too short for it.
 * @param {string} text
 */
export const unbroken = text => el("span", { class: "unbroken" }, text);

/**
 * @param {any} node
 * @param {Record<string, any>} attributes
 * @param {any[]} children
 */
function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return node;
}

/**
 * @param {string} text
 * @param {string} label
 */
export function copyButton(text, label = "Copy") {
  const title = label === "Copy" ? "Copy this" : "Copy";
  const button = el("button", { type: "button", class: "copy", title }, label);
  button.addEventListener("click", async () => {
    const copied = await copy(text);
    button.textContent = copied ? "Copied" : "Not allowed";
    setTimeout(() => { button.textContent = label; }, 1200);
  });
  return button;
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers give a page without TLS no clipboard, unless it comes from this machine.
    const area = el("textarea", { class: "off-screen" });
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
