// A table of thousands of rows, of which only those in sight exist. A cell is written only when its
// text has changed, and one that flashes shows in which direction its value has moved.

import { make, setAttribute, setText } from "./dom.js";

const ROW_HEIGHT = 29; // --row of page.css
const FLASH_SECONDS = 0.6;
const BEYOND = 8; // rows that exist above and below what is in sight

export class Grid {
  #columns;
  #scroller;
  #table;
  #body;
  #above = make("tr", { class: "spacer", "aria-hidden": "true" });
  #below = make("tr", { class: "spacer", "aria-hidden": "true" });
  #lines = [];
  #rows = [];
  #view = null;
  #first = 0;
  #waiting = false;

  // `onSort(column)` is called when a person asks for another order.
  constructor(scroller, columns, { onSort, address, isOld }) {
    this.#columns = columns;
    this.#scroller = scroller;
    this.#table = scroller.querySelector("table");
    this.#body = this.#table.tBodies[0];
    this.address = address;
    this.isOld = isOld;
    this.#makeHeader(onSort);
    for (const spacer of [this.#above, this.#below]) {
      spacer.append(make("td", { colspan: columns.length }));
    }
    this.#body.append(this.#above, this.#below);
    scroller.addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#soon()).observe(scroller);
  }

  #makeHeader(onSort) {
    const columns = this.#table.querySelector("colgroup");
    const header = this.#table.tHead.rows[0];
    for (const column of this.#columns) {
      columns.append(make("col"));
      columns.lastElementChild.style.width = `${column.width}px`;
      const button = make("button", { type: "button" });
      button.addEventListener("click", () => onSort(column));
      header.append(make("th", { scope: "col", class: column.number ? "n" : null }, button));
    }
    const width = this.#columns.reduce((sum, each) => sum + each.width, 0);
    this.#table.style.minWidth = `${width}px`;
  }

  // The names of the columns in this unit, and which of them gives the order.
  header(unit, sortedBy, descending) {
    this.#columns.forEach((column, at) => {
      const cell = this.#table.tHead.rows[0].cells[at];
      setText(cell.firstElementChild, column.label(unit));
      const order = descending ? "descending" : "ascending";
      setAttribute(cell, "aria-sort", column === sortedBy ? order : null);
    });
  }

  show(rows, view) {
    this.#rows = rows;
    this.#view = view;
    setAttribute(this.#table, "aria-rowcount", String(rows.length + 1));
    this.#render();
  }

  #soon() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      if (this.#view) this.#render();
    });
  }

  #render() {
    const inSight = Math.ceil(this.#scroller.clientHeight / ROW_HEIGHT) + 2 * BEYOND;
    const top = Math.floor(this.#scroller.scrollTop / ROW_HEIGHT) - BEYOND;
    const count = Math.min(this.#rows.length, inSight);
    this.#first = Math.max(0, Math.min(top, this.#rows.length - count));
    this.#stretch(this.#above, this.#first);
    this.#stretch(this.#below, this.#rows.length - this.#first - count);
    while (this.#lines.length < count) this.#lines.push(this.#makeLine());
    while (this.#lines.length > count) this.#lines.pop().element.remove();
    // A row keeps its line while it is in sight: the focus stays, and what moves does not flash.
    const free = new Map();
    for (const line of this.#lines) free.set(line.key, line);
    const rows = this.#rows.slice(this.#first, this.#first + count);
    const lines = rows.map((row) => {
      const line = free.get(row.key);
      if (line) free.delete(row.key);
      return line;
    });
    const spare = this.#lines.filter((line) => !lines.includes(line));
    this.#lines = rows.map((row, at) =>
      this.#fill(lines[at] ?? spare.pop(), row, this.#first + at),
    );
    this.#place();
  }

  #place() {
    let after = this.#above;
    for (const { element } of this.#lines) {
      if (after.nextElementSibling !== element) after.after(element);
      after = element;
    }
  }

  #stretch(spacer, rows) {
    const height = `${rows * ROW_HEIGHT}px`;
    const cell = spacer.firstElementChild;
    if (cell.style.height !== height) cell.style.height = height;
    spacer.hidden = rows === 0;
  }

  #makeLine() {
    const element = make("tr");
    const cells = this.#columns.map((column) => {
      const cell = make(column.link ? "th" : "td", {
        scope: column.link ? "row" : null,
        class: column.number ? "n" : null,
      });
      element.append(cell);
      const inner = column.link ? make("a", { class: "symbol" }) : column.tag ? make("span") : null;
      if (inner) cell.append(inner);
      return { cell, inner: inner ?? cell, value: null, flash: "", flashedAt: -Infinity };
    });
    this.#below.before(element);
    return { element, cells, key: null };
  }

  #fill(line, row, at) {
    const same = line.key === row.key;
    line.key = row.key;
    setAttribute(line.element, "aria-rowindex", String(at + 2));
    setAttribute(line.element, "class", this.isOld(row) ? "old" : null);
    this.#columns.forEach((column, number) => {
      this.#fillCell(line.cells[number], column, row, same);
    });
    return line;
  }

  #fillCell(place, column, row, same) {
    const { cell, inner } = place;
    const text = column.text(row, this.#view);
    const moved = same && column.flash && inner.textContent !== text;
    setText(inner, text);
    setAttribute(cell, "title", column.why?.(row, this.#view) ?? null);
    if (column.link) setAttribute(inner, "href", this.address(row));
    if (column.tag) {
      setAttribute(inner, "class", row.zone ? "tag" : null);
      setAttribute(inner, "data-zone", row.zone);
    }
    const tone = column.tone?.(row) ?? "";
    let classes = `${column.number ? "n" : ""}${tone && ` ${tone}`}`;
    if (column.flash) {
      const value = column.by(row, { ...this.#view, unit: "interval" });
      classes += this.#flash(place, same, moved ? value - place.value : 0);
      place.value = value;
    }
    setAttribute(cell, "class", classes.trim());
  }

  // The class that shows for a moment in which direction the value has moved.
  #flash(place, same, change) {
    const { now } = this.#view;
    if (!same) place.flashedAt = -Infinity;
    else if (change)
      Object.assign(place, { flashedAt: now, flash: change > 0 ? " flash-up" : " flash-down" });
    return now - place.flashedAt < FLASH_SECONDS ? place.flash : "";
  }
}
