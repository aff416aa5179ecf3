// The highest and the lowest rates of contracts that trade, by their rate per year.

import { byId, fill, setText } from "../dom.js";
import { fixed } from "../format.js";
import { rowAge } from "../market.js";
import { isTrading } from "../rows.js";
import { inUnit } from "../units.js";
import { rowMaker, setLink, setRate } from "./parts.js";

const SHOWN = 6;
const OLD_SECONDS = 180;
const create = rowMaker(["link", "n", "n", "n"]);

export function showExtremes(market, view) {
  const rated = [];
  for (const row of market.rows.values()) {
    const age = rowAge(row, view.now);
    if (!isTrading(row) || row.annualizedRate === null || age === null || age > OLD_SECONDS)
      continue;
    rated.push(row);
  }
  rated.sort((a, b) => b.annualizedRate - a.annualizedRate);
  const update = (line, row) => showRow(line, row, view.unit);
  fill(byId("highest"), rated.slice(0, SHOWN), create, update);
  fill(byId("lowest"), rated.slice(-SHOWN).reverse(), create, update);
}

function showRow(line, row, unit) {
  const [symbol, rate, annual, z] = line.cells;
  setLink(symbol, row.exchange, row.symbol);
  setRate(rate, inUnit(row.fundingRate, row.fundingIntervalHours, unit), unit);
  setRate(annual, row.annualizedRate * 100, "year");
  setText(z, fixed(row.zScore, 1));
  z.title = row.zReason ?? "";
}
