// @ts-check
// Numbers, times and names as text.

const NARROW_SPACE = "\u202f";

/** @param {number} value */
export function whole(value) {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

/** @param {number} value */
export function rate(value) {
  return value < 9.95 ? String(Number(value.toFixed(1))) : whole(value);
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 0.005) return `0${NARROW_SPACE}ms`;
  if (ms < 0.95) return `${ms.toFixed(2)}${NARROW_SPACE}ms`;
  if (ms < 999.5) return `${ms.toFixed(ms < 9.95 ? 1 : 0)}${NARROW_SPACE}ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)}${NARROW_SPACE}s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  const rest = Math.round(seconds) % 60;
  if (minutes < 60) return `${minutes}${NARROW_SPACE}min ${String(rest).padStart(2, "0")}${NARROW_SPACE}s`;
  return `${Math.floor(minutes / 60)}${NARROW_SPACE}h ${String(minutes % 60).padStart(2, "0")}${NARROW_SPACE}min`;
}

/** @type {(value: number) => string} */
const two = value => String(value).padStart(2, "0");

/** @param {number} unix_s */
export function clock(unix_s) {
  const when = new Date(unix_s * 1000);
  return `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}`;
}

/** @param {number} unix_s */
export function clockMs(unix_s) {
  return `${clock(unix_s)}.${String(new Date(unix_s * 1000).getMilliseconds()).padStart(3, "0")}`;
}

/** @param {number} unix_s */
export function moment(unix_s) {
  const when = new Date(unix_s * 1000);
  return `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())} ${clock(unix_s)}`;
}

/**
 * @param {number} number
 * @param {string} one
 * @param {string} many
 */
export function counted(number, one, many) {
  return `${whole(number)} ${number === 1 ? one : many}`;
}

/** @param {number} share */
export function percent(share) {
  return `${Number((share * 100).toFixed(3))}${NARROW_SPACE}%`;
}

/** @param {string} name */
export function words(name) {
  return name.replaceAll("_", " ").toLowerCase();
}
