"""What happens on the made-up days: fair ones must say GO, sabotaged ones must not.

Each case is SQL upon a fair day of `odd_days`; `n` symbols of the `many` there are.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.support.odd_days import END, WATCHED, names
from tests.support.report_days import MARK, RATE, REAL, delisted, settled
from tests.support.report_world import HOUR

NINE_MINUTES = f"compared_at BETWEEN {END - 5 * HOUR} AND {END - 5 * HOUR + 660}"
PRICES = "field <> 'funding_rate'"


class Case(NamedTuple):
    """How a day is made (arguments of `odd_days.build`), and what is done to it afterwards."""

    script: Callable[[int], str]
    made: Mapping[str, Any] = MappingProxyType({})
    honest: bool = True


def coins(many: int, n: int, skip: int = 0) -> list[str]:
    return [name for name in names(many) if name.startswith("ODD")][skip : skip + n]


def share(many: int, of_520: int) -> int:
    """As many of `many` as there would be of 520, at least one."""
    return max(1, round(of_520 * many / 520))


def listed(symbols: Sequence[str]) -> str:
    return ", ".join(f"'{symbol}'" for symbol in symbols)


def changed(table: str, change: str, where: str = "1") -> Case:
    return Case(lambda many: f"UPDATE {table} SET {change} WHERE {where};")


def both(factor: float, where: str) -> str:
    return (
        f"UPDATE comparison SET ws_value = ws_value * {factor}, rest_value = rest_value * {factor}"
        f" WHERE {where} AND {REAL};"
    )


def frozen(where: str) -> str:
    """Both sides keep what REST said first."""
    value = "(SELECT value FROM kept WHERE kept.symbol = comparison.symbol)"
    return f"""
CREATE TEMP TABLE kept AS SELECT symbol, rest_value AS value, min(id) FROM comparison
    WHERE {MARK} AND {REAL} GROUP BY symbol;
CREATE UNIQUE INDEX temp.kept_symbol ON kept (symbol);
UPDATE comparison SET ws_value = {value}, rest_value = {value} WHERE {MARK} AND {REAL} AND {where};
UPDATE quote SET mark_price = (SELECT value FROM kept WHERE kept.symbol = quote.symbol)
    WHERE {where};
"""


def events(
    kind: str, n: int = 1, *, hours_ago: float = 20, program: str = "watchdog",
    rule: str | None = None, seconds: float | None = None, count: int = 1,
) -> str:  # fmt: skip
    """`n` events of one kind, at equal distances until now."""
    apart = hours_ago * HOUR / n
    values = ", ".join(
        f"({END - hours_ago * HOUR + i * apart}, 'watchdog', '{kind}', '', '{program}',"
        f" {'NULL' if rule is None else repr(rule)}, {'NULL' if seconds is None else seconds},"
        f" {count})"
        for i in range(n)
    )
    columns = "at, source, kind, detail, program, rule, duration_seconds, count"
    return f"INSERT INTO event ({columns}) VALUES {values};"


def status(symbols: Sequence[str], word: str) -> str:
    return f"UPDATE contract SET status = '{word}' WHERE symbol IN ({listed(symbols)});"


def _delistings(many: int, of_520: int) -> str:
    """A part is gone from REST, a part stands still at its last price."""
    found = coins(many, share(many, of_520))
    script = ""
    for place, symbol in enumerate(found):
        at = END - (2 + place * 20 / len(found)) * HOUR
        script += (delisted if place % 3 == 0 else settled)(symbol, at)
    return script + status(found, "SETTLING")


def _listings(many: int) -> str:
    found = coins(many, share(many, 40), 60)
    return "".join(
        f"DELETE FROM comparison WHERE symbol = '{symbol}'"
        f" AND compared_at < {END - (1 + place * 20 / len(found)) * HOUR};"
        f"UPDATE comparison SET ws_value = NULL, skew_ms = NULL WHERE id IN (SELECT min(id)"
        f" FROM comparison WHERE symbol = '{symbol}' GROUP BY field);"
        for place, symbol in enumerate(found)
    )


def _one_sided(many: int) -> str:
    """Some rows more in the stream than in REST's reply: settling, announced, removed."""
    found = coins(many, 5)
    return (
        "UPDATE comparison SET rest_value = NULL, skew_ms = NULL, rest_time = NULL"
        f" WHERE symbol IN ({listed(found)});"
        f"DELETE FROM contract WHERE symbol IN ({listed(found[:2])});"
        + status(found[2:4], "PENDING")
        + status(found[4:], "SETTLING")
    )


def _refused(many: int) -> str:
    begin = END - 6 * HOUR
    return (
        f"DELETE FROM comparison WHERE compared_at BETWEEN {begin} AND {begin + 2_400};"
        + events("rest-pause", hours_ago=6 - 0.001)
    )


def _missing(symbol: str, *tables: str) -> str:
    return "".join(f"DELETE FROM {table} WHERE symbol = '{symbol}';" for table in tables)


FAIR: dict[str, Case] = {
    "nothing happens": Case(lambda many: ""),
    "metals and shares are closed": Case(lambda many: "", {"closed": True}),
    "all symbols compared every half an hour": Case(lambda many: "", {"every": 1_800.0}),
    "all symbols compared every hour": Case(lambda many: "", {"every": 3_600.0}),
    "eight delistings": Case(lambda many: _delistings(many, 8)),
    "fifty delistings": Case(lambda many: _delistings(many, 50)),
    "forty listings": Case(_listings),
    "five symbols on one side only that do not trade": Case(_one_sided),
    "six contracts settle": Case(
        lambda many: "".join(settled(s, END - 30 * HOUR) for s in coins(many, 6))
        + status(coins(many, 6), "SETTLING")
    ),
    "eight delistings, and no list of contracts": Case(
        lambda many: _delistings(many, 8) + "DELETE FROM contract;"
    ),
    "REST refuses for forty minutes": Case(_refused),
    "a restart, a few stalls and lost connections": Case(
        lambda many: events("stop", program="funding:ingest", hours_ago=9)
        + events("start", program="funding:ingest", hours_ago=9 - 0.002)
        + events("stall", 6, seconds=6.0) + events("disconnect", 24)
        + events("unhealthy", 2, rule="data", seconds=20.0)
        + events("unhealthy", 1, rule="api", seconds=30.0)
        + events("unobserved", 1, seconds=60.0)
    ),
    "a locked store": Case(lambda many: events("locked", seconds=60.0)),
}  # fmt: skip

SABOTAGED: dict[str, Case] = {
    "stored prices × 100": changed("quote", "mark_price = mark_price * 100"),
    "stored prices and index × 1.02": changed(
        "quote", "mark_price = mark_price * 1.02, index_price = index_price * 1.02"
    ),
    "stored prices × 1.02": changed("quote", "mark_price = mark_price * 1.02"),
    "stored rates negated": changed("quote", "funding_rate = -funding_rate"),
    "stored index × 10": changed("quote", "index_price = index_price * 10"),
    "stored index 0": changed("quote", "index_price = 0"),
    "index × 10 in the stream": changed(
        "comparison", "ws_value = ws_value * 10", f"field = 'index_price' AND {REAL}"
    ),
    "index 0 in the stream": changed(
        "comparison", "ws_value = 0", f"field = 'index_price' AND {REAL}"
    ),
    "five symbols × 10 on both sides": Case(
        lambda many: both(10, f"{MARK} AND symbol IN ({listed(coins(many, 5))})")
        + "UPDATE quote SET mark_price = mark_price * 10"
        f" WHERE symbol IN ({listed(coins(many, 5))});"
    ),
    "five symbols × 10 on both sides for six hours, index too": Case(
        lambda many: both(
            10, f"{PRICES} AND symbol IN ({listed(coins(many, 5))})"
            f" AND compared_at BETWEEN {END - 9 * HOUR} AND {END - 3 * HOUR}"
        )
    ),
    "all but BTC 0.5 % off for nine minutes": changed(
        "comparison", "ws_value = ws_value * 1.005",
        f"{MARK} AND {REAL} AND symbol <> '{WATCHED}' AND {NINE_MINUTES}",
    ),
    "all but one 0.5 % off in one tick": changed(
        "comparison", "ws_value = ws_value * 1.005",
        f"{PRICES} AND {REAL} AND symbol <> '{WATCHED}' AND skew_ms = 0 AND {NINE_MINUTES}",
    ),
    "one coin 0.3 % off for an hour": Case(
        lambda many: "UPDATE comparison SET ws_value = ws_value * 1.003 WHERE"
        f" symbol = '{coins(many, 1)[0]}' AND {MARK} AND compared_at > {END - 3_700};"
    ),
    "one coin 2 % off, called lag": Case(
        lambda many: "UPDATE comparison SET ws_value = ws_value * 1.02, skew_ms = 2000,"
        f" explained = 1 WHERE symbol = '{coins(many, 1)[0]}' AND {MARK};"
    ),
    "half of all symbols frozen on both sides": Case(
        lambda many: frozen(f"symbol IN ({listed(names(many)[1::2])})")
    ),
    "rates of all symbols frozen on both sides": Case(
        lambda many: "UPDATE comparison SET ws_value = 0.0001 + length(symbol) * 1e-6,"
        f" rest_value = 0.0001 + length(symbol) * 1e-6 WHERE {RATE} AND rest_value IS NOT NULL"
        f" AND {REAL}; UPDATE quote SET funding_rate = 0.0001 + length(symbol) * 1e-6"
        " WHERE funding_rate IS NOT NULL;"
    ),
    "a major on neither side": Case(lambda many: _missing("ETHUSDT", "comparison", "quote")),
    "a major that nobody lists": Case(
        lambda many: _missing("ETHUSDT", "comparison", "quote", "contract")
    ),
    "a major in REST only": Case(
        lambda many: "UPDATE comparison SET ws_value = NULL WHERE symbol = 'SOLUSDT';"
        + status(["SOLUSDT"], "SETTLING")
    ),
    "a coin that trades in REST only": Case(
        lambda many: f"UPDATE comparison SET ws_value = NULL WHERE symbol = '{coins(many, 1)[0]}';"
    ),
    "300 stalls": Case(lambda many: events("stall", 300)),
    "300 stalls in one row": Case(lambda many: events("stall", count=300)),
    "3,000 disconnects": Case(lambda many: events("disconnect", 3_000)),
    "an API dead all day": Case(lambda many: events("unhealthy", rule="api", hours_ago=25)),
    "an API that hung three times and was left": Case(
        lambda many: events("restart", 3, program="api:api_00", rule="hung API")
        + events("unhealthy", rule="api", hours_ago=13)
    ),
    "an API that was given up": Case(
        lambda many: events("restart", 3, program="api:api_00", rule="hung API")
        + events("waiting", program="api:api_00")
    ),
    "an API that stood still for twenty hours": Case(
        lambda many: events("unhealthy", rule="api", hours_ago=22, seconds=72_000.0)
    ),
    "an API that an operator stopped": Case(lambda many: events("stop", program="api:api_00")),
    "two minutes without data": Case(
        lambda many: events("unhealthy", rule="data", seconds=120.0)
    ),
    "nobody looked for two hours": Case(lambda many: events("unobserved", seconds=7_200.0)),
    "the watchdog away, a client compares": changed(
        "comparison", "source = 'client'", f"compared_at > {END - 4 * HOUR} AND {REAL}"
    ),
    "no control planted": Case(lambda many: "DELETE FROM comparison WHERE source = 'control';"),
    "a coin that both sides lost at noon": Case(
        lambda many: "".join(
            f"DELETE FROM comparison WHERE symbol = '{s}' AND compared_at > {END - 12 * HOUR};"
            for s in coins(many, share(many, 5))
        )
    ),
    "quotes of an hour ago": changed(
        "quote", "updated_at = updated_at - 3600, event_time = event_time - 3600000"
    ),
    "outcomes edited": Case(
        lambda many: "UPDATE comparison SET ws_value = ws_value * 1.004 WHERE id % 1000 = 7;",
        honest=False,
    ),
}  # fmt: skip
