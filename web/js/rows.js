// Rows of the table of symbols: which are shown, and in which order. Pure.

// What a contract is, in a trader's words.
export function classOf(contract, symbol) {
  const type = contract?.contractType ?? "";
  if (type.startsWith("TRADIFI")) return "TradFi";
  if (/QUARTER|DELIVERY|FUTURE/.test(type) || /_\d{6}$/.test(symbol)) return "dated";
  if (symbol.includes(":")) return "builder"; // Hyperliquid writes `market:COIN`
  return "perpetual";
}

export const keyOf = (exchange, symbol) => `${exchange}/${symbol}`;

export function basisPct(row) {
  return row.indexPrice > 0 ? (row.markPrice / row.indexPrice - 1) * 100 : null;
}

export const isTrading = (row) => row.status === null || row.status === "TRADING";

// Whether `row` is what `filters` ask for: `search` in its symbol, and the chosen values.
export function matches(row, { search = "", exchange = "", quote = "", kind = "", zone = "" }) {
  return (
    (!exchange || row.exchange === exchange) &&
    (!quote || row.quoteAsset === quote) &&
    (!kind || row.kind === kind) &&
    (!zone || zoneOf(row) === zone) &&
    words(search).every((word) => row.searched.includes(word))
  );
}

const words = (search) => search.toLowerCase().split(/\s+/).filter(Boolean);

export function zoneOf(row) {
  if (row.zone === null) return "none";
  return row.zone;
}

// `rows` by `value`, unknown ones last in both directions; equal ones by symbol.
export function sorted(rows, value, descending) {
  const sign = descending ? -1 : 1;
  const known = [];
  const unknown = [];
  for (const row of rows) {
    const by = value(row);
    if (by === null || by === undefined) unknown.push([by, row]);
    else known.push([by, row]);
  }
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  known.sort(([a, x], [b, y]) => sign * order(a, b) || order(x.key, y.key));
  unknown.sort(([, x], [, y]) => order(x.key, y.key));
  return [...known, ...unknown].map(([, row]) => row);
}
