// One asset on two exchanges: who pays more, for how long it has been so, and when a position in
// both has earned what it cost. Those that have held longest come first.

import { byId, fill, setText, store, stored } from "../dom.js";
import { age, fixed } from "../format.js";
import { ofHourly, withoutInterval } from "../units.js";
import { rowMaker, setLink, setRate } from "./parts.js";

const SHOWN = 100;
const BP = 10_000;
const DEFAULT_COST = "20";
const create = rowMaker(["symbol", "n", "link", "n", "link", "n", "n", "n", "n"]);

let cost = NaN;

export function listenForCost(changed) {
  const input = byId("cost-form").elements.cost;
  input.value = stored("funding.cost", DEFAULT_COST);
  const take = () => {
    cost = input.value === "" ? NaN : Number(input.value); // none was entered: that is not zero
  };
  input.addEventListener("input", () => {
    take();
    store("funding.cost", input.value);
    changed();
  });
  byId("cost-form").addEventListener("submit", (event) => event.preventDefault());
  take();
}

// Days until a spread per hour has paid `bp` basis points; null where it never does.
export function breakEvenDays(perHour, bp) {
  return perHour > 0 && bp >= 0 ? bp / BP / (perHour * 24) : null;
}

// The rate per hour of one leg as it is now, in place of that of the answer.
function hourly(market, exchange, symbol, answered) {
  const row = market.get(exchange, symbol);
  return row?.fundingRate != null && row.fundingIntervalHours
    ? row.fundingRate / row.fundingIntervalHours
    : answered;
}

export function showSpreads(market, view) {
  const shown = market.spreads.slice(0, SHOWN);
  fill(byId("spread-rows"), shown, create, (line, spread) =>
    showSpread(line, spread, market, view),
  );
  byId("no-spreads").hidden = shown.length > 0;
}

function showSpread(line, spread, market, view) {
  const [asset, held, high, highRate, low, lowRate, difference, annual, days] = line.cells;
  const unit = withoutInterval(view.unit);
  const above = hourly(market, spread.highExchange, spread.highSymbol, spread.highRatePerHour);
  const below = hourly(market, spread.lowExchange, spread.lowSymbol, spread.lowRatePerHour);
  setText(asset, spread.asset);
  setText(held, spread.since === null ? "–" : age(view.server - spread.since));
  held.title = spread.since === null ? "no past of both rates is stored yet" : "";
  setLink(high, spread.highExchange, spread.highSymbol);
  setRate(highRate, ofHourly(above, unit), unit);
  setLink(low, spread.lowExchange, spread.lowSymbol);
  setRate(lowRate, ofHourly(below, unit), unit);
  setRate(difference, ofHourly(above - below, unit), unit);
  setRate(annual, ofHourly(above - below, "year"), "year");
  const needed = breakEvenDays(above - below, cost);
  setText(days, needed === null ? "–" : `${fixed(needed, needed < 10 ? 1 : 0)} days`);
  days.title = Number.isNaN(cost)
    ? "enter your cost"
    : needed === null
      ? "the spread has closed"
      : "";
}
