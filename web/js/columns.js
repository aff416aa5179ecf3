// The columns of the table of symbols: what each shows, sorts by and saves. Pure.
//
// `view` is { unit, now, server }: the unit of rates, the page's clock, and the service's time.

import { age, countdown, fixed, percent, price } from "./format.js";
import { title } from "./freshness.js";
import { rowAge } from "./market.js";
import { basisPct } from "./rows.js";
import { UNITS, inUnit, whyUnknown } from "./units.js";

const pad = { pad: true };
const NO_INDEX = "the exchange gives no index price";
const NO_INTERVAL = "nobody knows the funding interval of this contract";
const INTERVAL_SOURCES = {
  exchange: ["exch.", "as the exchange says"],
  settlements: ["seen", "as two equal steps of the next funding time have shown"],
};

const rateOf = (row, view) => inUnit(row.fundingRate, row.fundingIntervalHours, view.unit);
const annual = (row) => inUnit(row.fundingRate, row.fundingIntervalHours, "year");

// 4 % an hour is the most that an exchange charges: more is an error of its data, and has no rank.
const MOST_HOURLY = 0.04;
const ranked = (row) =>
  Math.abs(row.fundingRate) > MOST_HOURLY * row.fundingIntervalHours ? null : annual(row);
const untilNext = (row, view) =>
  row.nextFundingTime === null ? null : row.nextFundingTime / 1000 - view.server;
const signOf = (value) => (value > 0 ? "up" : value < 0 ? "down" : "");

// `width` and `narrow` are in pixels: without `narrow` a column is not there on a phone.
// `text(row, view)` is what the cell shows, `below(row)` its second line on a phone, `by` what it sorts by and CSV has, `why` its tooltip,
// `tone` its colour. Cells that `flash` show in which direction `by` has just moved.
export const COLUMNS = [
  {
    name: "symbol",
    label: () => "Symbol",
    width: 150,
    narrow: 106,
    link: true,
    text: (row) => row.symbol,
    below: (row) => title(row.exchange),
    by: (row) => row.symbol,
    why: (row) => (row.kind === "perpetual" ? "" : `${row.kind} contract`),
  },
  {
    name: "exchange",
    label: () => "Exchange",
    width: 112,
    text: (row) => title(row.exchange),
    by: (row) => row.exchange,
  },
  {
    name: "markPrice",
    label: () => "Mark price",
    width: 122,
    number: true,
    flash: true,
    text: (row) => price(row.markPrice, pad),
    by: (row) => row.markPrice,
  },
  {
    name: "indexPrice",
    label: () => "Index price",
    width: 122,
    number: true,
    text: (row) => (row.indexPrice > 0 ? price(row.indexPrice, pad) : price(null)),
    by: (row) => (row.indexPrice > 0 ? row.indexPrice : null),
    why: (row) => (row.indexPrice > 0 ? "" : NO_INDEX),
  },
  {
    name: "basisPct",
    label: () => "Basis, %",
    width: 76,
    number: true,
    text: (row) => fixed(basisPct(row), 3),
    by: basisPct,
    why: (row) => (row.indexPrice > 0 ? "" : NO_INDEX),
  },
  {
    name: "fundingRate",
    label: (unit) => `Rate, % ${UNITS[unit].label}`,
    width: 118,
    narrow: 82,
    number: true,
    flash: true,
    text: (row, view) => percent(rateOf(row, view), { least: UNITS[view.unit].decimals, room: 2 }),
    by: rateOf,
    why: (row, view) => whyUnknown(row, view.unit),
    tone: (row) => signOf(row.fundingRate),
  },
  {
    name: "fundingIntervalHours",
    label: () => "Interval",
    width: 88,
    number: true,
    text: (row) =>
      row.fundingIntervalHours === null
        ? "–"
        : `${row.fundingIntervalHours} h ${INTERVAL_SOURCES[row.intervalSource]?.[0] ?? ""}`.trim(),
    by: (row) => row.fundingIntervalHours,
    why: (row) =>
      row.fundingIntervalHours === null
        ? row.fundingRate === null
          ? whyUnknown(row, "interval")
          : NO_INTERVAL
        : (INTERVAL_SOURCES[row.intervalSource]?.[1] ?? ""),
  },
  {
    name: "annualizedPct",
    label: () => "Annualised, % per year",
    width: 106,
    narrow: 86,
    number: true,
    text: (row) => percent(annual(row), { least: 2, room: 1 }),
    by: ranked,
    why: (row) => whyUnknown(row, "year"),
    tone: (row) => signOf(row.fundingRate),
  },
  {
    name: "nextFundingTime",
    label: () => "Settles in",
    width: 88,
    narrow: 64,
    number: true,
    text: (row, view) => countdown(untilNext(row, view)),
    by: (row) => row.nextFundingTime,
    why: (row) => (row.nextFundingTime === null ? "no settlement is scheduled" : ""),
  },
  {
    name: "zScore",
    label: () => "Z-score",
    width: 78,
    number: true,
    text: (row) => fixed(row.zScore, 2),
    by: (row) => row.zScore,
    why: (row) => row.zReason ?? "",
  },
  {
    name: "zone",
    label: () => "Zone",
    width: 82,
    tag: true,
    text: (row) => row.zone ?? "–",
    why: (row) => row.zReason ?? "",
    by: (row) => (row.zScore === null ? null : Math.abs(row.zScore)),
  },
  {
    name: "percentile",
    label: () => "Percentile",
    width: 82,
    number: true,
    text: (row) => fixed(row.percentile, 0),
    by: (row) => row.percentile,
    why: (row) =>
      row.percentile === null ? (row.zReason ?? "") : "share of its settled rates that are lower",
  },
  {
    name: "status",
    label: () => "Status",
    width: 84,
    text: (row) => (row.status ?? "not asked").toLowerCase(),
    by: (row) => row.status,
    why: (row) => (row.status === null ? "the exchange was not asked for its contracts yet" : ""),
  },
  {
    name: "ageSeconds",
    label: () => "Age",
    width: 74,
    number: true,
    text: (row, view) => age(rowAge(row, view.now)),
    by: (row, view) => rowAge(row, view.now),
    why: (row) =>
      row.source === "rest"
        ? "from REST, which stands in for the stream"
        : row.bornAt === -Infinity
          ? "received before this machine started"
          : "",
  },
];

// What `Save as CSV` writes of a row: numbers as they are, and what the columns do not show.
export function csvOf(rows, view) {
  const header = COLUMNS.map((each) =>
    each.name === "fundingRate" ? `fundingRatePct ${UNITS[view.unit].label}` : each.name,
  );
  const lines = rows.map((row) =>
    COLUMNS.map((each) => {
      if (each.name === "zone") return row.zone;
      if (each.name === "nextFundingTime" && row.nextFundingTime !== null) {
        return new Date(row.nextFundingTime).toISOString();
      }
      const value = each.by(row, view);
      return typeof value === "number" ? Number(value.toPrecision(12)) : value;
    }),
  );
  return [
    [...header, "baseAsset", "quoteAsset", "class"],
    lines.map((line, at) => [...line, rows[at].baseAsset, rows[at].quoteAsset, rows[at].kind]),
  ];
}
