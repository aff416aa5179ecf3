// The page's wiring: what is drawn when, and what the address in the bar shows.

import { addressOf, badgeOf, setBadge } from "./blocks/parts.js";
import { showCalendar } from "./blocks/calendar.js";
import { listenForEvents, showEvents } from "./blocks/events.js";
import { showExtremes } from "./blocks/extremes.js";
import { showSignals } from "./blocks/signals.js";
import { listenForCost, showSpreads } from "./blocks/spreads.js";
import { showStatus } from "./blocks/status.js";
import { Clock } from "./clock.js";
import { byId, setText, store, stored } from "./dom.js";
import { instant } from "./format.js";
import { Live } from "./live.js";
import { Market } from "./market.js";
import { Symbols } from "./symbols.js";
import { SymbolView } from "./symbol.js";
import { DEFAULT_UNIT, UNITS, withoutInterval } from "./units.js";

const AGES_MS = 200; // ages and badges
const DRAW_MS = 250;
const ROWS_MS = 1000; // countdowns and ages within tables, also without new data

const clock = new Clock();
const market = new Market();
const live = new Live(market, clock);
const symbols = new Symbols(market, (row) => addressOf(row.exchange, row.symbol));
const symbolView = new SymbolView(market, live);
let unit = UNITS[stored("funding.unit", "")] ? stored("funding.unit", "") : DEFAULT_UNIT;

const viewNow = () => ({ unit, now: clock.now(), server: clock.server() });
const SHOW = {
  quotes: (view) => {
    showExtremes(market, view);
    showCalendar(market, view);
    symbols.show(view);
  },
  signals: (view) => showSignals(market, view),
  spreads: (view) => showSpreads(market, view),
  events: () => showEvents(market),
};

// Draw what has changed, some times a second: the stream has more events than eyes can follow.
const changed = new Set();
let drawnAt = 0;

function draw(...names) {
  const wait = drawnAt + DRAW_MS - performance.now();
  if (!changed.size) setTimeout(() => requestAnimationFrame(drawNow), Math.max(0, wait));
  for (const name of names) changed.add(name);
}

function drawNow() {
  drawnAt = performance.now();
  const view = viewNow();
  const names = [...changed];
  changed.clear();
  if (symbolView.isOpen) symbolView.show(view);
  else for (const name of names) SHOW[name](view);
}

const answerOf = (name) => ({ answer: live.answerAge(name), every: live.due(name) });

function tick() {
  live.tend();
  const now = clock.now();
  const silence = live.silence();
  const { word } = showStatus(market, live, now, clock.server());
  setText(byId("clock"), instant(clock.server(), { date: false }));
  document.title = word === "All is well" ? "Funding rates" : `${word}: funding rates`;
  const feed = market.oldestFeed(now);
  const shown = symbols.exchange;
  const badges = {
    feeds: { feed, ...answerOf("quotes") },
    table: { feed: market.oldestFeed(now, shown), ...answerOf("quotes") },
    signals: { feed, ...answerOf("signals") },
    spreads: { feed, ...answerOf("spreads") },
    events: answerOf("events"),
  };
  for (const element of document.querySelectorAll("[data-badge]")) {
    const facts = badges[element.dataset.badge];
    if (facts) setBadge(element, badgeOf({ silence, ...facts }));
  }
  symbolView.tick(now, silence);
}

function showUnit() {
  for (const each of document.querySelectorAll("[data-unit]"))
    setText(each, `% ${UNITS[unit].label}`);
  const pair = `% ${UNITS[withoutInterval(unit)].label}`;
  for (const each of document.querySelectorAll("[data-unit-pair]")) setText(each, pair);
}

function listen() {
  for (const input of document.querySelectorAll('input[name="unit"]')) {
    input.checked = input.value === unit;
    input.addEventListener("change", () => {
      unit = input.value;
      store("funding.unit", unit);
      showUnit();
      draw("quotes", "signals", "spreads");
    });
  }
  listenForCost(() => draw("spreads"));
  listenForEvents(() => draw("events"));
  for (const name of Object.keys(SHOW)) live.addEventListener(name, () => draw(name));
  addEventListener("hashchange", route);
  addEventListener("themechange", () => symbolView.themeChanged());
}

function named(hash) {
  try {
    return hash.startsWith("#/") ? hash.slice(2).split("/").map(decodeURIComponent) : [];
  } catch {
    return []; // not an address of ours
  }
}

// `#/binance/BTCUSDT` is that symbol's view, anything else the overview.
function route() {
  const [exchange, symbol] = named(location.hash);
  const opens = Boolean(exchange && symbol);
  if (opens) symbolView.open(exchange, symbol);
  else symbolView.close();
  byId("overview").hidden = opens;
  showUnit();
  draw(...Object.keys(SHOW));
}

listen();
route();
live.start();
tick();
setInterval(tick, AGES_MS);
setInterval(() => draw("quotes", "signals", "spreads"), ROWS_MS);
