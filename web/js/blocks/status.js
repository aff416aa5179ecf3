// The top of the page: the verdict in words, each feed with its age, and what the last day was like.

import { byId, fill, make, setAttribute, setText } from "../dom.js";
import { age, count, counted, fixed, instant } from "../format.js";
import { Level, freshness, title, verdict } from "../freshness.js";
import { setBadge } from "./parts.js";

const LAPSES_SOON = 2 * 86_400; // a GO that ends within two days wants a new report

let announced = "";

// Draw it; returns the level of the verdict.
export function showStatus(market, live, now, server) {
  const ages = Object.fromEntries(
    market.exchanges().map((each) => [each, market.feedAge(each, now)]),
  );
  const found = verdict(market.overview, live.silence(), ages, live.refusal());
  for (const id of ["pill", "status"]) setAttribute(byId(id), "data-level", found.level);
  setText(byId("pill-word"), found.word);
  setText(byId("status-word"), found.word);
  setText(byId("status-line"), line(market.overview, found));
  fill(byId("reasons"), found.reasons, () => make("li"), setText);
  if (market.overview) {
    fill(byId("feeds"), market.overview.exchanges, makeFeed, (item, feed) =>
      showFeed(item, feed, {
        feedAge: ages[feed.exchange],
        silence: live.silence(),
        isTaker: isTaker(market.overview),
      }),
    );
    fill(byId("facts"), facts(market.overview, server), makeFact, showFact);
  }
  announce(found);
  return found;
}

function line(overview, { word }) {
  if (!overview) return "Asking the service …";
  if (word === "No answer" || word === "Not ready") return "Below is what was heard last.";
  const total = (name) => overview.exchanges.reduce((sum, each) => sum + each[name], 0);
  const trading = counted(total("tradingSymbols"), "trading symbol");
  const exchanges = counted(overview.exchanges.length, "exchange");
  return `${count(total("freshSymbols"))} of ${trading} fresh on ${exchanges}.`;
}

// A screen reader hears of another verdict, and not of ages.
function announce({ word, reasons }) {
  if (word === announced || word === "Loading") return;
  const begin = announced === "" && word === "All is well";
  announced = word;
  if (!begin) setText(byId("announce"), [word, ...reasons].join(". "));
}

function makeFeed() {
  return make(
    "li",
    {},
    make("h3"),
    make(
      "p",
      { class: "age" },
      make("span"),
      " ",
      make("small"),
      " ",
      make("span", { class: "badge" }),
    ),
    make("p"),
    make("p"),
  );
}

// Not so: this page shows what takers publish, and what they alone know is on theirs.
const isTaker = ({ restSaved }) => Boolean(restSaved);

function showFeed(item, feed, { feedAge, silence, isTaker }) {
  const [head, ageLine, symbols, past] = item.children;
  setText(head, title(feed.exchange));
  setBadge(ageLine.children[2], feedBadge(feed, feedAge, silence));
  setText(ageLine.children[0], age(feedAge));
  setText(ageLine.children[1], "old");
  setText(symbols, symbolsOf(feed));
  const up = `up ${age(feed.uptimeSeconds)}`;
  setText(past, isTaker ? `${up} · ${availability(feed)}` : up);
  setAttribute(past, "title", isTaker ? availabilitySpan(feed) : null);
}

function feedBadge(feed, feedAge, silence) {
  if (silence >= 3) return { level: Level.BAD, text: "no answer" };
  const { level, word } = freshness(feedAge);
  if (level === Level.GOOD && feed.status !== "healthy") {
    return { level: Level.WARNING, text: feed.status };
  }
  if (!feed.connected && level !== Level.GOOD) return { level: Level.BAD, text: "disconnected" };
  return { level, text: word };
}

function symbolsOf({ tradingSymbols, freshSymbols, staleSymbols }) {
  const trading = `${count(tradingSymbols)} trading`;
  if (freshSymbols === tradingSymbols && !staleSymbols) return `${trading}, all fresh`;
  return `${trading} · ${count(freshSymbols)} fresh · ${count(staleSymbols)} stale`;
}

const availability = ({ availablePct }) =>
  typeof availablePct === "number"
    ? `${fixed(availablePct, availablePct < 100 ? 2 : 0)} % available`
    : "availability not known yet";

function availabilitySpan({ knownMinutes }) {
  const span =
    knownMinutes >= 1439
      ? "24 h"
      : knownMinutes >= 120
        ? `${Math.round(knownMinutes / 60)} h`
        : `${knownMinutes} min`;
  return `minutes with quotes by the stream, of the last ${span}`;
}

function makeFact() {
  const value = make("dd", {}, make("span"), " ", make("small"));
  return make("div", {}, make("dt"), value);
}

function showFact(item, [name, value, more, why = null, level = null]) {
  setAttribute(item, "data-level", level);
  setText(item.children[0], name);
  setText(item.children[1].children[0], value);
  setText(item.children[1].children[1], more);
  setAttribute(item, "title", why);
}

function facts(overview, server) {
  const seen = overview.availability;
  const span = seen ? seen.observedSeconds : 0;
  const of = span >= 86_000 ? "of the last 24 h" : span ? `of ${age(span)} seen` : "";
  const share = (value) => (isTaker(overview) ? [pct(value), of] : NOT_HERE);
  return [
    ["Quotes available", ...share(seen?.dataAvailablePct), "Binance's data as the watchdog saw it"],
    ["API available", ...share(seen?.apiAvailablePct), "as the watchdog saw it"],
    ["Up", ...upOf(overview.programs, server)],
    ["Last restart", ...lastEnd(overview.programs, server)],
    ["REST weight saved today", ...savedOf(overview.restSaved)],
    ["Validation", ...verdictOf(overview.validations, server)],
  ];
}

const pct = (value) => (typeof value === "number" ? `${fixed(value, 2)} %` : "not known yet");

function upOf(programs, server) {
  if (!programs.length) return ["–", "not run by supervisord"];
  const first = programs.reduce((a, b) => (b.startedAt < a.startedAt ? b : a));
  return [
    age(server - first.startedAt),
    `since ${instant(first.startedAt, { date: server - first.startedAt > 43_200, seconds: false })} UTC`,
  ];
}

function lastEnd(programs, server) {
  const ended = programs.filter((each) => each.lastEnd);
  if (!ended.length) return ["none", ""];
  const last = ended.reduce((a, b) => (b.lastEnd.at > a.lastEnd.at ? b : a));
  const name = last.program.replace(/^funding:/, "");
  return [
    `${age(server - last.lastEnd.at)} ago`,
    `${name}, ${last.lastEnd.kind}`,
    last.lastEnd.detail,
  ];
}

const NOT_HERE = ["–", "on a taker's own page"];

function savedOf(saved) {
  if (!saved) return NOT_HERE;
  const known = saved.filter((each) => each.weightSaved !== null);
  if (!known.length) return ["not known yet", ""];
  const sum = (name) => known.reduce((total, each) => total + each[name], 0);
  const why = known.map((each) => `${title(each.exchange)} ${count(each.weightSaved)}`).join(", ");
  return [count(sum("weightSaved")), `${count(sum("weight"))} used`, why];
}

function verdictOf(validations, server) {
  if (!validations) return NOT_HERE;
  if (!validations.length) return ["none yet", "make one: scripts/validate_report.py"];
  const words = validations.map((each) => `${each.verdict} ${age(server - each.at)} ago`);
  const first = validations[0];
  const left = first.validUntil === null ? null : first.validUntil - server;
  const more = left === null ? "" : left > 0 ? `valid for ${age(left)}` : "no longer valid";
  const level = left === null || left <= 0 ? Level.BAD : left < LAPSES_SOON ? Level.WARNING : null;
  const why = validations.map((each, at) => `${title(each.exchange)}: ${words[at]}`).join(", ");
  return [
    words[0],
    validations.length > 1 ? `${title(first.exchange)}; ${more}` : more,
    why,
    level,
  ];
}
