// The table of all symbols: search, filters, order, and what of it is saved as CSV.

import { COLUMNS, csvOf } from "./columns.js";
import { csv, save } from "./csv.js";
import { byId, make, setText, store, stored } from "./dom.js";
import { count } from "./format.js";
import { title } from "./freshness.js";
import { Grid } from "./grid.js";
import { rowAge } from "./market.js";
import { matches, sorted } from "./rows.js";

const OLD_SECONDS = 180;
const HELD_SECONDS = 2; // how often the order may change by itself

export class Symbols {
  #market;
  #grid;
  #filters = {};
  #column;
  #descending = true;
  #rows = [];
  #orderedAt = -Infinity;
  #version = -1;
  #held = false; // while somebody points at a row, or has the focus in one
  #view = null;

  constructor(market, address) {
    this.#market = market;
    this.#column = COLUMNS.find((each) => each.name === stored("funding.sort", "annualizedPct"));
    this.#column ??= COLUMNS[0];
    this.#descending = stored("funding.descending", "true") === "true";
    const scroller = byId("grid");
    this.#grid = new Grid(scroller, COLUMNS, {
      onSort: (column) => this.#sortBy(column),
      address,
      isOld: (row) => {
        const age = rowAge(row, this.#view.now);
        return age === null || age > OLD_SECONDS;
      },
    });
    const body = scroller.querySelector("tbody");
    body.addEventListener("pointerenter", () => (this.#held = true));
    body.addEventListener("pointerleave", () => (this.#held = false));
    body.addEventListener("focusin", () => (this.#held = true));
    body.addEventListener("focusout", () => (this.#held = false));
    this.#listen();
  }

  #listen() {
    const form = byId("filters");
    const changed = () => {
      this.#filters = Object.fromEntries(new FormData(form));
      this.#again();
      byId("grid").scrollTop = 0;
    };
    form.addEventListener("input", changed);
    form.addEventListener("reset", () => setTimeout(changed));
    form.addEventListener("submit", (event) => event.preventDefault());
    byId("save").addEventListener("click", () => {
      const name = `funding-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.csv`;
      save(name, csv(...csvOf(this.#rows, this.#view)));
    });
  }

  get exchange() {
    return this.#filters.exchange ?? "";
  }

  #sortBy(column) {
    const first = column.number || column.tag; // numbers begin with the highest
    this.#descending = column === this.#column ? !this.#descending : Boolean(first);
    this.#column = column;
    store("funding.sort", column.name);
    store("funding.descending", String(this.#descending));
    this.#again();
    byId("grid").scrollTop = 0;
  }

  #again() {
    this.#orderedAt = -Infinity;
    if (this.#view) this.show(this.#view);
  }

  // Offer the values that there are.
  #offer(name, values, label = (value) => value) {
    const select = byId("filters").elements[name];
    const known = new Set([...select.options].map((each) => each.value));
    for (const value of [...values].sort()) {
      if (value && !known.has(value)) select.append(make("option", { value }, label(value)));
    }
  }

  show(view) {
    const due = view.now - this.#orderedAt >= HELD_SECONDS && !this.#held;
    const changed = this.#version !== this.#market.version;
    if (due && (changed || this.#column.name === "ageSeconds")) this.#order(view);
    else if (this.#orderedAt === -Infinity) this.#order(view);
    this.#view = view;
    this.#grid.header(view.unit, this.#column, this.#descending);
    this.#grid.show(this.#rows, view);
  }

  #order(view) {
    this.#orderedAt = view.now;
    this.#version = this.#market.version;
    const all = [...this.#market.rows.values()];
    this.#offer("exchange", new Set(all.map((row) => row.exchange)), title);
    this.#offer("quote", new Set(all.map((row) => row.quoteAsset)));
    this.#offer("kind", new Set(all.map((row) => row.kind)));
    const found = all.filter((row) => matches(row, this.#filters));
    this.#rows = sorted(found, (row) => this.#column.by(row, view), this.#descending);
    const text =
      found.length === all.length
        ? count(all.length)
        : `${count(found.length)} of ${count(all.length)}`;
    setText(byId("shown"), all.length ? text : "");
    byId("no-rows").hidden = found.length > 0 || all.length === 0;
  }
}
