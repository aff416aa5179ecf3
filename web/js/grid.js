// A table of thousands of rows, of which only those in sight exist. A cell is written only when its
// text has changed, and one that flashes shows in which direction its value has moved. On a phone
// there are only the columns with a `narrow` width, and what a cell has `below` is its second line.

import { make, setAttribute, setText } from "./dom.js";

const FLASH_SECONDS = 0.6;
const BEYOND = 8; // rows that exist above and below what is in sight

const classOf = (column) =>
  [column.number && "n", !column.narrow && "wide"].filter(Boolean).join(" ") || null;

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
  #rowHeight = 0; // --row of page.css, which is another one on a phone

  // `onSort(column)` is called when a person asks for another order.
  constructor(scroller, columns, { onSort, address, isOld }) {
    this.#columns = columns;
    this.#scroller = scroller;
    this.#table = scroller.querySelector("table");
    this.#body = this.#table.tBodies[0];
    this.address = address;
    this.isOld = isOld;
    this.#makeHeader(onSort);
    for (const spacer of [this.#above, this.#below]) spacer.append(make("td"));
    this.#body.append(this.#above, this.#below);
    scroller.addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#soon()).observe(scroller);
  }

  #makeHeader(onSort) {
    const columns = this.#table.querySelector("colgroup");
    const header = this.#table.tHead.rows[0];
    for (const column of this.#columns) {
      const place = make("col", { class: classOf(column) });
      place.style.setProperty("--wide", `${column.width}px`);
      place.style.setProperty("--narrow", `${column.narrow}px`);
      columns.append(place);
      const button = make("button", { type: "button" });
      button.addEventListener("click", () => onSort(column));
      header.append(make("th", { scope: "col", class: classOf(column) }, button));
    }
    const width = this.#columns.reduce((sum, each) => sum + each.width, 0);
    this.#table.style.setProperty("--width", `${width}px`);
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
    this.#rowHeight = parseFloat(getComputedStyle(this.#scroller).getPropertyValue("--row"));
    const inSight = Math.ceil(this.#scroller.clientHeight / this.#rowHeight) + 2 * BEYOND;
    const top = Math.floor(this.#scroller.scrollTop / this.#rowHeight) - BEYOND;
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
    const height = `${rows * this.#rowHeight}px`;
    const cell = spacer.firstElementChild;
    if (cell.style.height !== height) cell.style.height = height;
    spacer.hidden = rows === 0;
  }

  #makeLine() {
    const element = make("tr");
    const cells = this.#columns.map((column) => {
      const cell = make(column.link ? "th" : "td", {
        scope: column.link ? "row" : null,
        class: classOf(column),
      });
      element.append(cell);
      const inner = column.link ? make("a", { class: "symbol" }) : column.tag ? make("span") : null;
      if (inner) cell.append(inner);
      const below = column.below ? make("span", { class: "below ex" }) : null;
      if (below) cell.append(below);
      return { cell, inner: inner ?? cell, below, value: null, flash: "", flashedAt: -Infinity };
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
    const { cell, inner, below } = place;
    const text = column.text(row, this.#view);
    const moved = same && column.flash && inner.textContent !== text;
    setText(inner, text);
    if (below) setText(below, column.below(row));
    setAttribute(cell, "title", column.why?.(row, this.#view) ?? null);
    if (column.link) setAttribute(inner, "href", this.address(row));
    if (column.tag) {
      setAttribute(inner, "class", row.zone ? "tag" : null);
      setAttribute(inner, "data-zone", row.zone);
    }
    const tone = column.tone?.(row) ?? "";
    let classes = `${classOf(column) ?? ""}${tone && ` ${tone}`}`;
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
