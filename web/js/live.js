// Brings the service's answers into the market: the stream of quotes where it can be had, and
// requests with ETags for all else, and for the quotes too while there is no stream.

import { Poll } from "./poll.js";
import { Stream } from "./stream.js";

// How often quotes and signals are asked for: without the stream, and beside it, where only what it
// does not tell is to be seen, such as a symbol that is gone.
const WITHOUT = { quotes: 1, signals: 2 };
const BESIDE = { quotes: 30, signals: 30 };
const REFUSED_SECONDS = 8; // refusals are repeated within five
const KEPT_SIGNALS = 200;

export class Live extends EventTarget {
  #refusal = { body: null, at: -Infinity };

  constructor(market, clock) {
    super();
    this.market = market;
    this.clock = clock;
    this.startedAt = clock.now();
    this.heardAt = null; // the last time that the service answered anything
    this.polls = {
      quotes: this.#poll("/funding?exchange=*", WITHOUT.quotes, "quotes", (value, asked) =>
        market.takeQuotes(value.data, asked, true),
      ),
      overview: this.#poll("/funding/overview", 1, "overview", (value, asked) => {
        clock.serverSaid(value.at);
        market.takeOverview(value, asked);
      }),
      contracts: this.#poll("/contracts?exchange=*", 60, "quotes", (value) =>
        market.takeContracts(value.data),
      ),
      signals: this.#poll(
        "/funding/signals?exchange=*&limit=100",
        WITHOUT.signals,
        "signals",
        (value) => {
          market.signals = value.data;
        },
      ),
      events: this.#poll("/funding/events?limit=500", 2, "events", (value) => {
        market.events = value.data;
      }),
      spreads: this.#poll("/funding/spreads", 5, "spreads", (value) => {
        market.spreads = value.data;
      }),
    };
  }

  #makeStream() {
    const { market, clock } = this;
    return new Stream("/funding/stream?exchange=*&signals=1", {
      clock,
      take: {
        quotes: (value, at) => {
          market.takeQuotes(value.data, at, false);
          this.dispatchEvent(new Event("quotes"));
        },
        signal: (signal) => {
          const others = market.signals.filter((each) => each.id !== signal.id);
          market.signals = [signal, ...others].slice(0, KEPT_SIGNALS);
          this.dispatchEvent(new Event("signals"));
        },
        heartbeat: (value) => clock.serverSaid(value.at),
      },
      heard: () => this.#heard(),
    });
  }

  #heard() {
    this.heardAt = this.clock.now();
  }

  #poll(path, seconds, name, take) {
    return new Poll(path, seconds, {
      clock: this.clock,
      take: (value, asked) => {
        take(value, asked);
        this.dispatchEvent(new Event(name));
      },
      heard: () => this.#heard(),
      refused: (body) => {
        this.#refusal = { body, at: this.clock.now() };
      },
    });
  }

  // What the service has said in the last seconds instead of an answer; null where it said nothing.
  refusal() {
    const { body, at } = this.#refusal;
    return this.clock.now() - at < REFUSED_SECONDS ? body : null;
  }

  start() {
    this.stream = this.#makeStream();
    for (const poll of Object.values(this.polls)) poll.start();
    document.addEventListener("visibilitychange", () => {
      // A browser has six connections for all its tabs: those that nobody looks at take none.
      if (document.hidden) this.stream.close();
      else for (const poll of Object.values(this.polls)) poll.soon();
    });
  }

  // Seconds without any answer; since the page was opened, where there was none yet.
  silence() {
    return this.clock.now() - (this.heardAt ?? this.startedAt);
  }

  // To be called again and again: asks more often while there is no stream.
  tend() {
    if (!document.hidden) this.stream.tend();
    const alive = this.stream.isAlive;
    const wanted = alive ? BESIDE : WITHOUT;
    for (const [name, seconds] of Object.entries(wanted)) {
      const poll = this.polls[name];
      if (poll.seconds === seconds) continue;
      poll.seconds = seconds;
      if (!alive) poll.soon();
    }
  }

  // Seconds since an answer of that name came last, by the stream or otherwise; undefined before.
  answerAge(name) {
    const at = this.polls[name].answeredAt;
    const asked = at === null ? Infinity : this.clock.now() - at;
    const streamed = name in BESIDE ? (this.stream?.age() ?? Infinity) : Infinity;
    const age = Math.min(asked, streamed);
    return age === Infinity ? undefined : age;
  }

  // After how many seconds the next answer of that name is due.
  due(name) {
    return name in BESIDE ? WITHOUT.signals : this.polls[name].seconds;
  }
}
