// Pieces that several blocks share: a link to a symbol, a rate, a badge.

import { make, setAttribute, setText } from "../dom.js";
import { UNKNOWN, age, percent } from "../format.js";
import { Level, freshness, title } from "../freshness.js";
import { UNITS } from "../units.js";

export const addressOf = (exchange, symbol) =>
  `#/${encodeURIComponent(exchange)}/${encodeURIComponent(symbol)}`;

// Cells for a row of a small table; each of `kinds` is a class name, or "link", or "".
export function rowMaker(kinds) {
  return () => {
    const row = make("tr");
    for (const kind of kinds) {
      const cell = make("td", { class: kind === "link" ? null : kind || null });
      if (kind === "link")
        cell.append(make("a", { class: "symbol" }), make("span", { class: "ex" }));
      row.append(cell);
    }
    return row;
  };
}

export function setLink(cell, exchange, symbol) {
  const [link, name] = cell.children;
  setText(link, symbol);
  setAttribute(link, "href", addressOf(exchange, symbol));
  setText(name, ` ${title(exchange)}`);
}

// A rate in percent of the unit, coloured by its sign; `why` explains one that is not known.
export function setRate(cell, value, unit, why = "") {
  setText(cell, percent(value, { least: UNITS[unit].decimals, room: 1 }));
  const tone = value > 0 ? "n up" : value < 0 ? "n down" : "n";
  setAttribute(cell, "class", tone);
  setAttribute(cell, "title", value === null ? why : null);
}

export function setTag(cell, text, { zone = null, level = null } = {}) {
  const tag = cell.firstElementChild ?? cell.appendChild(make("span", { class: "tag" }));
  setText(tag, text ?? UNKNOWN);
  setAttribute(tag, "class", text ? "tag" : null);
  setAttribute(tag, "data-zone", zone);
  setAttribute(tag, "data-level", level);
}

// What a block may call itself. `feed` is [exchange, age] of the oldest feed that it shows, or null
// where it shows none; `answer` is the age of the answer that it comes from, `every` seconds apart.
export function badgeOf({ silence, feed = null, answer, every = 1 }) {
  if (silence >= 3) return { level: Level.BAD, text: `no answer for ${age(silence)}` };
  if (answer === undefined) return { level: Level.WAITING, text: "loading" };
  if (answer >= every + 3) return { level: Level.WARNING, text: `${age(answer)} old` };
  if (feed === null) return { level: Level.GOOD, text: "live" };
  const { level, word } = freshness(feed[1]);
  const good = level === Level.GOOD || level === Level.WAITING;
  if (good) return { level, text: word };
  const old = feed[1] === null ? word : `${age(feed[1])} old`;
  return { level, text: `${title(feed[0])}: ${old}` };
}

export function setBadge(badge, { level, text }) {
  setText(badge, text);
  setAttribute(badge, "data-level", level);
}
