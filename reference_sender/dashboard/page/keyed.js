// @ts-check
// A list whose items stay while their figures change, so that a press on a button in it is never lost.

/**
 * @template Row
 * @typedef {object} Item
 * @property {HTMLElement} element
 * @property {(row: Row) => void} show
 */

/**
 * @template Row
 * @param {HTMLElement} list
 * @param {(row: Row) => string} keyOf
 * @param {(row: Row) => Item<Row>} make
 * @returns {(rows: Row[]) => void}
 */
export function keyedList(list, keyOf, make) {
  /** @type {Map<string, Item<Row>>} */
  let items = new Map();
  return rows => {
    /** @type {Map<string, Item<Row>>} */
    const now = new Map();
    for (const row of rows) {
      const item = items.get(keyOf(row)) ?? make(row);
      item.show(row);
      now.set(keyOf(row), item);
    }
    for (const [key, item] of items) if (!now.has(key)) item.element.remove();
    let place = list.firstElementChild;
    for (const { element } of now.values()) {
      if (element === place) place = place.nextElementSibling;
      else list.insertBefore(element, place);
    }
    items = now;
  };
}
