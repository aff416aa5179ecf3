// Everything that the page knows of the market: one row per symbol, and what each feed's age is.
// It does no requests: `live.js` hands answers in.

import { classOf, keyOf } from "./rows.js";

export class Market {
  #contracts = new Map();
  rows = new Map(); // by key
  overview = null;
  signals = [];
  events = [];
  spreads = [];
  #feeds = new Map(); // exchange → the time on the page's clock that its newest data is from
  version = 0; // grows with each change of a row

  get(exchange, symbol) {
    return this.rows.get(keyOf(exchange, symbol));
  }

  // Rows as the API sends them, asked for at `asked`; `complete` where all others are gone.
  takeQuotes(quotes, asked, complete) {
    const seen = complete ? new Set() : null;
    for (const quote of quotes) {
      const key = keyOf(quote.exchange, quote.symbol);
      seen?.add(key);
      const row = this.rows.get(key) ?? this.#begin(key, quote);
      if (!complete && row.eventTime > quote.eventTime) continue; // it was overtaken
      Object.assign(row, quote);
      row.bornAt = quote.ageSeconds === null ? -Infinity : asked - quote.ageSeconds;
      this.#heardOf(quote.exchange, row.bornAt);
    }
    if (seen) for (const key of this.rows.keys()) if (!seen.has(key)) this.rows.delete(key);
    this.version += 1;
  }

  #begin(key, quote) {
    const row = { key, eventTime: 0 };
    this.rows.set(key, row);
    this.#describe(row, quote.exchange, quote.symbol);
    return row;
  }

  #describe(row, exchange, symbol) {
    const contract = this.#contracts.get(row.key);
    row.baseAsset = contract?.baseAsset ?? null;
    row.quoteAsset = contract?.quoteAsset ?? null;
    row.kind = classOf(contract, symbol);
    row.searched = `${symbol} ${exchange} ${row.baseAsset ?? ""}`.toLowerCase();
  }

  takeContracts(contracts) {
    this.#contracts = new Map(contracts.map((each) => [keyOf(each.exchange, each.symbol), each]));
    for (const row of this.rows.values()) this.#describe(row, row.exchange, row.symbol);
    this.version += 1;
  }

  contract(key) {
    return this.#contracts.get(key);
  }

  takeOverview(overview, asked) {
    this.overview = overview;
    for (const each of overview.exchanges) {
      if (!this.#feeds.has(each.exchange)) this.#feeds.set(each.exchange, -Infinity);
    }
    this.overviewAskedAt = asked;
  }

  #heardOf(exchange, bornAt) {
    if (bornAt > (this.#feeds.get(exchange) ?? -Infinity)) this.#feeds.set(exchange, bornAt);
  }

  exchanges() {
    return [...this.#feeds.keys()];
  }

  // Seconds since the newest quote of `exchange`: undefined before the first answer, null if none.
  feedAge(exchange, now) {
    const bornAt = this.#feeds.get(exchange);
    if (bornAt === undefined) return undefined;
    return bornAt === -Infinity ? null : Math.max(0, now - bornAt);
  }

  // The oldest of the feeds, as [exchange, age]: a block is as fresh as the stalest part of it.
  oldestFeed(now, only = "") {
    let oldest = [only, undefined];
    for (const exchange of only ? [only] : this.#feeds.keys()) {
      const age = this.feedAge(exchange, now);
      const unknown = age === null;
      if (unknown || oldest[1] === undefined || (oldest[1] !== null && age > oldest[1])) {
        oldest = [exchange, age];
      }
      if (unknown) break;
    }
    return oldest;
  }
}

export const rowAge = (row, now) =>
  row.bornAt === -Infinity ? null : Math.max(0, now - row.bornAt);
