// @ts-check
// A line chart over the last minutes: axes, legend with the latest values, and a tooltip.

import { el, svg } from "./elements.js";
import { clock, rate } from "./format.js";

const HEIGHT = 210, LEFT = 46, RIGHT = 12, TOP = 10, BOTTOM = 24;
const GAP_S = 2.5; // no line across a time that nobody counted
const LINES = 4;

/**
 * @typedef {object} ChartPoint
 * @property {number} unix_s
 * @property {Record<string, number>} values by the name of the line
 */

/**
 * @typedef {object} Chart
 * @property {any} figure
 * @property {any} legend
 * @property {any} picture
 * @property {any} tip
 * @property {string} title
 * @property {string} unit
 * @property {(value: number) => string} label
 * @property {ChartPoint[]} points
 * @property {string[]} names of the lines; their colours go by this order
 * @property {number} span_s
 * @property {number | null} hover where the pointer is, in pixels
 */

/**
 * @typedef {object} Scale
 * @property {number} width
 * @property {number} top
 * @property {number} end_s
 * @property {(unix_s: number) => number} x
 * @property {(value: number) => number} y
 */

/**
 * @param {{ title: string, unit: string, label: (value: number) => string }} words `unit` is shown at the axis
 * @returns {Chart}
 */
export function lineChart({ title, unit, label }) {
  const legend = el("ul", { class: "legend" });
  const picture = svg("svg", { class: "chart", role: "img", height: HEIGHT });
  const tip = el("div", { class: "tip", hidden: true });
  const figure = el("figure", {}, el("figcaption", {}, el("b", {}, title), " ", el("span", { class: "quiet" }, unit)),
    legend, el("div", { class: "plot" }, picture, tip));
  /** @type {Chart} */
  const chart = { figure, legend, picture, tip, title, unit, label, points: [], names: [], span_s: 120, hover: null };
  picture.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    chart.hover = event.offsetX;
    draw(chart);
  });
  picture.addEventListener("pointerleave", () => { chart.hover = null; draw(chart); });
  new ResizeObserver(() => draw(chart)).observe(figure);
  return chart;
}

/**
 * @param {Chart} chart
 * @param {ChartPoint[]} points
 * @param {string[]} names
 * @param {number} span_s
 */
export function feed(chart, points, names, span_s) {
  Object.assign(chart, { points, names, span_s });
  draw(chart);
}

/** @param {Chart} chart */
function draw(chart) {
  const { picture, points, names, span_s } = chart;
  const width = picture.parentElement.clientWidth;
  if (!width) return;
  const end_s = points.at(-1)?.unix_s ?? Date.now() / 1000;
  const seen = points.filter(point => point.unix_s >= end_s - span_s);
  const top = ceiling(Math.max(0, ...seen.flatMap(point => names.map(name => point.values[name] ?? 0))));
  /** @type {Scale} */
  const scale = {
    width, top, end_s,
    x: unix_s => LEFT + (width - LEFT - RIGHT) * (1 - (end_s - unix_s) / span_s),
    y: value => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top),
  };
  picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  picture.setAttribute("aria-label", `${chart.title}, ${chart.unit}. ` +
    names.map(name => `${name}: ${chart.label(seen.at(-1)?.values[name] ?? 0)}`).join(", "));
  picture.replaceChildren(...axes(chart, scale), ...names.map((name, place) => line(seen, name, place, scale)));
  drawLegend(chart, seen.at(-1));
  drawTip(chart, seen, scale);
}

/**
 * @param {Chart} chart
 * @param {Scale} scale
 */
function axes(chart, { x, y, width, top, end_s }) {
  const out = [];
  for (let step = 0; step <= LINES; step++) {
    const value = top * step / LINES;
    out.push(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { class: "axis", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, rate(value)));
  }
  const every_s = (chart.span_s > 150 ? 60 : 30) * (width < 500 ? 2 : 1);
  for (let back_s = 0; back_s <= chart.span_s; back_s += every_s) {
    const name = back_s === 0 ? "now" : back_s % 60 ? `−${back_s} s` : `−${back_s / 60} min`;
    const anchor = back_s === 0 ? "end" : back_s === chart.span_s ? "start" : "middle";
    out.push(svg("text", { class: "axis", x: x(end_s - back_s), y: HEIGHT - 6, "text-anchor": anchor }, name));
  }
  return out;
}

/**
 * @param {ChartPoint[]} seen
 * @param {string} name
 * @param {number} place
 * @param {Scale} scale
 */
function line(seen, name, place, { x, y }) {
  let path = "", before_s = -Infinity;
  for (const point of seen) {
    const value = point.values[name];
    if (value === undefined) continue;
    path += `${point.unix_s - before_s > GAP_S ? "M" : "L"}${x(point.unix_s).toFixed(1)} ${y(value).toFixed(1)}`;
    before_s = point.unix_s;
  }
  return svg("path", { class: `series series-${place}`, d: path, "data-name": name });
}

/**
 * @param {Chart} chart
 * @param {ChartPoint | undefined} latest
 */
function drawLegend(chart, latest) {
  chart.legend.replaceChildren(...chart.names.map((name, place) => el("li", {},
    el("span", { class: `swatch series-${place}` }), `${name} `, el("b", {}, chart.label(latest?.values[name] ?? 0)))));
}

/**
 * @param {Chart} chart
 * @param {ChartPoint[]} seen
 * @param {Scale} scale
 */
function drawTip(chart, seen, { x, width }) {
  const { hover, tip } = chart;
  tip.hidden = hover === null || seen.length === 0;
  if (hover === null || seen.length === 0) return;
  /** @type {(point: ChartPoint) => number} */
  const away = point => Math.abs(x(point.unix_s) - hover);
  const nearest = seen.reduce((best, point) => away(point) < away(best) ? point : best);
  const place = x(nearest.unix_s);
  chart.picture.append(svg("line", { class: "cursor", x1: place, x2: place, y1: TOP, y2: HEIGHT - BOTTOM }));
  tip.replaceChildren(el("b", {}, clock(nearest.unix_s)), ...chart.names.map((name, index) => el("div", {},
    el("span", { class: `swatch series-${index}` }), `${name} `, el("b", {}, chart.label(nearest.values[name] ?? 0)))));
  tip.style.left = place > width / 2 ? "auto" : `${place + 10}px`;
  tip.style.right = place > width / 2 ? `${width - place + 10}px` : "auto";
}

/**
 * The next of 1, 2, 4, 6, 8 times a power of ten: so four lines have short labels. No chart ends below 4.
 * @param {number} value
 */
function ceiling(value) {
  let power = 1;
  while (value > 8 * power) power *= 10;
  return Math.max(4, power * ([1, 2, 4, 6].find(step => step * power >= value) ?? 8));
}
