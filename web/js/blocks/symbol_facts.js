// What one symbol's view says in words and numbers: of its quote, its past and its comparisons.

import { make, setAttribute, setText } from "../dom.js";
import { age, count, countdown, fixed, instant, percent, price } from "../format.js";
import { rowAge } from "../market.js";
import { basisPct } from "../rows.js";
import { UNITS, inUnit, whyUnknown } from "../units.js";
import { setRate, setTag } from "./parts.js";

const OUTCOMES = { match: "good", mismatch: "warning", significant: "bad" };

export function showCompared(line, each) {
  const [at, field, ours, theirs, difference, outcome, skew, source] = line.cells;
  const show =
    each.field === "funding_rate"
      ? (value) => percent(value === null ? null : value * 100)
      : (value) => price(value);
  setText(at, instant(each.comparedAt, { date: false }));
  setAttribute(at, "title", `${instant(each.comparedAt)} UTC`);
  setText(source, each.source);
  setText(field, each.field.replace("_", " ") + (each.field === "funding_rate" ? ", %" : ""));
  setText(ours, show(each.wsValue));
  setText(theirs, show(each.restValue));
  setText(difference, fixed(each.differencePct, 4));
  setText(skew, each.skewMs === null ? "–" : `${count(each.skewMs)} ms`);
  setTag(outcome, each.outcome, {
    level: each.source === "control" ? null : OUTCOMES[each.outcome],
  });
}

export function showSettled(line, each, unit) {
  const [at, rate, annual, sum, mark, interval] = line.cells;
  setText(at, instant(each.fundingTime / 1000, { seconds: false }));
  setRate(
    rate,
    inUnit(each.fundingRate, each.fundingIntervalHours, unit),
    unit,
    "its interval is not known",
  );
  setRate(
    annual,
    inUnit(each.fundingRate, each.fundingIntervalHours, "year"),
    "year",
    "its interval is not known",
  );
  setText(sum, percent(each.cumulativeRate * 100, { room: 1 }));
  setText(mark, price(each.markPrice));
  setText(interval, each.fundingIntervalHours ? `${each.fundingIntervalHours} h` : "–");
}

export const lastBar = (bar) =>
  `Last bar ${instant(bar.start, { seconds: false })}: open ${price(bar.open)}, high ${price(bar.high)}, low ${price(bar.low)}, close ${price(bar.close)}` +
  (bar.quotes === 0 ? ", from REST." : `, of ${count(bar.quotes)} quotes.`);

export function makeFact() {
  return make("div", {}, make("dt"), make("dd", {}, make("span"), " ", make("small")));
}

export function showFact(item, [name, value, more = "", why = ""]) {
  setText(item.children[0], name);
  setText(item.children[1].children[0], value);
  setText(item.children[1].children[1], more);
  setAttribute(item, "title", why);
}

export function showCumulative(item, { days, rate, count: settlements, whole }) {
  const value = rate === null ? "–" : `${percent(rate * 100)} %`;
  const more = `${count(settlements)} settled${whole ? "" : ", incomplete"}`;
  const why = whole ? "" : "the stored history does not reach back so far, has a gap, or lacks the latest";
  showFact(item, [days === 1 ? "1 day" : `${days} days`, value, more, why]);
}

export function factsOf(row, contract, view) {
  const rate = inUnit(row.fundingRate, row.fundingIntervalHours, view.unit);
  const annual = inUnit(row.fundingRate, row.fundingIntervalHours, "year");
  const next = row.nextFundingTime === null ? null : row.nextFundingTime / 1000;
  const hours = row.fundingIntervalHours;
  const facts = [
    ["Mark price", price(row.markPrice), row.quoteAsset ?? ""],
    [
      "Index price",
      price(row.indexPrice > 0 ? row.indexPrice : null),
      "",
      row.indexPrice > 0 ? "" : "the exchange gives no index price",
    ],
    ["Basis", `${fixed(basisPct(row), 3)} %`],
    [
      `Rate, % ${UNITS[view.unit].label}`,
      percent(rate, { least: UNITS[view.unit].decimals }),
      "running estimate",
      whyUnknown(row, view.unit),
    ],
    ["Annualised, % per year", percent(annual, { least: 2 }), "", whyUnknown(row, "year")],
    [
      "Settles in",
      next === null ? "–" : countdown(next - view.server),
      next === null ? "none is scheduled" : `${instant(next, { date: false, seconds: false })} UTC`,
    ],
    [
      "Interval",
      hours === null ? "–" : `${hours} h`,
      { exchange: "says the exchange", settlements: "as seen" }[row.intervalSource] ?? "not known",
    ],
    ["Z-score", fixed(row.zScore, 2), row.zone ?? row.zReason ?? ""],
    ["Percentile", fixed(row.percentile, 0), "of its settled rates"],
    ["Status", (row.status ?? "not asked").toLowerCase(), row.kind],
    ["Age", age(rowAge(row, view.now)), row.source === "rest" ? "from REST" : "since its quote"],
  ];
  if (contract?.rateCap != null) {
    facts.push([
      "Bounds of the rate",
      `${percent(contract.rateFloor === null ? null : contract.rateFloor * 100, { least: 2 })} to ${percent(contract.rateCap * 100, { least: 2 })} %`,
      "per interval",
    ]);
  }
  if (contract && contract.multiplier !== 1)
    facts.push(["Multiplier", count(contract.multiplier), contract.baseAsset]);
  return facts;
}
