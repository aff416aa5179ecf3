"""The routes of what was: settled rates, bars, signals."""

import csv
from typing import Any

import pytest

from harness.http_client import Answer
from tests.support.api_world import World, plain, refused
from tests.support.wsgi import ask

HOUR_MS = 3_600_000
LAST = 1_764_720_000_000
"""Settled at 2025-12-03T00:00:00Z, an hour and a half before the world begins."""


def settle(world: World, *rates: tuple[str, int, float], kind: str = "Regular") -> None:
    """Settlements as (symbol, epoch ms, rate)."""
    for symbol, at, rate in rates:
        world.execute(
            "INSERT INTO funding_rate VALUES"
            f" ('binance', '{symbol}', {at}, '{kind}', {rate}, 90000.5, 8, 'rest')"
        )


def table(answer: Answer) -> list[dict[str, str]]:
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/csv")
    return list(csv.DictReader(answer.body.decode().splitlines()))


def fields(answer: Answer, *names: str) -> list[Any]:
    return [tuple(row[name] for name in names) for row in answer.json["data"]]


# Settled rates


def test_settled_rates_oldest_first_with_their_sum(world: World) -> None:
    settle(world, ("BTCUSDT", LAST + 3, 0.0003), ("BTCUSDT", LAST - 8 * HOUR_MS, -0.0001))
    settle(world, ("BTCUSDT", LAST + 3, 0.0005), kind="Special")
    settle(world, ("ETHUSDT", LAST, 0.5), ("BTCUSDT", LAST - 31 * 24 * HOUR_MS, 0.25))
    answer = ask(world.app(), "/funding/btcusdt/history")
    plain(answer)
    found = answer.json
    assert found.pop("data") == [
        {
            "fundingTime": at,
            "fundingRate": rate,
            "rateType": kind,
            "markPrice": 90000.5,
            "fundingIntervalHours": 8,
            "cumulativeRate": total,
            "source": "rest",
        }
        for at, rate, kind, total in (
            (LAST - 8 * HOUR_MS, -0.0001, "Regular", -0.0001),
            (LAST + 3, 0.0003, "Regular", 0.0002),
            (LAST + 3, 0.0005, "Special", 0.0007),
        )
    ]
    assert found == {
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "days": 30,
        "total": 3,
        "truncated": False,
        "cumulativeRate": 0.0007,
        "gaps": [],
        "askedFrom": None,
        "askedUntil": None,
    }


@pytest.mark.parametrize(("days", "total"), [(1, 1), (2, 2), (31, 2), (32, 3), (400, 3)])
def test_as_many_days_as_are_asked_for(world: World, days: int, total: int) -> None:
    times = (LAST, LAST - 30 * HOUR_MS, LAST - 31 * 24 * HOUR_MS)
    settle(world, *(("BTCUSDT", at, 0.1) for at in times))
    assert ask(world.app(), f"/funding/BTCUSDT/history?days={days}").json["total"] == total


def test_gaps_are_named_and_what_was_asked_for(world: World) -> None:
    world.execute(
        "INSERT INTO funding_gap VALUES"
        f" ('binance', 'BTCUSDT', {LAST - 16 * HOUR_MS}, {LAST}, 1, 1, 1),"
        " ('binance', 'BTCUSDT', 1, 2, 1, 1, 1), ('kucoin', 'BTCUSDT', 1, 9e12, 1, 1, 1)",
        f"INSERT INTO backfill VALUES ('binance', 'BTCUSDT', 5, {LAST}, 1)",
    )
    found = ask(world.app(), "/funding/BTCUSDT/history").json
    gap = {"afterTime": LAST - 16 * HOUR_MS, "beforeTime": LAST, "missing": 1}
    assert (found["gaps"], found["askedFrom"], found["askedUntil"]) == ([gap], 5, LAST)


def test_history_as_csv(world: World) -> None:
    settle(world, ("BTCUSDT", LAST, 0.0003))
    (row,) = table(ask(world.app(), "/funding/BTCUSDT/history?format=csv"))
    assert row["fundingTime"] == str(LAST)
    assert row["cumulativeRate"] == "0.0003"


def test_a_contract_that_is_gone_has_a_history(world: World) -> None:
    settle(world, ("GONEUSDT", LAST, 0.0003))
    assert ask(world.app(), "/funding/GONEUSDT/history").json["total"] == 1


def test_an_etag_of_the_history(world: World) -> None:
    settle(world, ("BTCUSDT", LAST, 0.0003))
    app = world.app()
    tag = ask(app, "/funding/BTCUSDT/history").headers["etag"]
    world.later(60)
    assert ask(app, "/funding/BTCUSDT/history", if_none_match=tag).status == 304
    settle(world, ("BTCUSDT", LAST + 8 * HOUR_MS, 0.0001))
    assert ask(app, "/funding/BTCUSDT/history", if_none_match=tag).status == 200


# Bars


def bar(world: World, start: float, period: int = 60, symbol: str = "BTCUSDT") -> None:
    world.execute(
        f"INSERT INTO bar VALUES ('binance', '{symbol}', {period}, {int(start)}, 1, 4, 0.5, 2, 2.5,"
        " 0.0001, 60)"
    )


def test_bars_oldest_first(world: World) -> None:
    now = world.wall // 60 * 60
    for age in (60, 120, 86_400 + 60):
        bar(world, now - age)
    bar(world, now - 3_600, 3_600)
    bar(world, now - 60, symbol="ETHUSDT")
    answer = ask(world.app(), "/funding/btcusdt/bars")
    plain(answer)
    assert fields(answer, "start") == [(now - 120,), (now - 60,)]
    assert answer.json["data"][0] == {
        "start": now - 120,
        "open": 1.0,
        "high": 4.0,
        "low": 0.5,
        "close": 2.0,
        "indexClose": 2.5,
        "rateClose": 0.0001,
        "quotes": 60,
    }
    assert {key: value for key, value in answer.json.items() if key != "data"} == {
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "period": 60,
        "total": 2,
        "truncated": False,
    }
    hours = ask(world.app(), "/funding/BTCUSDT/bars?period=3600")
    assert fields(hours, "start") == [(now - 3_600,)]
    assert ask(world.app(), "/funding/BTCUSDT/bars?since=0").json["total"] == 3
    since = ask(world.app(), f"/funding/BTCUSDT/bars?since={now - 60}")
    assert fields(since, "start") == [(now - 60,)]


def test_bars_as_csv(world: World) -> None:
    bar(world, world.wall - 60)
    (row,) = table(ask(world.app(), "/funding/BTCUSDT/bars?format=csv"))
    assert (row["high"], row["quotes"]) == ("4.0", "60")


# Signals


def signal(world: World, at: float, exchange: str = "binance") -> None:
    world.execute(
        "INSERT INTO signal (at, exchange, symbol, kind, zone, direction, rate, z_score, detail,"
        f" event_time) VALUES ({at}, '{exchange}', 'BTCUSDT', 'zone', 'high', 'up', 0.001, 2.5,"
        " 'words', 9000)"
    )


def test_signals_newest_first(world: World) -> None:
    for at in (10.0, 30.5, 20.0):
        signal(world, at)
    signal(world, 40.0, "kucoin")
    answer = ask(world.app(), "/funding/signals")
    plain(answer)
    assert fields(answer, "at") == [(30.5,), (20.0,), (10.0,)]
    assert answer.json["data"][0] == {
        "id": 2,
        "at": 30.5,
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "kind": "zone",
        "zone": "high",
        "direction": "up",
        "rate": 0.001,
        "zScore": 2.5,
        "detail": "words",
        "count": 1,
        "eventTime": 9_000,
    }
    assert (answer.json["total"], answer.json["truncated"]) == (3, False)
    assert fields(ask(world.app(), "/funding/signals?since=20"), "id") == [(2,), (3,)]
    few = ask(world.app(), "/funding/signals?limit=2&exchange=*")
    assert fields(few, "exchange", "at") == [("kucoin", 40.0), ("binance", 30.5)]
    assert few.json["truncated"] is True
    assert ask(world.app(), "/funding/signals?limit=4&exchange=*").json["truncated"] is False
    assert fields(ask(world.app(), "/funding/signals?exchange=kucoin"), "id") == [(4,)]


def test_signals_as_csv(world: World) -> None:
    signal(world, 10.0)
    (row,) = table(ask(world.app(), "/funding/signals?format=csv"))
    assert (row["kind"], row["zScore"]) == ("zone", "2.5")


# What cannot be answered


@pytest.mark.parametrize("route", ["history", "bars"])
def test_nothing_of_a_known_symbol_is_an_empty_answer(world: World, route: str) -> None:
    found = ask(world.app(), f"/funding/ethusdt/{route}")
    assert (found.status, found.json["symbol"], found.json["data"]) == (200, "ETHUSDT", [])


@pytest.mark.parametrize("route", ["history", "bars"])
def test_an_unknown_symbol(world: World, route: str) -> None:
    body = refused(ask(world.app(), f"/funding/{'N' * 500}/{route}"), 404, "unknown symbol")
    assert body["symbol"] == "N" * 100


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("BTCUSDT/history?days=0", "days must be a whole number, 1 to 400"),
        ("BTCUSDT/history?days=401", "days must be a whole number, 1 to 400"),
        ("BTCUSDT/bars?period=61", "period must be 60 or 3600"),
        ("BTCUSDT/bars?since=x", "since must be Unix seconds"),
        ("signals?limit=10001", "limit must be a whole number, 1 to 10000"),
        ("signals?since=1764725610000", "since must be Unix seconds"),
        ("signals?days=1", "unknown parameter: days"),
        ("BTCUSDT/history?exchange=*", "exchange must be"),
    ],
)
def test_a_bad_parameter_is_named(world: World, target: str, reason: str) -> None:
    answer = ask(world.app(), f"/funding/{target}")
    assert answer.status == 400
    assert answer.json["error"].startswith(reason)


@pytest.mark.parametrize("path", ["/funding/BTCUSDT/history", "/funding/signals"])
def test_not_ready_before_there_is_a_database(bare: World, path: str) -> None:
    refused(ask(bare.app(), path), 503, "not ready")


def test_what_is_too_much_is_cut_to_the_newest(world: World) -> None:
    world.execute(
        "WITH n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
        " INSERT INTO bar SELECT 'binance', 'BTCUSDT', 60, i * 60, 1, 1, 1, 1, NULL, NULL, 1 FROM n"
    )
    found = ask(world.app(), "/funding/BTCUSDT/bars?since=0").json
    assert (found["total"], found["truncated"]) == (10_000, True)
    assert (found["data"][0]["start"], found["data"][-1]["start"]) == (60, 600_000)
