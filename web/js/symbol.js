// One symbol: what is known of it now, what was settled, its bars, and how it compares with REST.

import { badgeOf, rowMaker, setBadge } from "./blocks/parts.js";
import {
  factsOf,
  lastBar,
  makeFact,
  showCompared,
  showCumulative,
  showFact,
  showSettled,
} from "./blocks/symbol_facts.js";
import { symbolPage } from "./blocks/symbol_page.js";
import { barChart, rateChart } from "./charts.js";
import { byId, fill, make, setText } from "./dom.js";
import { count, percent, price } from "./format.js";
import { rowAge } from "./market.js";
import { Poll } from "./poll.js";
import { barSeries, cumulative, rateSeries, withGaps } from "./settled.js";
import { UNITS, inUnit } from "./units.js";

const PERIODS = { 60: "last day, by minutes", 3600: "last 30 days, by hours" };
const HISTORY_DAYS = [3, 7, 30];
const SHOWN = 100;

export class SymbolView {
  isOpen = false;
  #market;
  #live;
  #polls = [];
  #charts = [];
  #days = 7;
  #period = 60;
  #view = null;
  #rates = null;
  #marks = null;
  #path = null;
  #barPoll = null;

  constructor(market, live) {
    this.#market = market;
    this.#live = live;
  }

  open(exchange, symbol) {
    this.close();
    Object.assign(this, {
      exchange,
      symbol,
      isOpen: true,
      history: null,
      bars: null,
      compared: null,
    });
    const main = byId("symbol");
    main.replaceChildren(...symbolPage(exchange, symbol));
    main.hidden = false;
    scrollTo(0, 0);
    main.querySelector("h1").focus();
    this.#tabs(
      "days",
      HISTORY_DAYS.map((each) => [each, `${each} days`]),
      this.#days,
      (value) => {
        this.#days = Number(value);
        this.#drawRates();
      },
    );
    this.#tabs("period", Object.entries(PERIODS), this.#period, (value) => {
      this.#period = Number(value);
      this.#bars();
    });
    const path = `/funding/${encodeURIComponent(symbol)}`;
    const of = `exchange=${encodeURIComponent(exchange)}`;
    this.#rates = rateChart(byId("rate-chart"), {
      format: (value) => percent(value, { least: UNITS[this.#unit].decimals }),
      label: () => `% ${UNITS[this.#unit].label}`,
    });
    this.#marks = barChart(byId("bar-chart"), { format: (value) => price(value) });
    this.#charts = [this.#rates, this.#marks];
    this.#poll("history", `${path}/history?days=30&${of}`, 10, () => this.#drawHistory());
    this.#poll("compared", `${path}/comparisons?limit=${SHOWN}&${of}`, 5, () =>
      this.#drawCompared(),
    );
    this.#path = { path, of };
    this.#bars();
  }

  get #unit() {
    return this.#view?.unit ?? "interval";
  }

  #poll(name, path, seconds, draw) {
    const poll = new Poll(path, seconds, {
      clock: this.#live.clock,
      take: (value) => {
        this[name] = value;
        draw();
      },
      refused: (body) => this.#refused(name, body),
    });
    this.#polls.push(poll);
    return poll.start();
  }

  // An API that shows what takers publish asks one of them for settled rates and bars.
  #refused(name, { error, reasons }) {
    const place = { history: "gaps", bars: "no-bars" }[name];
    if (!place || error !== "not served here") return;
    byId(place).hidden = false;
    setText(byId(place), reasons[0]);
  }

  #bars() {
    this.#barPoll?.stop();
    const { path, of } = this.#path;
    const address = `${path}/bars?period=${this.#period}&${of}`;
    this.#barPoll = this.#poll("bars", address, 5, () => this.#drawBars());
  }

  #tabs(id, choices, chosen, choose) {
    const place = byId(id);
    for (const [value, label] of choices) {
      const button = make(
        "button",
        {
          type: "button",
          class: "plain",
          "aria-pressed": String(String(value) === String(chosen)),
        },
        label,
      );
      button.addEventListener("click", () => {
        for (const each of place.children)
          each.setAttribute("aria-pressed", String(each === button));
        choose(value);
      });
      place.append(button);
    }
  }

  close() {
    for (const each of this.#polls) each.stop();
    for (const each of this.#charts) each.end();
    this.#polls = [];
    this.#charts = [];
    this.isOpen = false;
    byId("symbol").hidden = true;
    byId("symbol").replaceChildren();
  }

  themeChanged() {
    for (const each of this.#charts) each.again();
  }

  get #row() {
    return this.#market.get(this.exchange, this.symbol);
  }

  // Draw what the stream changes; the unit of rates may be another one too.
  show(view) {
    const before = this.#view?.unit;
    this.#view = view;
    const row = this.#row;
    byId("unknown").hidden = Boolean(row) || this.#market.rows.size === 0;
    if (row)
      fill(byId("now"), factsOf(row, this.#market.contract(row.key), view), makeFact, showFact);
    if (before !== view.unit) {
      this.#rates?.again();
      if (this.history) this.#drawHistory();
    } else this.#drawRates();
  }

  tick(now, silence) {
    if (!this.isOpen) return;
    const feed = [this.exchange, this.#row ? rowAge(this.#row, now) : undefined];
    const badges = {
      now: { feed, answer: this.#live.answerAge("quotes"), every: this.#live.due("quotes") },
    };
    const [history, compared] = this.#polls;
    const answer = (poll) => (poll.answeredAt === null ? undefined : now - poll.answeredAt);
    badges.history = { answer: answer(history), every: history.seconds };
    badges.compared = { answer: answer(compared), every: compared.seconds };
    badges.bars = { feed, answer: answer(this.#barPoll), every: this.#barPoll.seconds };
    for (const [name, facts] of Object.entries(badges)) {
      setBadge(byId(`${name}-badge`), badgeOf({ silence, ...facts }));
    }
  }

  #drawHistory() {
    const rows = this.history.data.slice(-SHOWN).reverse();
    fill(byId("settled"), rows, rowMaker(["", "n", "n", "n", "n", ""]), (line, each) =>
      showSettled(line, each, this.#unit),
    );
    const gaps = this.history.gaps.reduce((sum, each) => sum + each.missing, 0);
    setText(
      byId("gaps"),
      gaps ? `${gaps} settlements are missing: the exchange does not have them.` : "",
    );
    this.#drawRates();
  }

  #drawRates() {
    if (!this.history || !this.#rates) return;
    const convert = (rate, hours) => inUnit(rate, hours, this.#unit);
    const now = this.#live.clock.server();
    const sums = cumulative(this.history, now, this.#row);
    fill(byId("cumulative"), sums, makeFact, showCumulative);
    this.#rates.show(rateSeries(this.history, this.#row, this.#days, now, convert));
  }

  #drawBars() {
    const none = this.bars.data.length === 0;
    byId("no-bars").hidden = !none;
    if (!none) this.#marks.show(barSeries(withGaps(this.bars.data, this.bars.period)));
    const last = this.bars.data.at(-1);
    setText(byId("last-bar"), last ? lastBar(last) : "");
  }

  #drawCompared() {
    const rows = this.compared.data;
    const outcomes = new Map();
    for (const { source, outcome } of rows) {
      const name = source === "control" ? "planted to differ" : outcome;
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
    }
    const words = [...outcomes].map(([name, number]) => `${count(number)} ${name}`).join(", ");
    setText(
      byId("compared-line"),
      rows.length
        ? `The last ${count(rows.length)} values: ${words}.`
        : "Nothing was compared in the last day.",
    );
    fill(byId("comparisons"), rows, rowMaker(["", "", "n", "n", "n", "", "n", ""]), showCompared);
  }
}
