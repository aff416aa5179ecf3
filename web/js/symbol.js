// One symbol: what is known of it now, what was settled, its bars, and how it compares with REST.

import { badgeOf, rowMaker, setBadge, setRate, setTag } from "./blocks/parts.js";
import { barChart, rateChart } from "./charts.js";
import { byId, fill, make, setAttribute, setText } from "./dom.js";
import { age, count, countdown, fixed, instant, percent, price } from "./format.js";
import { title } from "./freshness.js";
import { rowAge } from "./market.js";
import { Poll } from "./poll.js";
import { basisPct, keyOf } from "./rows.js";
import { barSeries, cumulative, rateSeries, withGaps } from "./settled.js";
import { UNITS, inUnit, whyUnknown } from "./units.js";

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

  constructor(market, live) {
    this.#market = market;
    this.#live = live;
  }

  open(exchange, symbol) {
    this.close();
    Object.assign(this, { exchange, symbol, isOpen: true, history: null, bars: null, compared: null });
    const main = byId("symbol");
    main.replaceChildren(...page(exchange, symbol));
    main.hidden = false;
    scrollTo(0, 0);
    main.querySelector("h1").focus();
    this.#tabs("days", HISTORY_DAYS.map((each) => [each, `${each} days`]), this.#days, (value) => {
      this.#days = Number(value);
      this.#drawRates();
    });
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
    this.#poll("compared", `${path}/comparisons?limit=${SHOWN}&${of}`, 5, () => this.#drawCompared());
    this.#path = { path, of };
    this.#bars();
  }

  #rates = null;
  #marks = null;
  #path = null;
  #barPoll = null;

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
    });
    this.#polls.push(poll);
    return poll.start();
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
      const button = make("button", { type: "button", class: "plain", "aria-pressed": String(String(value) === String(chosen)) }, label);
      button.addEventListener("click", () => {
        for (const each of place.children) each.setAttribute("aria-pressed", String(each === button));
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
    if (row) fill(byId("now"), factsOf(row, this.#market.contract(row.key), view), makeFact, showFact);
    if (before !== view.unit) {
      this.#rates?.again();
      if (this.history) this.#drawHistory();
    } else this.#drawRates();
  }

  tick(now, silence) {
    if (!this.isOpen) return;
    const feed = [this.exchange, this.#row ? rowAge(this.#row, now) : undefined];
    const badges = { now: { feed, answer: this.#live.answerAge("quotes"), every: this.#live.due("quotes") } };
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
    const now = this.#live.clock.server();
    fill(byId("cumulative"), cumulative(this.history, now), makeFact, showCumulative);
    const rows = this.history.data.slice(-SHOWN).reverse();
    fill(byId("settled"), rows, rowMaker(["", "n", "n", "n", "n", ""]), (line, each) =>
      showSettled(line, each, this.#unit),
    );
    const gaps = this.history.gaps.reduce((sum, each) => sum + each.missing, 0);
    setText(byId("gaps"), gaps ? `${gaps} settlements are missing: the exchange does not have them.` : "");
    this.#drawRates();
  }

  #drawRates() {
    if (!this.history || !this.#rates) return;
    const convert = (rate, hours) => inUnit(rate, hours, this.#unit);
    const now = this.#live.clock.server();
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
    setText(byId("compared-line"), rows.length ? `The last ${count(rows.length)} values: ${words}.` : "Nothing was compared in the last day.");
    fill(byId("comparisons"), rows, rowMaker(["", "", "n", "n", "n", "", "n", ""]), showCompared);
  }
}

const OUTCOMES = { match: "good", mismatch: "warning", significant: "bad" };

function showCompared(line, each) {
  const [at, field, ours, theirs, difference, outcome, skew, source] = line.cells;
  const show = each.field === "funding_rate" ? (value) => percent(value === null ? null : value * 100) : (value) => price(value);
  setText(at, instant(each.comparedAt, { date: false }));
  setAttribute(at, "title", `${instant(each.comparedAt)} UTC`);
  setText(source, each.source);
  setText(field, each.field.replace("_", " ") + (each.field === "funding_rate" ? ", %" : ""));
  setText(ours, show(each.wsValue));
  setText(theirs, show(each.restValue));
  setText(difference, fixed(each.differencePct, 4));
  setText(skew, each.skewMs === null ? "–" : `${count(each.skewMs)} ms`);
  setTag(outcome, each.outcome, { level: each.source === "control" ? null : OUTCOMES[each.outcome] });
}

function showSettled(line, each, unit) {
  const [at, rate, annual, sum, mark, interval] = line.cells;
  setText(at, instant(each.fundingTime / 1000, { seconds: false }));
  setRate(rate, inUnit(each.fundingRate, each.fundingIntervalHours, unit), unit, "its interval is not known");
  setRate(annual, inUnit(each.fundingRate, each.fundingIntervalHours, "year"), "year", "its interval is not known");
  setText(sum, percent(each.cumulativeRate * 100, { room: 1 }));
  setText(mark, price(each.markPrice));
  setText(interval, each.fundingIntervalHours ? `${each.fundingIntervalHours} h` : "–");
}

const lastBar = (bar) =>
  `Last bar ${instant(bar.start, { seconds: false })}: open ${price(bar.open)}, high ${price(bar.high)}, low ${price(bar.low)}, close ${price(bar.close)}` +
  (bar.quotes === 0 ? ", from REST." : `, of ${count(bar.quotes)} quotes.`);

function makeFact() {
  return make("div", {}, make("dt"), make("dd", {}, make("span"), " ", make("small")));
}

function showFact(item, [name, value, more = "", why = ""]) {
  setText(item.children[0], name);
  setText(item.children[1].children[0], value);
  setText(item.children[1].children[1], more);
  setAttribute(item, "title", why);
}

function showCumulative(item, { days, rate, count: settlements, whole }) {
  const value = rate === null ? "–" : `${percent(rate * 100)} %`;
  const more = `${count(settlements)} settled${whole ? "" : ", incomplete"}`;
  const why = whole ? "" : "the stored history does not reach back so far, or has a gap";
  showFact(item, [days === 1 ? "1 day" : `${days} days`, value, more, why]);
}

function factsOf(row, contract, view) {
  const rate = inUnit(row.fundingRate, row.fundingIntervalHours, view.unit);
  const annual = inUnit(row.fundingRate, row.fundingIntervalHours, "year");
  const next = row.nextFundingTime === null ? null : row.nextFundingTime / 1000;
  const hours = row.fundingIntervalHours;
  const facts = [
    ["Mark price", price(row.markPrice), row.quoteAsset ?? ""],
    ["Index price", price(row.indexPrice > 0 ? row.indexPrice : null), "", row.indexPrice > 0 ? "" : "the exchange gives no index price"],
    ["Basis", `${fixed(basisPct(row), 3)} %`],
    [`Rate, % ${UNITS[view.unit].label}`, percent(rate, { least: UNITS[view.unit].decimals }), "running estimate", whyUnknown(row, view.unit)],
    ["Annualised, % per year", percent(annual, { least: 2 }), "", whyUnknown(row, "year")],
    ["Settles in", next === null ? "–" : countdown(next - view.server), next === null ? "none is scheduled" : `${instant(next, { date: false, seconds: false })} UTC`],
    ["Interval", hours === null ? "–" : `${hours} h`, { exchange: "says the exchange", settlements: "as seen" }[row.intervalSource] ?? "not known"],
    ["Z-score", fixed(row.zScore, 2), row.zone ?? row.zReason ?? ""],
    ["Percentile", fixed(row.percentile, 0), "of its settled rates"],
    ["Status", (row.status ?? "not asked").toLowerCase(), row.kind],
    ["Age", age(rowAge(row, view.now)), row.source === "rest" ? "from REST" : "since its quote"],
  ];
  if (contract?.rateCap != null) {
    facts.push(["Bounds of the rate", `${percent(contract.rateFloor === null ? null : contract.rateFloor * 100, { least: 2 })} to ${percent(contract.rateCap * 100, { least: 2 })} %`, "per interval"]);
  }
  if (contract && contract.multiplier !== 1) facts.push(["Multiplier", count(contract.multiplier), contract.baseAsset]);
  return facts;
}

function block(id, name, classes, ...children) {
  const header = make("header", {}, make("h2", { id: `${id}-title` }, name), make("p", { class: "badge", id: `${id}-badge` }, "loading"));
  return make("section", { class: `block ${classes}`, "aria-labelledby": `${id}-title` }, header, ...children);
}

function table(name, columns, body) {
  const head = make("tr", {}, ...columns.map(([label, kind, unit]) => {
    const cell = make("th", { scope: "col", class: kind || null }, label);
    if (unit) cell.append(make("span", { "data-unit": true }));
    return cell;
  }));
  const grid = make("table", { class: "small" }, make("thead", {}, head), make("tbody", { id: body }));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, grid);
}

function page(exchange, symbol) {
  const back = make("a", { href: "#" }, "← All symbols");
  const head = make("div", {}, make("p", {}, back), make("div", { class: "head" }, make("h1", { tabindex: "-1" }, symbol), make("p", { class: "muted" }, title(exchange))));
  const unknown = make("p", { class: "notice", id: "unknown", hidden: true }, `No quote of ${keyOf(exchange, symbol)} is stored.`);
  const chart = (id, label) => make("div", { class: "chart", id, role: "img", "aria-label": label });
  const tabs = (id, label) => make("div", { class: "tabs", id, role: "group", "aria-label": label });
  const history = block("history", "Settled rates, and the running estimate apart", "half",
    make("dl", { class: "facts sums", id: "cumulative", "aria-label": "Cumulative settled rates, % of the position" }),
    tabs("days", "Days shown"),
    chart("rate-chart", "Settled rates over time, with the running estimate as a dashed line"),
    make("p", { class: "note", id: "gaps" }),
    table("Settled rates", [["Settled, UTC"], ["Rate, ", "n", true], ["% per year", "n"], ["Sum of 30 days, %", "n"], ["Mark price", "n"], ["Interval"]], "settled"));
  const bars = block("bars", "Mark price", "half", tabs("period", "Bars shown"),
    chart("bar-chart", "Mark price bars over time, with the index price as a dashed line"),
    make("p", { class: "empty", id: "no-bars", hidden: true }, "No bar is stored yet: the first one is written when a minute is over."),
    make("p", { class: "note", id: "last-bar" }));
  const compared = block("compared", "Compared with REST", "half", make("p", { class: "note", id: "compared-line" }),
    table("Comparisons with REST", [["At, UTC"], ["Value"], ["Stream", "n"], ["REST", "n"], ["Differs by, %", "n"], ["Outcome"], ["Skew", "n"], ["Source"]], "comparisons"));
  const right = make("div", { class: "half stack" }, bars, compared);
  return [head, unknown, block("now", "Now", "", make("dl", { class: "facts", id: "now" })), history, right];
}
