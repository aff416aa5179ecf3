// The audit trail: what the programs have done and met, filterable, in UTC and in local time.

import { byId, fill, make, setText } from "../dom.js";
import { age, instant } from "../format.js";
import { rowMaker, setTag } from "./parts.js";

const SHOWN = 200;
const LEVELS = {
  bad: ["unhealthy", "crash", "kill", "database-damaged", "control-missed", "significant"],
  warning: [
    "stall",
    "disconnect",
    "connect-failed",
    "class-silent",
    "behind",
    "lag",
    "restart",
    "standby",
    "unobserved",
    "locked",
    "clock",
    "clock-step",
    "missed-settlement",
    "rest-pause",
    "rest-unavailable",
    "heartbeat-refused",
    "trail-gap",
  ],
};
const create = rowMaker(["", "ex", "", "", "n", "words"]);

let filters = {};

export function listenForEvents(changed) {
  const form = byId("event-filters");
  form.addEventListener("input", () => {
    filters = Object.fromEntries(new FormData(form));
    changed();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}

export function showEvents(market) {
  offer(market.events);
  const search = (filters.search ?? "").toLowerCase();
  const found = market.events.filter(
    (each) =>
      (!filters.kind || each.kind === filters.kind) &&
      `${each.detail} ${each.source} ${each.program ?? ""} ${each.rule ?? ""} ${each.kind}`
        .toLowerCase()
        .includes(search),
  );
  fill(byId("event-rows"), found.slice(0, SHOWN), create, showEvent);
  const none = byId("no-events");
  none.hidden = found.length > 0;
  setText(none, market.events.length ? "No event is like that." : "Nothing has happened yet.");
}

function offer(events) {
  const select = byId("event-filters").elements.kind;
  const known = new Set([...select.options].map((each) => each.value));
  for (const kind of new Set(events.map((each) => each.kind))) {
    if (!known.has(kind)) select.append(make("option", { value: kind }, kind));
  }
}

const levelOf = (kind) => Object.keys(LEVELS).find((each) => LEVELS[each].includes(kind)) ?? null;

function showEvent(line, event) {
  const [utc, local, source, kind, lasted, detail] = line.cells;
  setText(utc, instant(event.at));
  setText(local, instant(event.at, { local: true }));
  setText(source, event.source);
  setTag(kind, event.kind, { level: levelOf(event.kind) });
  setText(lasted, event.durationSeconds === null ? "" : age(event.durationSeconds));
  setText(detail, event.count > 1 ? `${event.detail} (${event.count} times)` : event.detail);
}
