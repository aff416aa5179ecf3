"""The routes of events and comparisons."""

import csv

import pytest

from tests.support.api_world import World, plain, refused
from tests.support.wsgi import ask


def event(world: World, at: float, kind: str, source: str = "ingest", detail: str = "x") -> None:
    world.execute(
        "INSERT INTO event (at, source, kind, detail)"
        f" VALUES ({at}, '{source}', '{kind}', '{detail}')"
    )


def comparison(world: World, at: float, outcome: str = "match") -> None:
    world.execute(
        "INSERT INTO comparison (compared_at, source, exchange, symbol, field, ws_value,"
        " rest_value, difference_pct, skew_ms, outcome, rest_time, explained)"
        f" VALUES ({at}, 'watchdog', 'binance', 'BTCUSDT', 'mark_price', 1, 2, -50, 3,"
        f" '{outcome}', 4, 0)"
    )


def test_events_newest_first(world: World) -> None:
    event(world, 10.0, "start")
    event(world, 20.0, "stall", "ingest-kucoin")
    answer = ask(world.app(), "/funding/events")
    plain(answer)
    assert [row["id"] for row in answer.json["data"]] == [2, 1]
    assert answer.json["data"][1] == {
        "id": 1,
        "at": 10.0,
        "source": "ingest",
        "kind": "start",
        "detail": "x",
        "program": None,
        "rule": None,
        "durationSeconds": None,
        "count": 1,
    }
    assert (answer.json["total"], answer.json["truncated"]) == (2, False)
    app = world.app()
    assert ask(app, "/funding/events", if_none_match=answer.headers["etag"]).status == 304


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("since=15", [2]),
        ("kind=start", [1]),
        ("kind=start,stall", [2, 1]),
        ("exchange=kucoin", [2]),
        ("exchange=*", [2, 1]),
        ("limit=1", [2]),
    ],
)
def test_events_are_filtered(world: World, query: str, found: list[int]) -> None:
    event(world, 10.0, "start")
    event(world, 20.0, "stall", "ingest-kucoin")
    answer = ask(world.app(), f"/funding/events?{query}").json
    assert [row["id"] for row in answer["data"]] == found
    assert answer["truncated"] is (query == "limit=1")


@pytest.mark.parametrize("kind", ["begin", "", "start,", "start, stop"])
def test_an_unknown_kind_is_refused(world: World, kind: str) -> None:
    answer = ask(world.app(), f"/funding/events?kind={kind.replace(' ', '%20')}")
    assert answer.status == 400
    assert answer.json["error"].startswith("kind must be of start, stop, crash")


def test_events_as_csv(world: World) -> None:
    event(world, 10.0, "start", detail="a, b")
    answer = ask(world.app(), "/funding/events?format=csv")
    (row,) = csv.DictReader(answer.body.decode().splitlines())
    assert (row["detail"], row["durationSeconds"]) == ("a, b", "")


def test_comparisons_of_the_last_day(world: World) -> None:
    comparison(world, world.wall - 60)
    comparison(world, world.wall - 86_401)
    answer = ask(world.app(), "/funding/btcusdt/comparisons")
    plain(answer)
    assert answer.json == {
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "truncated": False,
        "total": 1,
        "data": [
            {
                "id": 1,
                "comparedAt": world.wall - 60,
                "source": "watchdog",
                "field": "mark_price",
                "wsValue": 1.0,
                "restValue": 2.0,
                "differencePct": -50.0,
                "skewMs": 3,
                "outcome": "match",
                "restTime": 4,
                "explained": False,
            }
        ],
    }
    assert ask(world.app(), "/funding/BTCUSDT/comparisons?since=0").json["total"] == 2
    few = ask(world.app(), "/funding/BTCUSDT/comparisons?since=0&limit=1").json
    assert (few["total"], few["truncated"]) == (1, True)
    table = ask(world.app(), "/funding/BTCUSDT/comparisons?format=csv").body.decode()
    assert table.splitlines()[1].endswith(",3,match,4,false")


def test_a_symbol_without_comparisons_and_an_unknown_one(world: World) -> None:
    found = ask(world.app(), "/funding/ethusdt/comparisons").json
    assert (found["symbol"], found["data"]) == ("ETHUSDT", [])
    refused(ask(world.app(), "/funding/NOUSDT/comparisons"), 404, "unknown symbol")


@pytest.mark.parametrize("path", ["/funding/events", "/funding/BTCUSDT/comparisons"])
def test_not_ready_before_there_is_a_database(bare: World, path: str) -> None:
    refused(ask(bare.app(), path), 503, "not ready")
