// What may be said of data by its age: the page's only rules for `live`. Pure; times are seconds.

export const LIVE_SECONDS = 3; // shorter gaps are not shown: a stream has one each second
export const STALE_SECONDS = 180;

export const Level = { GOOD: "good", WAITING: "waiting", WARNING: "warning", BAD: "bad" };
const SEVERITY = [Level.GOOD, Level.WAITING, Level.WARNING, Level.BAD];

export const worst = (levels) =>
  levels.reduce((a, b) => (SEVERITY.indexOf(b) > SEVERITY.indexOf(a) ? b : a), Level.GOOD);

// What a feed, or a block that is made of several, may call itself when its newest data is so old.
export function freshness(age, staleSeconds = STALE_SECONDS) {
  if (age === undefined) return { level: Level.WAITING, word: "loading" };
  if (age === null) return { level: Level.BAD, word: "no data" };
  if (age < LIVE_SECONDS) return { level: Level.GOOD, word: "live" };
  return age < staleSeconds
    ? { level: Level.WARNING, word: "late" }
    : { level: Level.BAD, word: "stale" };
}

// The verdict on everything. `answer` is the last overview, or null before the first; `answerAge` is
// the time since it came (or since the page opened); `ages` are those of the feeds, by exchange.
// `refusal` is what the service has just said instead of an answer: { error, reasons }, or null.
export function verdict(answer, answerAge, ages, refusal = null) {
  if (answerAge >= LIVE_SECONDS && refusal) {
    const { error, reasons = [] } = refusal;
    return { level: Level.BAD, word: "Not ready", reasons: reasons.length ? reasons : [error] };
  }
  if (answerAge >= LIVE_SECONDS) {
    const since = `${Math.floor(answerAge)} s`;
    return {
      level: Level.BAD,
      word: "No answer",
      reasons: [`The service has not answered for ${since}. Numbers below stand still.`],
    };
  }
  if (answer === null) return { level: Level.WAITING, word: "Loading", reasons: [] };
  const reasons = answer.exchanges.flatMap((each) => reasonsOf(each, ages[each.exchange]));
  const broken = answer.exchanges.filter((each) => each.status === "unhealthy");
  const late = answer.exchanges.filter((each) => isLate(ages[each.exchange]));
  if (broken.length === answer.exchanges.length) {
    return { level: Level.BAD, word: "Unhealthy", reasons };
  }
  if (broken.length || late.length || answer.exchanges.some((each) => each.status !== "healthy")) {
    return { level: Level.WARNING, word: "Degraded", reasons };
  }
  return { level: Level.GOOD, word: "All is well", reasons };
}

const isLate = (age) => age === null || (age !== undefined && age >= LIVE_SECONDS);

function reasonsOf(feed, age) {
  const name = title(feed.exchange);
  if (feed.reasons.length) return feed.reasons.map((each) => `${name}: ${each}`);
  if (age === null) return [`${name}: no quotes`];
  return isLate(age) ? [`${name}: no new quote for ${Math.floor(age)} s`] : [];
}

const NAMES = { kucoin: "KuCoin", "binance-coinm": "Binance COIN-M" };
export const title = (exchange) =>
  NAMES[exchange] ?? exchange.charAt(0).toUpperCase() + exchange.slice(1);
