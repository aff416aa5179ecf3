// Signals, the newest first: rates that have left their own past, moved fast, or crossed zero.

import { byId, fill, setAttribute, setText } from "../dom.js";
import { fixed, instant } from "../format.js";
import { inUnit } from "../units.js";
import { rowMaker, setLink, setRate, setTag } from "./parts.js";

const SHOWN = 60;
const ARROWS = { up: "↑", down: "↓" };
const create = rowMaker(["", "link", "", "n", "n"]);

export function showSignals(market, view) {
  const shown = market.signals.slice(0, SHOWN);
  fill(byId("signal-rows"), shown, create, (line, signal) =>
    showSignal(line, signal, market, view),
  );
  byId("no-signals").hidden = shown.length > 0;
}

function showSignal(line, signal, market, view) {
  const [at, symbol, what, rate, z] = line.cells;
  const today = view.server - signal.at < 43_200;
  setText(at, instant(signal.at, { date: !today, seconds: false }));
  setAttribute(at, "title", `${instant(signal.at)} UTC`);
  if (signal.symbol === "*") {
    setText(symbol.children[0], `${signal.count} symbols`);
    setAttribute(symbol.children[0], "href", null);
    setText(symbol.children[1], "");
  } else setLink(symbol, signal.exchange, signal.symbol);
  const words = signal.kind === "zone" ? signal.zone : signal.kind;
  setTag(what, `${words} ${ARROWS[signal.direction] ?? ""}`, { zone: signal.zone });
  setAttribute(what, "title", signal.detail);
  const hours = market.get(signal.exchange, signal.symbol)?.fundingIntervalHours ?? null;
  setRate(
    rate,
    inUnit(signal.rate, hours, view.unit),
    view.unit,
    "the rate or its interval is not known",
  );
  setText(z, fixed(signal.zScore, 2));
}
