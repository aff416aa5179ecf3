// Brings the service's answers into the market: the stream of quotes where it can be had, and
// requests with ETags for all else, and for the quotes too while there is no stream.

import { Poll } from "./poll.js";

const QUOTES_SECONDS = 1;

export class Live extends EventTarget {
  constructor(market, clock) {
    super();
    this.market = market;
    this.clock = clock;
    this.startedAt = clock.now();
    this.heardAt = null; // the last time that the service answered anything
    this.polls = {
      quotes: this.#poll("/funding?exchange=*", QUOTES_SECONDS, "quotes", (value, asked) =>
        market.takeQuotes(value.data, asked, true),
      ),
      overview: this.#poll("/funding/overview", 1, "overview", (value, asked) => {
        clock.serverSaid(value.at);
        market.takeOverview(value, asked);
      }),
      contracts: this.#poll("/contracts?exchange=*", 60, "quotes", (value) =>
        market.takeContracts(value.data),
      ),
      signals: this.#poll("/funding/signals?exchange=*&limit=100", 2, "signals", (value) => {
        market.signals = value.data;
      }),
      events: this.#poll("/funding/events?limit=500", 2, "events", (value) => {
        market.events = value.data;
      }),
      spreads: this.#poll("/funding/spreads", 5, "spreads", (value) => {
        market.spreads = value.data;
      }),
    };
  }

  #poll(path, seconds, name, take) {
    return new Poll(path, seconds, {
      clock: this.clock,
      take: (value, asked) => {
        take(value, asked);
        this.dispatchEvent(new Event(name));
      },
      heard: () => {
        this.heardAt = this.clock.now();
      },
    });
  }

  start() {
    for (const poll of Object.values(this.polls)) poll.start();
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) for (const poll of Object.values(this.polls)) poll.soon();
    });
  }

  // Seconds without any answer; since the page was opened, where there was none yet.
  silence() {
    return this.clock.now() - (this.heardAt ?? this.startedAt);
  }

  // The age of the last answer of one poll; undefined before the first.
  answerAge(name) {
    const at = this.polls[name].answeredAt;
    return at === null ? undefined : this.clock.now() - at;
  }
}
