"""The validation report: fair days pass, sabotaged days do not, and each fails on its own line."""

import ast
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scripts import validate_report
from tests.conftest import ROOT
from tests.report_world import DATED, END, HOUR, TRADFI, build, end_of, tamper
from validation import rules
from validation.criteria import verdict
from validation.read import database, period
from validation.render import terminal, text

Report = dict[str, Any]
PROGRAM = ROOT / "scripts" / "validate_report.py"
TRADFI_LIST = str(TRADFI)


@pytest.fixture(autouse=True)
def small_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "20")


@pytest.fixture(scope="module")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fair") / "funding.db"
    build(path, seed=1)
    return path


@pytest.fixture
def world(fair: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(fair, tmp_path / "funding.db"))


def run(path: Path, *arguments: str, now: float = END) -> tuple[int, Report]:
    """The exit code and the report as data."""
    out = path.with_suffix(".json")
    out.unlink(missing_ok=True)
    options = ["--db", str(path), "--format", "json", "--out", str(out), *arguments]
    code = validate_report.main(options, clock=lambda: now)
    return code, json.loads(out.read_text("utf-8")) if out.exists() else {}


def failed(report: Report) -> set[str]:
    return {each["name"] for each in report["criteria"] if not each["passed"]}


class Sabotage(NamedTuple):
    """What is broken, and the criteria that say so; `honest` stores what the values deserve."""

    script: str
    lines: set[str]
    honest: bool = True


MARK, RATE = "field = 'mark_price'", "field = 'funding_rate'"
REAL = "source <> 'control'"
COLUMNS = (
    "compared_at, source, exchange, symbol, field, ws_value, rest_value, difference_pct, skew_ms,"
    " outcome, rest_time, explained"
)
LATER = f"compared_at > {END - 12 * HOUR}"
ONE_HOUR = f"compared_at BETWEEN {END - 6 * HOUR} AND {END - 5 * HOUR}"
HALF_DAY_EARLIER = (
    "SELECT old.{} FROM comparison AS old WHERE old.symbol = comparison.symbol"
    f" AND old.field = comparison.field AND old.compared_at > {END - 12 * HOUR}"
    " ORDER BY old.compared_at LIMIT 1"
)
PREVIOUS = """
CREATE TEMP TABLE previous AS SELECT id, lag(rest_value, 1, rest_value) OVER
    (PARTITION BY symbol, field ORDER BY compared_at) AS value FROM comparison
    WHERE source <> 'control';
CREATE UNIQUE INDEX temp.by_id ON previous (id);
UPDATE comparison SET rest_value = (SELECT value FROM previous WHERE id = comparison.id)
    WHERE source <> 'control';
"""
TEXT_TABLE = """
DROP VIEW worst_differences;
CREATE TABLE loose AS SELECT * FROM comparison;
DROP TABLE comparison;
ALTER TABLE loose RENAME TO comparison;
CREATE INDEX comparison_compared_at ON comparison (compared_at);
UPDATE comparison SET ws_value = 'NaN' WHERE id % 1000 = 7 AND source <> 'control';
"""


def loose(table: str, script: str) -> str:
    """`table` as a table whose columns take anything, and then `script`."""
    return f"""
DROP VIEW IF EXISTS worst_differences;
CREATE TABLE loose AS SELECT * FROM {table};
DROP TABLE {table};
ALTER TABLE loose RENAME TO {table};
{script};
"""


def frozen(field: str, condition: str = "1") -> str:
    """Both sides of each symbol keep the value that REST had first."""
    return (
        "CREATE TEMP TABLE kept AS SELECT symbol, rest_value, min(id) FROM comparison"
        f" WHERE {field} AND {REAL} AND rest_value IS NOT NULL GROUP BY symbol;"
        "CREATE UNIQUE INDEX temp.kept_symbol ON kept (symbol);"
        "UPDATE comparison SET ws_value = (SELECT rest_value FROM kept WHERE kept.symbol ="
        " comparison.symbol), rest_value = (SELECT rest_value FROM kept WHERE kept.symbol ="
        f" comparison.symbol) WHERE {field} AND {REAL} AND rest_value IS NOT NULL AND {condition};"
    )


def both(field: str, value: str) -> str:
    """Both sides say `value`, an SQL expression of either's."""
    ours, theirs = value.replace("?", "ws_value"), value.replace("?", "rest_value")
    return (
        f"UPDATE comparison SET ws_value = {ours}, rest_value = {theirs} WHERE {field} AND {REAL};"
    )


WEEK_MS = 7 * 86_400_000
FOUR_HOURS = f"compared_at BETWEEN {END - 10 * HOUR} AND {END - 6 * HOUR}"
COIN_MARGINED = f"""
INSERT INTO comparison ({COLUMNS}) SELECT compared_at, source, exchange, 'BTCUSD_PERP', field,
    ws_value, NULL, NULL, NULL, 'mismatch', NULL, 0 FROM comparison
    WHERE symbol = 'ETHUSDT' ORDER BY id;
"""


def moved_copies(shift_rest_time: bool) -> str:
    """Five hours are removed, and filled with copies of the hours before them."""
    move = 5 * HOUR
    time = f"rest_time + {int(move * 1000)}" if shift_rest_time else "rest_time"
    columns = COLUMNS.replace("compared_at", f"compared_at + {move}").replace("rest_time", time)
    begin = END - 10 * HOUR
    return (
        f"DELETE FROM comparison WHERE compared_at BETWEEN {begin} AND {begin + move};"
        f"INSERT INTO comparison ({COLUMNS}) SELECT {columns} FROM comparison"
        f" WHERE compared_at BETWEEN {begin - move} AND {begin} ORDER BY id;"
    )


def event(
    hours_ago: float, source: str, kind: str, detail: str = "", program: str | None = None
) -> str:
    at, about = END - hours_ago * HOUR, f"'{program}'" if program else "NULL"
    return (
        "INSERT INTO event (at, source, kind, detail, program)"
        f" VALUES ({at}, '{source}', '{kind}', '{detail}', {about});"
    )


def drift(percent: float, rest: str = "") -> str:
    return (
        f"UPDATE comparison SET ws_value = ws_value * {1 + percent / 100}"
        f" WHERE {MARK} AND {REAL} AND symbol = 'SOLUSDT' {rest};"
    )


SABOTAGES: dict[str, Sabotage] = {
    "opposite sign of one rate": Sabotage(
        f"UPDATE comparison SET ws_value = -ws_value WHERE {RATE} AND symbol = 'BNBUSDT';",
        {"significant, unexplained", "equal within one tick"},
    ),
    "opposite sign of all rates": Sabotage(
        f"UPDATE comparison SET ws_value = -ws_value WHERE {RATE};",
        {"significant, unexplained", "signs of rates", "average difference, aligned"},
    ),
    "index price for mark price": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * (1.0003 + (id % 7) * 1e-4) WHERE {MARK};",
        {"equal within one tick", "prices off to one side"},
    ),
    "index price for mark price, one symbol": Sabotage(
        drift(0.02), {"equal within one tick", "prices off to one side"}
    ),
    "index price, and the clocks never tick together": Sabotage(
        f"UPDATE comparison SET skew_ms = 300 WHERE {REAL};" + drift(0.02),
        {"prices off to one side"},
    ),
    "ticker p for one symbol": Sabotage(
        f"UPDATE comparison SET ws_value = -ws_value * 0.02 WHERE {MARK} AND symbol = 'BTCUSDT';",
        {"significant, unexplained", "symbols drifting, aligned"},
    ),
    "ticker p for all symbols": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 0.04 WHERE {MARK};",
        {"significant, unexplained", "average difference, aligned"},
    ),
    "funding interval off by one": Sabotage(
        "UPDATE quote SET funding_interval_hours = funding_interval_hours - 1;",
        {"funding schedule impossible"},
    ),
    "funding interval of one symbol off by one": Sabotage(
        "UPDATE quote SET funding_interval_hours = 7 WHERE symbol = 'BTCUSDT';",
        {"funding schedule impossible"},
    ),
    "next settlement an hour late": Sabotage(
        "UPDATE quote SET next_funding_time = next_funding_time + 3600000;",
        {"funding schedule impossible"},
    ),
    "TradFi silent": Sabotage(
        f"UPDATE comparison SET ws_value = NULL, skew_ms = NULL WHERE symbol IN {TRADFI_LIST};",
        {"symbols on one side only", "cells compared"},
    ),
    "TradFi not compared": Sabotage(
        f"DELETE FROM comparison WHERE symbol IN {TRADFI_LIST};",
        {"cells compared", "symbols compared"},
    ),
    "frozen symbols": Sabotage(
        f"UPDATE comparison SET ws_value = ({HALF_DAY_EARLIER.format('ws_value')})"
        f" WHERE {LATER} AND symbol IN ('ETHUSDT', 'COIN1USDT') AND {REAL};",
        {"one side frozen", "equal within one tick"},
    ),
    "one symbol frozen for an hour": Sabotage(
        f"UPDATE comparison SET ws_value = (SELECT max(o.ws_value) FROM comparison AS o"
        f" WHERE o.symbol = 'ETHUSDT' AND o.field = comparison.field AND o.{ONE_HOUR})"
        f" WHERE {ONE_HOUR} AND symbol = 'ETHUSDT';",
        {"one side frozen"},
    ),
    "both sides stand still": Sabotage(
        f"UPDATE comparison SET rest_value = 2, ws_value = 2 WHERE {MARK} AND {REAL};",
        {"prices move"},
    ),
    "one REST sample repeated": Sabotage(
        f"UPDATE comparison SET rest_value = ({HALF_DAY_EARLIER.format('rest_value')}),"
        f" rest_time = ({HALF_DAY_EARLIER.format('rest_time')}) WHERE {LATER} AND {REAL};",
        {"one side frozen", "clocks"},
    ),
    "stale REST that claims to be aligned": Sabotage(PREVIOUS, {"equal within one tick"}),
    "stale REST, honest about it": Sabotage(
        PREVIOUS + "UPDATE comparison SET skew_ms = skew_ms + 60000,"
        " rest_time = rest_time - 60000;",
        {"skew of the readings", "clocks", "symbols seldom aligned"},
    ),
    "clock skew of the stream": Sabotage(
        "UPDATE comparison SET skew_ms = skew_ms + 5000;",
        {"skew of the readings", "symbols seldom aligned"},
    ),
    "clock skew of less than a second": Sabotage(
        "UPDATE comparison SET skew_ms = skew_ms + 900;", {"skew of the readings"}
    ),
    "clock of this machine an hour off": Sabotage(
        "UPDATE comparison SET rest_time = rest_time - 3600000;", {"clocks"}
    ),
    "skew unknown": Sabotage(
        "UPDATE comparison SET skew_ms = NULL;", {"skew of the readings"}
    ),
    "rates in percent": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 100 WHERE {RATE};",
        {"significant, unexplained", "average difference, aligned"},
    ),
    "rates in percent on both sides": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 100, rest_value = rest_value * 100"
        f" WHERE {RATE};",
        {"units of rates"},
    ),
    "no rates at all": Sabotage(
        f"UPDATE comparison SET ws_value = NULL, rest_value = NULL WHERE {RATE} AND {REAL};",
        {"both fields", "funding settlements"},
    ),
    "COIN-M mixed in": Sabotage(COIN_MARGINED, {"COIN-M symbols", "symbols on one side only"}),
    "majors only": Sabotage(
        "DELETE FROM comparison WHERE symbol NOT IN ('BTCUSDT', 'ETHUSDT', 'BNBUSDT');",
        {"cells compared", "symbols compared"},
    ),
    "majors only, and no others known": Sabotage(
        "DELETE FROM comparison WHERE symbol NOT IN ('BTCUSDT', 'ETHUSDT', 'BNBUSDT');"
        "DELETE FROM quote WHERE symbol NOT IN ('BTCUSDT', 'ETHUSDT', 'BNBUSDT');",
        {"symbols compared"},
    ),
    "fewer symbols than a message has rows": Sabotage(
        "DELETE FROM comparison WHERE symbol LIKE 'COIN1_USDT' OR symbol = 'BNBUSDT';"
        "DELETE FROM quote WHERE symbol LIKE 'COIN1_USDT' OR symbol = 'BNBUSDT';"
        "UPDATE feed SET accepted = frames * 28;",
        {"symbols compared"},
    ),
    "no quotes": Sabotage("DELETE FROM quote;", {"symbols compared"}),
    "all symbols only once": Sabotage(
        f"DELETE FROM comparison WHERE symbol <> 'BTCUSDT' AND {LATER};", {"cells compared"}
    ),
    "23 hours": Sabotage(
        f"DELETE FROM comparison WHERE compared_at < {END - 23 * HOUR};", {"span"}
    ),
    "nothing in the last two hours": Sabotage(
        f"DELETE FROM comparison WHERE compared_at > {END - 2 * HOUR};", {"span", "longest gap"}
    ),
    "a hole of eleven minutes": Sabotage(
        f"DELETE FROM comparison WHERE compared_at BETWEEN {END - 9000} AND {END - 9000 + 660};",
        {"longest gap"},
    ),
    "a restart that took a quarter of an hour": Sabotage(
        event(5, "ingest", "stop") + event(4.75, "ingest", "start"), {"ingest stopped"}
    ),
    "ingest stopped for good": Sabotage(event(1, "ingest", "stop"), {"ingest stopped"}),
    "ingest began without having stopped": Sabotage(
        event(5, "ingest", "start"), {"programs that crashed"}
    ),
    "a crash whose first start was pruned": Sabotage(
        "DELETE FROM event;" + event(5, "ingest", "start"), {"programs that crashed"}
    ),
    "the watchdog saw a program die": Sabotage(
        event(5, "watchdog", "crash"), {"programs that crashed"}
    ),
    "no audit trail": Sabotage("DROP TABLE event;", {"programs that crashed"}),
    "outcomes edited": Sabotage(
        "UPDATE comparison SET ws_value = ws_value * 1.002 WHERE id = 400;",
        {"stored outcomes that are wrong"},
        honest=False,
    ),
    "outcomes edited to look worse": Sabotage(
        "UPDATE comparison SET outcome = 'mismatch' WHERE id = 400;",
        {"stored outcomes that are wrong"},
        honest=False,
    ),
    "differences edited": Sabotage(
        "UPDATE comparison SET difference_pct = 0.05 WHERE id = 400;",
        {"stored outcomes that are wrong"},
        honest=False,
    ),
    "controls missed": Sabotage(
        "UPDATE comparison SET ws_value = rest_value WHERE source = 'control';", {"controls"}
    ),
    "a control stored as a match": Sabotage(
        "UPDATE comparison SET outcome = 'match' WHERE id ="
        " (SELECT max(id) FROM comparison WHERE source = 'control');",
        {"controls"},
        honest=False,
    ),
    "a control without values": Sabotage(
        "UPDATE comparison SET ws_value = NULL, rest_value = NULL WHERE source = 'control';",
        {"controls"},
    ),
    "drift of 0.5 % on one symbol": Sabotage(
        drift(0.5),
        {"symbols drifting, aligned", "equal within one tick", "prices off to one side"},
    ),
    "drift of 2 % on one symbol": Sabotage(
        drift(2), {"significant, unexplained", "symbols drifting, aligned"}
    ),
    "drift of 2 % called lag": Sabotage(
        drift(2) + "UPDATE comparison SET skew_ms = 1500, explained = 1 WHERE symbol = 'SOLUSDT';",
        {"significant, explained", "symbols seldom aligned"},
    ),
    "drift of 2 % said to lie between": Sabotage(
        drift(2) + "UPDATE comparison SET skew_ms = 500, explained = 1 WHERE symbol = 'SOLUSDT';",
        {"significant, explained", "symbols drifting, aligned"},
    ),
    "two bursts of one symbol said to lie between": Sabotage(
        drift(2, "AND id IN (SELECT id FROM comparison WHERE symbol = 'SOLUSDT' AND"
                 f" {MARK} ORDER BY id LIMIT 2 OFFSET 50)")
        + "UPDATE comparison SET skew_ms = 500, explained = 1 WHERE symbol = 'SOLUSDT' AND id IN"
        f" (SELECT id FROM comparison WHERE symbol = 'SOLUSDT' AND {MARK} ORDER BY id LIMIT 2"
        " OFFSET 50);",
        {"significant, explained"},
    ),
    "readings of one tick said to lie between": Sabotage(
        "UPDATE comparison SET ws_value = ws_value * 1.02, skew_ms = 0, explained = 1"
        f" WHERE id = (SELECT max(id) FROM comparison WHERE {MARK} AND symbol = 'SOLUSDT');",
        {"significant, unexplained"},
    ),
    "three times the price whenever a reading is late": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 3 WHERE {MARK} AND abs(skew_ms) > 4000;",
        {"significant, unexplained"},
    ),
    "a symbol missing in REST": Sabotage(
        "UPDATE comparison SET rest_value = NULL WHERE symbol = 'COIN3USDT';",
        {"symbols on one side only", "cells compared"},
    ),
    "a symbol's rate missing in the stream": Sabotage(
        f"UPDATE comparison SET ws_value = NULL WHERE {RATE} AND symbol = 'COIN3USDT';",
        {"symbols on one side only", "cells compared"},
    ),
    "a symbol's price missing on both sides": Sabotage(
        "UPDATE comparison SET ws_value = NULL, rest_value = NULL"
        f" WHERE {MARK} AND symbol = 'COIN3USDT';",
        {"symbols on one side only", "cells compared"},
    ),
    "only prices compared": Sabotage(
        f"DELETE FROM comparison WHERE {RATE};", {"both fields", "cells compared"}
    ),
    "hours filled with copies": Sabotage(moved_copies(False), {"clocks"}),
    "hours filled with copies, times moved": Sabotage(moved_copies(True), {"clocks"}),
    "each row twice": Sabotage(
        f"INSERT INTO comparison ({COLUMNS}) SELECT {COLUMNS} FROM comparison;", {"rows"}
    ),
    "rows from the future": Sabotage(
        f"UPDATE comparison SET compared_at = compared_at + 900"
        f" WHERE compared_at > {END - 500};",
        {"clocks"},
    ),
    "the clock went back an hour": Sabotage(
        "UPDATE comparison SET compared_at = compared_at - 3600, rest_time = rest_time - 3600000"
        f" WHERE compared_at > {END - 4 * HOUR};",
        {"clocks"},
    ),
    "all at one instant": Sabotage(
        f"UPDATE comparison SET compared_at = {END - 60};", {"span", "rows"}
    ),
    "rows of another exchange": Sabotage(
        "UPDATE comparison SET exchange = 'bybit' WHERE symbol LIKE 'COIN%';",
        {"cells compared", "symbols compared"},
    ),
    "text for numbers": Sabotage(TEXT_TABLE, {"rows"}, honest=False),
    "infinite values": Sabotage(
        "UPDATE comparison SET ws_value = 9e999, rest_value = 9e999 WHERE id = 400;",
        {"rows"},
        honest=False,
    ),
    "a REST price of zero": Sabotage(
        f"UPDATE comparison SET rest_value = 0, outcome = 'significant', difference_pct = NULL"
        f" WHERE {MARK} AND symbol = 'COIN5USDT';",
        {"significant, unexplained"},
        honest=False,
    ),
    "rates frozen on both sides": Sabotage(frozen(RATE), {"rates move"}),
    "rates frozen on both sides for four hours": Sabotage(
        frozen(RATE, FOUR_HOURS), {"rates move"}
    ),
    "prices frozen on both sides for four hours": Sabotage(
        frozen(MARK, FOUR_HOURS), {"prices move"}
    ),
    "all rates zero on both sides": Sabotage(both(RATE, "0.0"), {"rates move", "units of rates"}),
    "one rate for all symbols": Sabotage(
        both(RATE, "0.00001 + (cast(compared_at as integer) % 1000) * 1e-7"), {"rates move"}
    ),
    "one price for all symbols": Sabotage(
        both(MARK, f"60000 + (compared_at - {END}) * 0.01"), {"prices move"}
    ),
    "rates divided by a hundred on both sides": Sabotage(both(RATE, "? / 100"), {"units of rates"}),
    "negative prices on both sides": Sabotage(both(MARK, "-?"), {"prices of zero or less"}),
    "one price of zero on both sides": Sabotage(
        both(MARK + " AND id = 401", "0.0"), {"prices of zero or less"}
    ),
    "quotes a week old": Sabotage(
        f"UPDATE quote SET updated_at = updated_at - {WEEK_MS / 1000};", {"quotes at the end"}
    ),
    "quotes of events of a week ago": Sabotage(
        f"UPDATE quote SET event_time = event_time - {WEEK_MS},"
        f" next_funding_time = next_funding_time - {WEEK_MS};",
        {"quotes at the end"},
    ),
    "quotes of next week": Sabotage(
        f"UPDATE quote SET updated_at = updated_at + {WEEK_MS / 1000}, event_time ="
        f" event_time + {WEEK_MS}, next_funding_time = next_funding_time + {WEEK_MS};",
        {"quotes at the end"},
    ),
    "feed not connected": Sabotage("UPDATE feed SET connected = 0;", {"feed at the end"}),
    "feed silent": Sabotage(
        f"UPDATE feed SET heartbeat_at = {END - 600};", {"feed at the end"}
    ),
    "feed unknown": Sabotage("DELETE FROM feed;", {"feed at the end"}),
    "next settlement a week ago": Sabotage(
        f"UPDATE quote SET next_funding_time = next_funding_time - {WEEK_MS};",
        {"funding schedule impossible"},
    ),
    "next settlement unknown": Sabotage(
        "UPDATE quote SET next_funding_time = NULL;", {"funding schedule impossible"}
    ),
    "next settlement and rate unknown": Sabotage(
        "UPDATE quote SET next_funding_time = NULL, funding_rate = NULL;",
        {"funding schedule impossible"},
    ),
    "funding intervals unknown": Sabotage(
        "UPDATE quote SET funding_interval_hours = NULL;", {"funding schedule impossible"}
    ),
    "the exchange in capitals": Sabotage(
        "UPDATE comparison SET exchange = 'Binance' WHERE id = 400;", {"rows"}
    ),
    "no exchange": Sabotage("UPDATE comparison SET exchange = '' WHERE id = 400;", {"rows"}),
    "a comparison without a time": Sabotage(
        loose("comparison", "UPDATE comparison SET compared_at = NULL WHERE id = 400"), {"rows"}
    ),
    "a comparison whose time is text": Sabotage(
        loose("comparison", "UPDATE comparison SET compared_at = 'now' WHERE id = 400"), {"rows"}
    ),
    "a comparison of before all time": Sabotage(
        "UPDATE comparison SET compared_at = -9e999 WHERE id = 400;", {"rows"}
    ),
    "an event without a time": Sabotage(
        loose("event", "INSERT INTO event (source, kind, detail) VALUES ('x', 'crash', '')"),
        {"programs that crashed"},
    ),
    "differing rows called controls": Sabotage(
        drift(2).replace("SOLUSDT", "BTCUSDT")
        + f"UPDATE comparison SET source = 'control' WHERE {MARK} AND symbol = 'BTCUSDT';",
        {"controls"},
    ),
    "the differing rows of one symbol called controls": Sabotage(
        drift(2, f"AND compared_at > {END - 1000}")
        + f"UPDATE comparison SET source = 'control' WHERE {MARK} AND symbol = 'SOLUSDT'"
        f" AND compared_at > {END - 1000};",
        {"controls"},
    ),
    "restarted again and again": Sabotage(
        "".join(event(n / 25, "watchdog", "restart", "api:api_00 (hung API)") for n in range(500)),
        {"programs that hung"},
    ),
    "killed by the watchdog": Sabotage(
        event(5, "watchdog", "kill", "api:api_00 (kill): still there"), {"programs that hung"}
    ),
    "an API process crashed": Sabotage(
        event(5, "api:api_01", "crash", "api:api_01 ended by itself: by a signal"),
        {"programs that crashed"},
    ),
    "one hour of 0.5 % everywhere": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 1.005 WHERE {MARK} AND {ONE_HOUR};",
        {"worst hour, aligned", "equal within one tick"},
    ),
    "one hour of 0.3 % on one symbol": Sabotage(
        drift(0.3, f"AND {ONE_HOUR}"), {"equal within one tick"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_sabotaged_day_is_no_go(world: Path, name: str) -> None:
    sabotage = SABOTAGES[name]
    tamper(world, sabotage.script, honest=sabotage.honest)
    code, report = run(world, "--no-store")
    assert (code, report["verdict"]) == (1, "NO-GO")
    assert sabotage.lines <= failed(report)


def crashed(world: Path, script: str) -> tuple[set[str], Report]:
    """The criteria that fail for the programs' sake, and the events."""
    tamper(world, script)
    _, report = run(world, "--no-store")
    return failed(report) & {"programs that crashed", "programs that hung"}, report["events"]


INGEST = "funding:ingest"


def test_a_crash_of_ingest_is_counted_once(world: Path) -> None:
    told = event(5.001, INGEST, "crash", f"{INGEST} ended by itself: by a signal")
    lines, events = crashed(world, told + event(5, "ingest", "start", "pid 9"))
    assert lines == {"programs that crashed"}
    assert len(events["crashes"]) == 1
    lines, events = crashed(world, event(4, "ingest", "start", "pid 10"))
    assert len(events["crashes"]) == 2, "the next start has a crash of its own"


def test_what_the_watchdog_ended_did_not_crash_but_hung(world: Path) -> None:
    ordered = event(5.01, "watchdog", "restart", "(hung ingest): no heartbeat for 6 s", INGEST)
    lines, events = crashed(world, ordered + event(5, "ingest", "start", "pid 9"))
    assert (lines, events["crashes"]) == (set(), []), "one restart a day is no verdict"
    killed = event(4.01, "watchdog", "kill", "(kill): still there 2 s after TERM", INGEST)
    lines, events = crashed(world, killed + event(4, "ingest", "start", "pid 10"))
    assert (lines, events["crashes"]) == ({"programs that hung"}, [])
    assert {each["kind"] for each in events["shown"]} >= {"restart", "kill", "start"}


def test_an_order_to_one_program_excuses_no_other(world: Path) -> None:
    ordered = event(5.01, "watchdog", "restart", "(hung API): 2 requests", "api:api_00")
    lines, _ = crashed(world, ordered + event(5, "ingest", "start", "pid 9"))
    assert lines == {"programs that crashed"}


def test_what_was_replaced_is_shown(world: Path) -> None:
    replaced = event(5, "watchdog", "replaced", "api:api_00 is a new process: 7 → 8")
    lines, events = crashed(world, replaced)
    assert lines == set()
    assert "replaced" in {each["kind"] for each in events["shown"]}


def test_a_source_without_a_name_counts_its_own_rows_alone(world: Path) -> None:
    tamper(world, "UPDATE comparison SET source = '' WHERE id BETWEEN 400 AND 409;")
    totals = run(world)[1]["totals"]
    assert totals["by_source"][""]["total"] == 10
    assert sum(each["total"] for each in totals["by_source"].values()) == totals["all"]["total"]


def test_a_feed_that_stopped_after_the_period_was_connected_at_its_end(world: Path) -> None:
    tamper(world, f"UPDATE feed SET connected = 0, heartbeat_at = {END + 3_600};")
    assert "feed at the end" not in failed(run(world, "--until", text.iso(END))[1])


def test_a_fair_day_is_go(world: Path) -> None:
    code, report = run(world)
    assert failed(report) == set()
    assert (code, report["verdict"]) == (0, "GO")
    assert report["coverage"]["known"] == report["coverage"]["compared"] == 30
    assert len(report["coverage"]["settlements"]) == 3
    assert report["totals"]["controls"] == 48


def fails_of_a_fair_day(path: Path) -> set[str]:
    """What the report has against the fair day whose seed is the name of the file."""
    seed = int(path.stem)
    build(path, seed, many=20)
    _, report = run(path, "--no-store", now=end_of(seed))
    path.unlink()
    return failed(report)


def test_fair_days_are_seldom_refused(tmp_path: Path) -> None:
    paths = [tmp_path / f"{seed}.db" for seed in range(1000, 1100)]
    with ProcessPoolExecutor(2) as pool:
        refused = [found for found in pool.map(fails_of_a_fair_day, paths, chunksize=5) if found]
    assert len(refused) <= 1, refused


def test_rows_that_others_wrote_lack_the_newer_columns(world: Path) -> None:
    tamper(world, "UPDATE comparison SET rest_time = NULL, explained = NULL;")
    code, report = run(world)
    assert code == 0
    assert any("without the time of REST's reply" in each for each in report["warnings"])


def test_without_controls_there_is_a_warning(world: Path) -> None:
    tamper(world, "DELETE FROM comparison WHERE source = 'control';")
    code, report = run(world)
    assert code == 0
    assert any(each.startswith("no control was planted") for each in report["warnings"])


def test_a_listing_is_for_a_moment_on_one_side_only(world: Path) -> None:
    tamper(
        world,
        "UPDATE comparison SET ws_value = NULL, skew_ms = NULL, explained = 0 WHERE id IN"
        " (SELECT min(id) FROM comparison WHERE symbol = 'COIN7USDT' GROUP BY field);",
    )
    assert run(world)[0] == 0


def delisted(symbol: str, at: float) -> str:
    """From `at` on neither side has `symbol`, but our last quote of it is kept."""
    before = (
        "SELECT ws_value FROM comparison AS old WHERE old.symbol = comparison.symbol AND"
        f" old.field = comparison.field AND old.compared_at < {at} ORDER BY id DESC LIMIT 1"
    )
    return f"""
UPDATE comparison SET ws_value = coalesce(({before}), ws_value), rest_value = NULL,
    skew_ms = NULL, rest_time = NULL, explained = 0
    WHERE symbol = '{symbol}' AND compared_at >= {at};
UPDATE quote SET updated_at = {at} - 30, event_time = ({at} - 30) * 1000,
    funding_interval_hours = 8,
    next_funding_time = CAST(({at} - 30) / 28800 + 1 AS INTEGER) * 28800000
    WHERE symbol = '{symbol}';
"""


def test_what_was_delisted_is_on_neither_side(world: Path) -> None:
    tamper(world, delisted("COIN3USDT", END - 10 * HOUR) + delisted("COIN4USDT", END - 72 * HOUR))
    tamper(world, f"DELETE FROM comparison WHERE symbol = 'COIN4USDT' AND {RATE};")
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    assert any("COIN3USDT, COIN4USDT" in each for each in report["warnings"])


@pytest.mark.parametrize(
    "script",
    [
        f"UPDATE quote SET updated_at = {END}, event_time = {END * 1000};",
        f"UPDATE comparison SET rest_value = ws_value WHERE compared_at > {END - 60 * 15};",
        "UPDATE comparison SET ws_value = NULL, rest_value = ws_value"
        f" WHERE compared_at > {END - 60 * 15};",
        f"UPDATE quote SET updated_at = {END - 9 * HOUR}, event_time = {(END - 9 * HOUR) * 1000};",
    ],
    ids=["the stream has it", "both have it again", "REST has it", "the stream went on"],
)
def test_what_one_side_still_has_was_not_delisted(world: Path, script: str) -> None:
    end = f"{script[:-1]} {'AND' if 'WHERE' in script else 'WHERE'} symbol = 'COIN3USDT';"
    tamper(world, delisted("COIN3USDT", END - 10 * HOUR) + end)
    assert "symbols on one side only" in failed(run(world)[1])


def test_many_symbols_are_not_delisted_in_one_day(world: Path) -> None:
    script = "".join(delisted(f"COIN{n}USDT", END - 72 * HOUR) for n in range(1, 5))
    tamper(world, script)
    assert {"symbols on one side only", "cells compared"} <= failed(run(world)[1])


def test_a_symbol_is_known_from_its_listing_on(world: Path) -> None:
    listed = f"DELETE FROM comparison WHERE {LATER.replace('>', '<')} AND symbol = "
    tamper(world, listed + "'COIN3USDT';")
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    assert report["coverage"]["cells"] == report["coverage"]["cells_compared"] == 24 * 30 - 12
    tamper(world, listed + "'COIN4USDT';")
    assert failed(run(world)[1]) == {"cells compared"}, "two of thirty are no listing"


def test_each_start_of_the_watchdog_plants_a_control(world: Path) -> None:
    script = ""
    for second in range(5):
        at = END - 60 + second
        script += f"""INSERT INTO comparison ({COLUMNS}) SELECT
            {COLUMNS.replace("compared_at", str(at)).replace("rest_time", str(int(at * 1000)))}
            FROM comparison WHERE source = 'control' ORDER BY id LIMIT 2;"""
    tamper(world, script)
    assert failed(run(world)[1]) == {"controls"}
    tamper(world, "".join(event(n, "funding:watchdog", "start", "pid 9") for n in range(5)))
    assert run(world)[0] == 0


def test_a_stand_in_is_told_from_the_exchange(world: Path) -> None:
    tamper(world, "UPDATE feed SET address = '127.0.0.1';")
    code, report = run(world)
    assert code == 0
    assert any("a stand-in" in each for each in report["warnings"])


def test_a_control_counts_nowhere_else(world: Path) -> None:
    _, before = run(world, "--no-store")
    tamper(world, "DELETE FROM comparison WHERE source = 'control';")
    _, after = run(world, "--no-store")
    assert before["totals"]["all"] == after["totals"]["all"]
    assert before["differences"] == after["differences"]


def test_a_period_of_iso_times_ends_where_it_says(world: Path) -> None:
    since, until = text.iso(END - 24.15 * HOUR), text.iso(END - HOUR)
    code, report = run(world, "--since", since, "--until", until)
    assert code == 1
    assert failed(report) == {"span", "funding settlements"} & failed(report)
    assert "span" in failed(report)
    assert report["coverage"]["since"] == pytest.approx(END - 24.15 * HOUR, abs=1)
    assert run(world, "--since", "2d")[0] == 0


def test_a_settlement_is_witnessed_on_both_sides_by_half_the_symbols(world: Path) -> None:
    instant = (END // 28_800 - 1) * 28_800
    tamper(
        world,
        f"DELETE FROM comparison WHERE symbol LIKE 'COIN%' AND compared_at"
        f" BETWEEN {instant} AND {instant + 1800};",
    )
    _, report = run(world)
    assert instant not in report["coverage"]["settlements"]
    assert "funding settlements" in failed(report)


def test_the_verdict_is_stored_once_and_nothing_else_changes(world: Path) -> None:
    with closing(sqlite3.connect(world)) as connection:
        before = list(connection.iterdump())
    assert run(world, "--no-store")[0] == 0
    with closing(sqlite3.connect(world)) as connection:
        assert list(connection.iterdump()) == before
    assert run(world)[0] == 0
    with closing(sqlite3.connect(world)) as connection:
        ((at, verdict, since, until, stored),) = connection.execute(
            "SELECT at, verdict, since, until, report FROM validation"
        )
        new = set(connection.iterdump()) - set(before)
    assert len(new) == 1
    assert (at, verdict, until) == (END, "GO", END)
    assert since == END - 24 * HOUR - 600
    assert json.loads(stored)["verdict"] == "GO"


def test_the_report_reads_without_being_able_to_write(world: Path) -> None:
    with pytest.raises(database.NoReport, match="readonly"), database.opened(world) as connection:
        connection.execute("DELETE FROM comparison")


def test_a_verdict_that_cannot_be_stored_is_said(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(world, "DROP TABLE validation;")
    assert run(world)[0] == 0
    assert "the verdict was not stored" in capsys.readouterr().err


def _nothing(path: Path) -> None:
    path.unlink()


def _no_rows(path: Path) -> None:
    tamper(path, "DELETE FROM comparison;")


def _no_bytes(path: Path) -> None:
    path.write_bytes(b"")


def _no_database(path: Path) -> None:
    path.write_bytes(b"certainly no database " * 400)


def _foreign(path: Path) -> None:
    path.unlink()
    tamper(path, "CREATE TABLE comparison (id, left, right); INSERT INTO comparison VALUES (1,2,3)"
           .replace("left", "a").replace("right", "b"), honest=False)  # fmt: skip


def _other_application(path: Path) -> None:
    tamper(path, "PRAGMA application_id = 7;")


@pytest.mark.parametrize(
    "spoil", [_nothing, _no_rows, _no_bytes, _no_database, _foreign, _other_application]
)
def test_what_cannot_be_judged_is_said_in_one_sentence(
    world: Path, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(world)
    existed = world.exists()
    assert run(world) == (2, {})
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("no report: ")
    assert said.err.count("\n") == 1
    assert world.exists() == existed


@pytest.mark.parametrize(
    "arguments",
    [("--since", "yesterday"), ("--until", "24h"), ("--since", "2027-01-01"), ("--out", "/no/x")],
)
def test_bad_arguments_are_no_verdict(
    world: Path, arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--db", str(world), *arguments]
    assert validate_report.main(options, clock=lambda: END) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_period_without_comparisons_is_no_go(world: Path) -> None:
    code, report = run(world, now=END + 90 * 86_400)
    assert code == 1
    assert {"span", "longest gap", "cells compared", "rows"} <= failed(report)


def test_the_program_runs_alone(world: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-I", str(PROGRAM)]
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
    assert helped.returncode == 0
    assert "--no-store" in helped.stdout
    unknown = subprocess.run([*command, "--wat"], capture_output=True, text=True, check=False)
    assert unknown.returncode == 2
    judged = subprocess.run(
        [*command, "--until", text.iso(END), "--no-store"],
        capture_output=True, check=False, cwd=tmp_path,
        env={"FUNDING_DB": str(world), "LC_ALL": "C", "FUNDING_MIN_SYMBOLS": "20"},
    )  # fmt: skip
    assert judged.returncode == 0, judged.stderr
    assert judged.stdout.decode().splitlines()[-1] == "VERDICT: GO"


def judged(world: Path, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """The program on `world`, as a shell starts it."""
    command = [sys.executable, str(PROGRAM), "--until", text.iso(END), "--no-store", *arguments]
    environment = {"FUNDING_DB": str(world), "FUNDING_MIN_SYMBOLS": "20"} | options.pop("env", {})
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, **options)


def said_by(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors.decode()


@pytest.mark.parametrize("asked", [(), ("--until", "2020-01-01")], ids=["long", "short"])
def test_a_full_disk_is_no_verdict(world: Path, asked: tuple[str, ...]) -> None:
    """However much of the report is still in a buffer when the program ends."""
    with Path("/dev/full").open("wb") as full:
        code, errors = said_by(judged(world, *asked, stdout=full))
    expected = "no report: standard output cannot be written: No space left on device\n"
    assert (code, errors) == (2, expected)


def test_a_closed_pipe_is_no_verdict(world: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        code, errors = said_by(judged(world, stdout=closed))
    assert (code, errors) == (2, "no report: standard output cannot be written: Broken pipe\n")


def test_a_closed_output_is_no_verdict(world: Path) -> None:
    command = ["sh", "-c", 'exec "$0" "$@" >&-', sys.executable, str(PROGRAM), "--no-store"]
    done = subprocess.run(
        command, env={"FUNDING_DB": str(world)}, capture_output=True, text=True, check=False
    )
    expected = "no report: standard output cannot be written: Bad file descriptor\n"
    assert (done.returncode, done.stderr) == (2, expected)


def test_another_package_of_the_same_name_is_not_imported(world: Path, tmp_path: Path) -> None:
    other = tmp_path / "validation"
    other.mkdir()
    (other / "__init__.py").write_text("raise SystemExit('the wrong one')")
    process = judged(world, stdout=subprocess.DEVNULL, env={"PYTHONPATH": str(tmp_path)})
    assert said_by(process) == (0, "")


def test_only_the_standard_library_is_imported() -> None:
    for path in [PROGRAM, *(ROOT / "validation").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                assert top == "validation" or top in sys.stdlib_module_names, f"{path}: {name}"


def test_the_fewest_symbols_are_a_setting(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNDING_MIN_SYMBOLS")
    assert failed(run(world)[1]) == {"symbols compared"}, "500, as for the service"
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "31")
    assert failed(run(world)[1]) == {"symbols compared"}
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "many")
    assert run(world)[0] == 2


HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture
def hostile(world: Path) -> Path:
    with closing(sqlite3.connect(world)) as connection, connection:
        connection.execute(
            "UPDATE comparison SET symbol = ? WHERE symbol = 'COIN2USDT'", (HOSTILE,)
        )
        connection.execute(
            "UPDATE comparison SET ws_value = ws_value * 3 WHERE symbol = ?", (HOSTILE,)
        )
        connection.execute(
            "INSERT INTO event (at, source, kind, detail) VALUES (?, 'x', 'crash', ?)",
            (END - 9, HOSTILE),
        )
    return world


def test_the_page_is_self_contained_and_escaped(hostile: Path) -> None:
    out = hostile.with_suffix(".html")
    options = ["--db", str(hostile), "--format", "html", "--out", str(out)]
    assert validate_report.main(options, clock=lambda: END) == 1
    found = out.read_text("utf-8")
    assert "<script" not in found
    assert "\x1b" not in found
    assert "&lt;script&gt;" in found
    assert not re.search(r"(src|href)=|url\(|@import|https?://", found)
    assert found.count("<svg") == found.count("</svg>") == 4
    assert "prefers-color-scheme: dark" in found
    assert "nan" not in re.sub(r"<[^>]*title>.*?</title>", "", found.split("<h2>Plots")[1])


def test_the_text_fits_a_terminal_and_obeys_nobody(hostile: Path) -> None:
    out = hostile.with_suffix(".txt")
    options = ["--db", str(hostile), "--out", str(out)]
    assert validate_report.main(options, clock=lambda: END) == 1
    lines = out.read_text("utf-8").splitlines()
    assert not any("\x1b" in line for line in lines)
    assert [line for line in lines if text.columns(line) > terminal.WIDTH] == []
    assert lines[-1].startswith("VERDICT: NO-GO: ")
    for section in ("PERIOD", "COMPARISONS", "DISTRIBUTION", "THE TWENTY", "DRIFT", "REST"):
        assert any(line.startswith(section) for line in lines)
    assert sum(line.startswith(("  PASS", "  FAIL")) for line in lines) == len(verdict.CRITERIA)


@pytest.mark.parametrize(
    ("field", "ours", "theirs", "difference", "outcome"),
    [
        (rules.MARK, 100.1, 100.0, 0.1, "match"),
        (rules.MARK, 100.11, 100.0, 0.11, "mismatch"),
        (rules.MARK, 98.9, 100.0, 1.1, "significant"),
        (rules.MARK, 1.0, 0.0, float("inf"), "significant"),
        (rules.MARK, 0.0, 0.0, 0.0, "match"),
        (rules.RATE, 0.00011, 0.0001, 10.0, "significant"),
        (rules.RATE, 0.0000005, 0.0, 0.5, "mismatch"),
        (rules.RATE, -0.0001, 0.0001, 200.0, "significant"),
        (rules.RATE, 0.00000109, 0.000001, 0.09, "match"),
        (rules.RATE, 0.02004, 0.02, 0.2, "mismatch"),
    ],
)
def test_the_ruler(field: str, ours: float, theirs: float, difference: float, outcome: str) -> None:
    found = rules.difference_pct(field, ours, theirs)
    assert found == pytest.approx(difference)
    assert rules.stored_agrees(found, outcome, found)
    assert rules.stored_agrees(found, outcome, -found)
    assert rules.stored_agrees(found, outcome, None)
    for other in {"match", "mismatch", "significant", "fine", None} - {outcome}:
        if abs(found - rules.MATCH_PCT) > 1e-9:
            assert not rules.stored_agrees(found, other, found)


@pytest.mark.parametrize(
    ("field", "difference", "skew", "claimed", "reason"),
    [
        (rules.MARK, 1.5, 1001, 0, "lag"),
        (rules.MARK, 1.5, 1000, 0, None),
        (rules.MARK, 1.5, -1000, 1, "claimed"),
        (rules.MARK, 1.5, 5, 1, None),
        (rules.MARK, 1.5, None, 1, None),
        (rules.MARK, 4.5, 2000, 1, None),
        (rules.MARK, 11.0, 60_000, 1, None),
        (rules.RATE, 300.0, 2000, 0, "lag"),
    ],
)
def test_what_lag_excuses(
    field: str, difference: float, skew: int | None, claimed: int, reason: str | None
) -> None:
    assert rules.excuse(field, difference, skew, claimed) == reason


@pytest.mark.parametrize(
    ("past_the_hour", "skew", "turning"),
    [
        (0, 0, True),
        (9_999, 5, True),
        (10_000, 0, False),
        (-1, 0, False),
        (-500, 600, True),
        (10_500, -10_501, True),
        (-500, None, False),
        (None, 0, False),
    ],
)
def test_rates_of_two_funding_intervals_are_not_compared(
    past_the_hour: int | None, skew: int | None, turning: bool
) -> None:
    time = None if past_the_hour is None else 497_215 * rules.HOUR_MS + past_the_hour
    assert rules.may_span_settlement(time, skew) is turning


def test_a_rate_that_turns_with_its_interval_is_no_error_and_one_that_does_not_is(
    world: Path,
) -> None:
    """A settlement between the two readings, 400 ms apart; and the same half a minute later."""
    instant = (END // 28_800) * 28_800
    for late, wrong in ((0, False), (30, True)):
        at = instant + late + 0.5
        tamper(
            world,
            f"INSERT INTO comparison ({COLUMNS}) VALUES ({at}, 'watchdog', 'binance', 'BTCUSDT',"
            f" 'funding_rate', 0.0001, 0.0003, NULL, -400, 'match',"
            f" {int((instant + late) * 1000) + 200}, 0);",
        )
        lines = {"significant, unexplained", "signs of rates", "worst hour, aligned"}
        assert bool(lines & failed(run(world, "--no-store")[1])) is wrong


def test_figures_are_those_of_a_day_made_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    build(path, many=12, seconds=HOUR)
    rows = [
        (END - 200 + index, "hand", "binance", "AUSDT", "mark_price", 100 + index / 100, 100.0)
        for index in range(101)
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM comparison")
        connection.executemany(
            "INSERT INTO comparison (compared_at, source, exchange, symbol, field, ws_value,"
            " rest_value, skew_ms, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, 2000, 'match')",
            rows,
        )
    tamper(path, "")
    _, report = run(path)
    found = report["differences"]["all"]["both"]
    assert found["comparisons"] == 101
    assert found["average"] == pytest.approx(0.5)
    assert found["median"] == pytest.approx(0.5)
    assert found["p95"] == pytest.approx(0.95)
    assert found["p99"] == pytest.approx(0.99)
    assert found["maximum"] == pytest.approx(1.0)
    assert sum(found["buckets"]) == 101
    assert report["differences"]["aligned"]["both"]["comparisons"] == 0
    assert report["totals"]["by_source"]["hand"] == report["totals"]["all"]
    assert report["totals"]["all"]["total"] == 101
    assert [each["ws_value"] for each in report["worst"]][:2] == [101.0, 100.99]
    assert len(report["worst"]) == 20


def test_rest_calls_saved_are_a_sum(world: Path) -> None:
    _, report = run(world)
    span, rest = report["coverage"]["span"], report["rest"]
    assert rest["calls"] == rest["weight"] == 1450
    assert rest["instead_of_five_minutes"]["calls"] == round(30 * span / 300)
    polls = rest["instead_of_polls"]
    assert (polls["saved"], polls["counted"]) == (round(30 * span / 10) - 1450, False)


def test_rest_weight_saved_is_a_sum_and_polls_are_those_that_were_made(world: Path) -> None:
    minute = int(END // 60) - 60
    tamper(
        world,
        f"INSERT INTO rest_usage VALUES ({minute}, 'watchdog', 'premiumIndex all', 6, 60),"
        f" ({minute}, 'oi_poller', 'openInterest', 5000, 5000);",
    )
    _, report = run(world)
    span, rest = report["coverage"]["span"], report["rest"]
    used = 1450 + 60
    assert (rest["price_calls"], rest["price_weight"], rest["weight"]) == (1456, used, used + 5000)
    five = round(30 * span / 300)
    assert rest["instead_of_five_minutes"] == {
        "calls": five, "weight": five, "saved": five - 1456, "saved_weight": five - used,
    }  # fmt: skip
    assert rest["instead_of_polls"] == {
        "calls": 5000, "weight": 5000, "saved": 5000 - 1456, "saved_weight": 5000 - used,
        "counted": True,
    }  # fmt: skip
    for form in ("text", "html"):
        out = world.with_suffix(f".{form}")
        validate_report.main(
            ["--db", str(world), "--format", form, "--out", str(out)], clock=lambda: END
        )
        assert f"{5000 - used:,}" in out.read_text("utf-8")


@pytest.mark.parametrize(
    ("written", "seconds"), [("24h", 86_400), ("90m", 5_400), ("1.5d", 129_600), ("30s", 30)]
)
def test_durations(written: str, seconds: float) -> None:
    assert period.seconds_before(written) == seconds


def test_a_dated_contract_has_no_rate_and_is_compared(world: Path) -> None:
    tamper(world, f"UPDATE comparison SET ws_value = 0.0001 WHERE {RATE} AND symbol = '{DATED}';")
    assert "symbols on one side only" in failed(run(world)[1])
