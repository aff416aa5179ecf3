"""schema.sql: the views of contracts, settled rates and calls; and how rows are found."""

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from funding.exchanges.table import EXCHANGES
from funding.model.contract import ContractStatus
from funding.model.event import Event, EventKind
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.events import Events
from tests.funding.store.test_schema import by_library, by_program
from tests.support.store import (
    HOUR_MS,
    NOW_MS,
    contract,
    feed_of,
    plainly,
    quote,
    received,
    settlement,
    writing,
)

SQL_SETTLEMENT = "INSERT INTO funding_rate VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
DAY = 1_764_720_000  # 2025-12-03
REST_SAVED = (
    *("day", "calls", "weight", "price_calls", "price_weight"),
    *("calls_instead", "calls_saved", "weight_saved"),
)


def columns(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """Some columns of `rows`."""
    return [tuple(row[name] for name in names) for row in rows]


def fill(path: Path) -> None:
    """Fifty symbols of different rates, one that does not trade, one without an interval."""
    feed, now = feed_of(), time.time()
    names = [f"S{number}USDT" for number in range(50)]
    with writing(path, feed) as writer:
        quotes = [quote(name, rate=n / 10_000 - 0.002) for n, name in enumerate(names)]
        quotes += [quote("DEADUSDT", rate=0.9), quote("NEWUSDT", rate=-0.9)]
        quotes += [quote("LIEUSDT", rate=0.33), quote("LIE2USDT", rate=-0.33)]  # of 0.32 in 8 h
        writer.write(feed, received(*quotes, wall=now))
        listed = [contract(name, hours=4 if name == "S49USDT" else 8) for name in names]
        listed += [contract("LIEUSDT"), contract("LIE2USDT")]
        listed += [contract("DEADUSDT", ContractStatus.SETTLING), contract("NEWUSDT", hours=None)]
        with closing(DurableConnection(path)) as store:
            Contracts(store).replace("binance", listed)


@pytest.mark.parametrize("answers", [by_program, by_library])
def test_extremes_are_the_highest_and_the_lowest_that_trade(answers: Any, path: Path) -> None:
    fill(path)
    found = answers(path, "SELECT * FROM extremes")
    assert len(found) == 40
    assert columns(found[:2], "symbol", "annualised_pct") == [
        ("S49USDT", 635.1),  # every four hours
        ("S48USDT", 306.6),
    ]
    assert found[-1]["symbol"] == "S0USDT"
    assert {row["symbol"] for row in found} & {"DEADUSDT", "NEWUSDT", "S25USDT"} == set()


def test_rates_beyond_the_caps_are_not_ranked() -> None:
    """The views have the number, which is that of every exchange."""
    assert {each.rate_cap_hourly for each in EXCHANGES.values()} == {0.04}


@pytest.mark.parametrize("answers", [by_program, by_library])
def test_spreads_are_the_widest_of_each_asset(answers: Any, path: Path) -> None:
    assets = {"BTCUSDT": "BTC", "ETHUSDT": "ETH", "NEIROUSDT": "NEIRO", "OLDUSDT": "OLD"}
    assets |= {"LIEUSDT": "LIE"}
    dead = contract("OLDUSDT", ContractStatus.SETTLING)
    for exchange, rate in (("binance", 0.0008), ("kucoin", 0.0004), ("backpack", -0.0008)):
        listed = [contract(name) for name in assets if name != "OLDUSDT"] + [dead]
        listed = [each._replace(exchange=exchange, base_asset=assets[each[1]]) for each in listed]
        feed = replace(feed_of(), exchange=exchange)
        with writing(path, feed) as writer:
            quotes = [
                quote(name, rate=rate) for name in assets if name not in ("ETHUSDT", "LIEUSDT")
            ]
            quotes.append(quote("LIEUSDT", rate=500 * rate if exchange != "kucoin" else None))
            if exchange == "kucoin":  # the same ticker, another coin
                quotes[1] = quote("NEIROUSDT", mark=1.0, rate=0.5)
            writer.write(feed, received(*quotes, wall=time.time()))
            with closing(DurableConnection(path)) as store:
                Contracts(store).replace(exchange, listed)
    found = answers(path, "SELECT * FROM spreads")
    shown = ("asset", "hourly_pct", "annualised_pct", "high_exchange", "low_exchange")
    assert sorted(columns(found, *shown)) == [
        ("BTC", 0.02, 175.2, "binance", "backpack"),
        ("NEIRO", 0.02, 175.2, "binance", "backpack"),
    ]


@pytest.mark.parametrize("answers", [by_program, by_library])
def test_settlements_are_what_settles_next(answers: Any, path: Path) -> None:
    fill(path)
    feed = feed_of()
    with writing(path, feed) as writer:
        sooner = quote("S3USDT", event_time=NOW_MS + 1, settles=NOW_MS + HOUR_MS // 2)
        dated = quote("BTCUSDT_260925", rate=None, settles=None)
        writer.write(feed, received(sooner, dated))
    found = answers(path, "SELECT * FROM settlements")
    assert columns(found[:2], "symbol", "next_funding") == [
        ("S3USDT", "2025-12-03T02:03:30Z"),
        ("NEWUSDT", "2025-12-03T02:33:30Z"),
    ]
    assert len(found) == 53
    assert (found[0]["funding_interval_hours"], found[1]["funding_interval_hours"]) == (8, None)


@pytest.mark.parametrize("answers", [by_program, by_library])
def test_history_is_settled_rates_the_newest_first(answers: Any, path: Path) -> None:
    with writing(path), closing(plainly(path)) as plain:
        for row in (
            settlement(),
            settlement("ETHUSDT", hours=None),
            settlement(funding_time=NOW_MS + 8 * HOUR_MS, rate=-0.0002, hours=4),
        ):
            plain.execute(SQL_SETTLEMENT, row)
    wanted = ("settled", "symbol", "funding_pct", "annualised_pct")
    assert columns(answers(path, "SELECT * FROM history"), *wanted) == [
        ("2025-12-03T09:33:30Z", "BTCUSDT", -0.02, -43.8),
        ("2025-12-03T01:33:30Z", "BTCUSDT", 0.01, 10.95),
        ("2025-12-03T01:33:30Z", "ETHUSDT", 0.01, None),
    ]


def test_a_symbol_of_the_history_is_found_by_the_key(path: Path) -> None:
    """In any case."""
    with writing(path), closing(plainly(path)) as plain:
        plan = "EXPLAIN QUERY PLAN SELECT * FROM history WHERE symbol = 'btcusdt'"
        assert "PRIMARY KEY (symbol=?)" in str(plain.execute(plan).fetchall())


@pytest.mark.parametrize("answers", [by_program, by_library])
def test_restarts_are_counted_by_program_and_day(answers: Any, path: Path) -> None:
    def acted(hour: int, kind: EventKind, rule: str) -> Event:
        return Event(DAY + hour * 3_600, "watchdog", kind, "x", "funding:ingest", rule)

    with writing(path), closing(DurableConnection(path)) as store:
        Events(store).add(
            [
                acted(1, EventKind.RESTART, "no data"),
                acted(2, EventKind.RESTART, "stall"),
                acted(2, EventKind.KILL, "stall"),
                acted(25, EventKind.RESTART, "stall"),
                Event(DAY + 1.0, "funding:ingest", EventKind.START, "pid 7", "funding:ingest"),
                Event(DAY + 2.0, "api:api_00", EventKind.START, "pid 8", "api:api_00"),
                Event(DAY + 2.5, "api:api_00", EventKind.CRASH, "ended", "api:api_00"),
                Event(DAY + 3.0, "ingest", EventKind.START, "the program's own account of it"),
                Event(DAY + 3.0, "api:api_00", EventKind.START, "the same"),
            ]
        )
    wanted = ("day", "program", "starts", "crashes", "restarts", "kills", "rules")
    assert columns(answers(path, "SELECT * FROM restarts"), *wanted) == [
        ("2025-12-04", "funding:ingest", 0, 0, 1, 0, "stall"),
        ("2025-12-03", "api:api_00", 1, 1, 0, 0, None),
        ("2025-12-03", "funding:ingest", 1, 0, 2, 1, "no data,stall"),
    ]


@pytest.mark.parametrize("answers", [by_program, by_library])
def test_saved_calls_are_those_that_nobody_had_to_make(answers: Any, path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(*(quote(f"S{n}USDT") for n in range(100))))
        with closing(plainly(path)) as plain:
            insert = "INSERT INTO rest_usage (minute, caller, route, calls, weight) VALUES "
            plain.execute(f"{insert} ({DAY // 60}, 'watchdog', 'premiumIndex', 3, 12)")
            plain.execute(f"{insert} ({DAY // 60 + 9}, 'oi_poller', 'openInterest', 50, 50)")
    assert columns(answers(path, "SELECT * FROM rest_saved"), *REST_SAVED) == [
        ("2025-12-03", 53, 62, 3, 12, 200, 197, 188)
    ]


@pytest.mark.parametrize(
    ("query", "plan"),
    [
        (
            "SELECT * FROM funding_rate WHERE exchange = ? AND symbol = ? AND funding_time >= ?",
            "PRIMARY KEY (symbol=? AND exchange=? AND funding_time>?)",
        ),
        ("SELECT * FROM signal WHERE at >= ? ORDER BY at DESC LIMIT 9", "signal_at (at>?)"),
    ],
)
def test_the_usual_readings_go_by_a_key(query: str, plan: str, path: Path) -> None:
    with writing(path), closing(plainly(path)) as plain:
        bindings = (1,) * query.count("?")
        found = plain.execute(f"EXPLAIN QUERY PLAN {query}", bindings).fetchall()
    assert plan in str(found)
    assert "TEMP B-TREE" not in str(found)
