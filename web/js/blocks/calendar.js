// What settles when, and how much: the next settlements, by instant and exchange.

import { byId, fill, make, setAttribute, setText } from "../dom.js";
import { count, countdown, instant, percent } from "../format.js";
import { title } from "../freshness.js";
import { isTrading } from "../rows.js";
import { UNITS, inUnit, whyUnknown } from "../units.js";
import { addressOf, rowMaker } from "./parts.js";

const SHOWN = 24;
const MINUTE_MS = 60_000;
const create = rowMaker(["", "n", "", "n", "", ""]);

// Groups of rows that settle in the same minute on the same exchange, the next ones first; in each
// the highest charge comes first.
export function settlements(rows, server) {
  const groups = new Map();
  for (const row of rows) {
    if (row.nextFundingTime === null || row.fundingRate === null || !isTrading(row)) continue;
    if (row.nextFundingTime / 1000 < server) continue;
    const at = Math.round(row.nextFundingTime / MINUTE_MS) * 60;
    const key = `${at} ${row.exchange}`;
    const group = groups.get(key) ?? { at, exchange: row.exchange, rows: [] };
    group.rows.push(row);
    groups.set(key, group);
  }
  const found = [...groups.values()];
  found.sort((a, b) => a.at - b.at || b.rows.length - a.rows.length);
  for (const group of found) group.rows.sort((a, b) => b.fundingRate - a.fundingRate);
  return found;
}

export function showCalendar(market, view) {
  const groups = settlements(market.rows.values(), view.server).slice(0, SHOWN);
  fill(byId("settlements"), groups, create, (line, group) => showGroup(line, group, view));
}

function showGroup(line, { at, exchange, rows }, view) {
  const [when, left, name, symbols, highest, lowest] = line.cells;
  setText(when, instant(at, { date: at - view.server > 86_400, seconds: false }));
  setText(left, countdown(at - view.server));
  setText(name, title(exchange));
  setText(symbols, count(rows.length));
  const median = rows[rows.length >> 1].fundingRate * 100;
  setAttribute(symbols, "title", `the median charge is ${percent(median)} % of the position`);
  const [first, last] = ends(rows, view.unit);
  showOne(highest, first, view.unit, "up");
  showOne(lowest, last, view.unit, "down");
}

// The rows with the highest and the lowest rate in this unit; of intervals that differ they need not
// be those that are charged most and least.
export function ends(rows, unit) {
  const rateOf = (row) => inUnit(row.fundingRate, row.fundingIntervalHours, unit);
  const known = rows.filter((row) => rateOf(row) !== null);
  if (!known.length) return [rows[0], rows[0]];
  const higher = (best, row) => (rateOf(row) > rateOf(best) ? row : best);
  const lower = (best, row) => (rateOf(row) < rateOf(best) ? row : best);
  return [known.reduce(higher), known.reduce(lower)];
}

function showOne(cell, row, unit, tone) {
  if (!cell.firstElementChild) cell.append(make("span"), make("a", { class: "below" }));
  const [rate, link] = cell.children;
  const value = inUnit(row.fundingRate, row.fundingIntervalHours, unit);
  const pays = value !== null && (tone === "up" ? value > 0 : value < 0);
  setText(rate, pays ? percent(value, { least: UNITS[unit].decimals }) : "–");
  setAttribute(rate, "class", pays ? tone : null);
  setText(link, pays ? row.symbol : "");
  setAttribute(link, "href", pays ? addressOf(row.exchange, row.symbol) : null);
  const charge = `it is charged ${percent(row.fundingRate * 100)} % of the position`;
  const none = tone === "up" ? "no long pays" : "no short pays";
  setAttribute(cell, "title", pays ? charge : whyUnknown(row, unit) || none);
}
