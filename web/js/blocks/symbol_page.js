// The elements of one symbol's view, before there are numbers in them.

import { make } from "../dom.js";
import { title } from "../freshness.js";
import { keyOf } from "../rows.js";

function block(id, name, classes, ...children) {
  const header = make(
    "header",
    {},
    make("h2", { id: `${id}-title` }, name),
    make("p", { class: "badge", id: `${id}-badge` }, "loading"),
  );
  return make(
    "section",
    { class: `block ${classes}`, "aria-labelledby": `${id}-title` },
    header,
    ...children,
  );
}

function table(name, columns, body) {
  const head = make(
    "tr",
    {},
    ...columns.map(([label, kind, unit]) => {
      const cell = make("th", { scope: "col", class: kind || null }, label);
      if (unit) cell.append(make("span", { "data-unit": true }));
      return cell;
    }),
  );
  const grid = make(
    "table",
    { class: "small" },
    make("thead", {}, head),
    make("tbody", { id: body }),
  );
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, grid);
}

export function symbolPage(exchange, symbol) {
  const back = make("a", { href: "#" }, "← All symbols");
  const head = make(
    "div",
    {},
    make("p", {}, back),
    make(
      "div",
      { class: "head" },
      make("h1", { tabindex: "-1" }, symbol),
      make("p", { class: "muted" }, title(exchange)),
    ),
  );
  const unknown = make(
    "p",
    { class: "notice", id: "unknown", hidden: true },
    `No quote of ${keyOf(exchange, symbol)} is stored.`,
  );
  const chart = (id, label) =>
    make("div", { class: "chart", id, role: "img", "aria-label": label });
  const tabs = (id, label) =>
    make("div", { class: "tabs", id, role: "group", "aria-label": label });
  const history = block(
    "history",
    "Settled rates, and the running estimate apart",
    "half",
    make("dl", {
      class: "facts sums",
      id: "cumulative",
      "aria-label": "Cumulative settled rates, % of the position",
    }),
    tabs("days", "Days shown"),
    chart("rate-chart", "Settled rates over time, with the running estimate as a dashed line"),
    make("p", { class: "note", id: "gaps" }),
    table(
      "Settled rates",
      [
        ["Settled, UTC"],
        ["Rate, ", "n", true],
        ["% per year", "n"],
        ["Sum of 30 days, %", "n"],
        ["Mark price", "n"],
        ["Interval"],
      ],
      "settled",
    ),
  );
  const bars = block(
    "bars",
    "Mark price",
    "half",
    tabs("period", "Bars shown"),
    chart("bar-chart", "Mark price bars over time, with the index price as a dashed line"),
    make(
      "p",
      { class: "empty", id: "no-bars", hidden: true },
      "No bar is stored yet: the first one is written when a minute is over.",
    ),
    make("p", { class: "note", id: "last-bar" }),
  );
  const compared = block(
    "compared",
    "Compared with REST",
    "half",
    make("p", { class: "note", id: "compared-line" }),
    table(
      "Comparisons with REST",
      [
        ["At, UTC"],
        ["Value"],
        ["Stream", "n"],
        ["REST", "n"],
        ["Differs by, %", "n"],
        ["Outcome"],
        ["Skew", "n"],
        ["Source"],
      ],
      "comparisons",
    ),
  );
  const right = make("div", { class: "half stack" }, bars, compared);
  return [
    head,
    unknown,
    block("now", "Now", "", make("dl", { class: "facts", id: "now" })),
    history,
    right,
  ];
}
