// What settled rates add up to. Pure; times are Unix seconds.

const DAY = 86_400;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const FETCHED_MS = 2 * MINUTE_MS; // a settlement is stored so long after it, when all is well
export const WINDOWS = [1, 3, 7, 30];

// Sums over the last 1, 3, 7 and 30 days: `rate` is the sum as a fraction of the position, `count`
// of how many settlements, `whole` whether the history reaches back so far without a gap, and up to
// the latest settlement, which the quote in `row` tells.
export function cumulative(history, now, row) {
  const latest = row?.nextFundingTime - row?.fundingIntervalHours * HOUR_MS; // NaN: not known
  const stored = history.data.at(-1)?.fundingTime;
  const late = stored < latest - MINUTE_MS && now * 1000 > latest + FETCHED_MS;
  return WINDOWS.map((days) => {
    const since = (now - days * DAY) * 1000;
    const rows = history.data.filter((each) => each.fundingTime >= since);
    const asked = history.askedFrom !== null && history.askedFrom <= since + MINUTE_MS;
    const gap = history.gaps.some((each) => each.beforeTime > since);
    return {
      days,
      count: rows.length,
      rate: rows.length ? rows.reduce((sum, each) => sum + each.fundingRate, 0) : null,
      whole: asked && !gap && !late,
    };
  });
}

// The data of the rate chart: times, settled rates, and apart from them the running estimate of
// `row`. `convert(rate, hours)` gives the page's unit.
export function rateSeries(history, row, days, now, convert) {
  const since = (now - days * DAY) * 1000;
  const times = [];
  const settled = [];
  const estimate = [];
  for (const each of history.data) {
    if (each.fundingTime < since) continue;
    times.push(each.fundingTime / 1000);
    settled.push(convert(each.fundingRate, each.fundingIntervalHours ?? row?.fundingIntervalHours));
    estimate.push(null);
  }
  const running = row ? convert(row.fundingRate, row.fundingIntervalHours) : null;
  if (running !== null && row.nextFundingTime) {
    const last = times.at(-1);
    if (last !== undefined && now > last) {
      times.push(now);
      settled.push(null);
      estimate.push(running);
    }
    times.push(Math.max(row.nextFundingTime / 1000, now + 1));
    settled.push(null);
    estimate.push(running);
  }
  return [times, settled, estimate];
}

// The data of the chart of bars.
export const barSeries = (bars) => [
  bars.map((each) => each.start),
  bars.map((each) => each.high),
  bars.map((each) => each.low),
  bars.map((each) => each.close),
  bars.map((each) => (each.indexClose > 0 ? each.indexClose : null)),
];

// Where a bar is missing, a row without values: the line breaks instead of bridging it.
export function withGaps(bars, period) {
  const found = [];
  for (const bar of bars) {
    const last = found.at(-1);
    if (last && bar.start - last.start > period) {
      found.push({
        start: last.start + period,
        high: null,
        low: null,
        close: null,
        indexClose: null,
      });
    }
    found.push(bar);
  }
  return found;
}
