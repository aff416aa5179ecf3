"""The routes of all quotes: ETags, what is held between two requests, exchanges, tables."""

import csv
from contextlib import closing
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import apsw
import pytest

from harness.http_client import Answer
from tests.support.api_world import BTC, ETH, ROW, World, again, plain, refused
from tests.support.wsgi import ask

# All symbols


def test_all(world: World) -> None:
    world.later(170)
    world.frame(again(BTC, 170))
    world.later(20)
    answer = ask(world.app(), "/funding")
    assert answer.status == 200
    plain(answer)
    assert answer.headers["cache-control"] == "no-cache"
    assert list(answer.json) == ["data", "total"]
    rows = answer.json["data"]
    assert [list(row) for row in rows] == [[*ROW, "stale"]] * 4
    assert {row["symbol"]: row["stale"] for row in rows} == {
        "BTCUSDT": False,
        "ETHUSDT": True,
        "BTCUSDT_261225": True,
        "币安人生USDT": True,
    }
    assert answer.json["total"] == 4


def test_an_etag_spares_the_body_until_something_changes(world: World) -> None:
    app = world.app()
    tag = ask(app, "/funding").headers["etag"]
    for given in (tag, f'"other", {tag}', "*"):
        answer = ask(app, "/funding", if_none_match=given)
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", tag)
        assert answer.headers["cache-control"] == "no-cache"
    for given in ("", '"other"', 'W/"other"', tag[:-2] + '"'):
        assert ask(app, "/funding", if_none_match=given).status == 200


def test_an_etag_changes_with_each_frame(world: World) -> None:
    app = world.app()
    first = ask(app, "/funding").headers["etag"]
    world.frame(again(ETH, 1))
    answer = ask(app, "/funding", if_none_match=first)
    assert answer.status == 200
    assert answer.headers["etag"] != first


def test_an_etag_changes_when_a_quote_turns_stale(world: World) -> None:
    app = world.app()
    tag = ask(app, "/funding").headers["etag"]
    world.later(180)
    assert ask(app, "/funding", if_none_match=tag).status == 304
    world.later(1)
    assert ask(app, "/funding", if_none_match=tag).status == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE quote SET mark_price = 4242 WHERE symbol = 'ETHUSDT'",
        "DELETE FROM quote WHERE symbol = 'ETHUSDT'",
        "UPDATE quote SET updated_at = updated_at + 0.001 WHERE symbol = 'ETHUSDT'",
    ],
)
def test_an_etag_changes_with_every_change_of_the_rows(world: World, statement: str) -> None:
    app = world.app()
    tag = ask(app, "/funding").headers["etag"]
    with closing(apsw.Connection(str(world.path))) as person:
        person.execute(statement)
    answer = ask(app, "/funding", if_none_match=tag)
    assert (answer.status, answer.headers["etag"] != tag) == (200, True)


def test_two_processes_give_one_etag(world: World) -> None:
    tag = ask(world.app(), "/funding").headers["etag"]
    world.later(3)
    assert ask(world.app(), "/funding", if_none_match=tag).status == 304


def test_an_etag_changes_when_ingest_starts_with_another_database(world: World) -> None:
    app = world.app()
    tag = ask(app, "/funding").headers["etag"]
    world.writer.close()
    world.later(5)
    world.begin()
    world.frame(again(BTC, 5))
    assert ask(app, "/funding", if_none_match=tag).status == 200


# What is held between two requests


BATCH_OF_TWO = "/funding/batch?symbols=BTCUSDT,ETHUSDT"


def both(app: WSGIApplication) -> list[dict[str, Any]]:
    """The rows of BTCUSDT and ETHUSDT as every route shows them, which must be alike."""
    asked = [ask(app, f"/funding/{symbol}").json for symbol in ("BTCUSDT", "ETHUSDT")]
    single: list[dict[str, Any]] = [each.get("last", each) for each in asked]
    rows = ask(app, "/funding").json["data"]
    several: list[dict[str, Any]] = ask(app, BATCH_OF_TWO).json["data"]
    assert [row for row in rows if row["symbol"] in ("BTCUSDT", "ETHUSDT")] == several
    assert [{key: row[key] for key in ROW} for row in several] == single
    return several


def test_no_answer_is_older_than_what_is_stored(world: World) -> None:
    app = world.app()
    for number in range(1, 5):
        world.later(1)
        world.frame(again(BTC, number, mark_price=float(number)))
        btc, eth = both(app)
        assert (btc["markPrice"], btc["ageSeconds"]) == (number, 0.0)
        assert (eth["markPrice"], eth["ageSeconds"]) == (ETH.mark_price, number)
    world.frame(again(BTC, 1, symbol="NEWUSDT"))
    assert ask(app, "/funding").json["total"] == 5
    assert ask(app, "/funding/batch?symbols=NEWUSDT").json["found"] == 1


def test_ages_go_on_while_nothing_is_written(world: World) -> None:
    app = world.app()
    for age in (0.0, 0.25, 100.25, 180.0):
        assert [(row["ageSeconds"], row["stale"]) for row in both(app)] == [(age, False)] * 2
        world.later({0.0: 0.25, 0.25: 100, 100.25: 79.75, 180.0: 0.5}[age])
    assert [(row["ageSeconds"], row["stale"]) for row in both(app)] == [(180.5, True)] * 2


def test_ages_are_right_while_only_the_heartbeat_is_written(world: World) -> None:
    app = world.app()
    assert [row["ageSeconds"] for row in both(app)] == [0.0, 0.0]
    world.later(100)
    world.beat()
    assert [row["ageSeconds"] for row in both(app)] == [100.0, 100.0]
    world.later(100)
    world.beat()
    assert [row["stale"] for row in both(app)] == [True, True]


def test_a_row_changed_by_another_program_is_shown(world: World) -> None:
    app = world.app()
    both(app)
    with closing(apsw.Connection(str(world.path))) as somebody:
        somebody.execute("UPDATE quote SET mark_price = 5.0 WHERE symbol = 'BTCUSDT'")
        assert both(app)[0]["markPrice"] == 5.0


@pytest.mark.parametrize("set_back", [0.0, 3_600.0])
def test_after_a_reboot_all_is_stale_until_a_frame_comes(world: World, set_back: float) -> None:
    """The clock of the machine may not be right yet: no age can be known."""
    world.uptime, world.boot = 3.0, "the next boot"
    world.wall -= set_back
    app = world.app()
    assert [(row["ageSeconds"], row["stale"]) for row in both(app)] == [(None, True)] * 2
    rows = ask(app, "/funding").json["data"]
    assert [(row["ageSeconds"], row["stale"]) for row in rows] == [(None, True)] * len(rows)
    one = ask(app, "/funding/BTCUSDT")
    assert (one.status, one.json["error"], one.json["ageSeconds"]) == (503, "stale", None)
    health = ask(app, "/health")
    assert (health.status, health.json["newestDataAgeSeconds"]) == (503, None)
    assert health.json["staleSymbols"] == health.json["symbolCount"] == len(rows)


def test_a_replaced_database_is_read_at_once(world: World, tmp_path: Path) -> None:
    app = world.app()
    tag = ask(app, "/funding").headers["etag"]
    both(app)
    world.writer.close()
    for path in tmp_path.glob("funding.db*"):
        path.unlink()
    assert ask(app, "/funding").status == ask(app, BATCH_OF_TWO).status == 503
    world.wall += 1  # two stores do not begin at one instant
    world.begin()
    world.frame(again(BTC, 1, mark_price=7.0), ETH)
    assert [row["markPrice"] for row in both(app)] == [7.0, ETH.mark_price]
    assert ask(app, "/funding", if_none_match=tag).status == 200


# Several exchanges, and tables


def test_each_exchange_by_its_name(world: World) -> None:
    world.copy_to_kucoin()
    world.execute("UPDATE quote SET mark_price = 5.0 WHERE exchange = 'kucoin'")
    app = world.app()
    for query, price in (("", BTC.mark_price), ("exchange=binance", BTC.mark_price)):
        assert ask(app, f"/funding/BTCUSDT?{query}").json["markPrice"] == price
    found = ask(app, "/funding/BTCUSDT?exchange=kucoin").json
    assert (found["exchange"], found["markPrice"]) == ("kucoin", 5.0)
    refused(ask(app, "/funding/ETHUSDT?exchange=kucoin"), 404, "unknown symbol")
    assert ask(app, "/funding?exchange=kucoin").json["total"] == 1
    assert ask(app, "/funding").json["total"] == 4
    both = ask(app, "/funding?exchange=*").json
    assert both["total"] == 5
    assert [row["exchange"] for row in both["data"]] == ["binance"] * 4 + ["kucoin"]
    batch = ask(app, "/funding/batch?symbols=BTCUSDT,ETHUSDT&exchange=*").json
    assert [(row["exchange"], row["symbol"]) for row in batch["data"]] == [
        ("binance", "BTCUSDT"),
        ("kucoin", "BTCUSDT"),
        ("binance", "ETHUSDT"),
    ]


def test_an_exchange_without_quotes_is_not_ready(world: World) -> None:
    refused(ask(world.app(), "/funding?exchange=kucoin"), 503, "not ready")
    refused(ask(world.app(), "/funding/BTCUSDT?exchange=kucoin"), 503, "not ready")
    assert ask(world.app(), "/funding?exchange=*").json["total"] == 4


@pytest.mark.parametrize(
    "path",
    [
        "/funding/BTCUSDT",
        "/funding",
        "/funding/batch",
        "/funding/health",
        "/funding/signals",
        "/funding/BTCUSDT/history",
        "/funding/BTCUSDT/bars",
    ],
)
def test_an_unknown_exchange_is_told_the_known_ones(world: World, path: str) -> None:
    answer = ask(world.app(), f"{path}?exchange=bybit")
    many = path in ("/funding", "/funding/batch", "/funding/signals")
    known = "binance, kucoin or *" if many else "binance or kucoin"
    body = refused(answer, 400, f"exchange must be {known}")
    assert (body["parameter"], body["given"]) == ("exchange", "bybit")


def test_a_commit_of_one_exchange_shows_in_all(world: World) -> None:
    app = world.app()
    assert ask(app, "/funding?exchange=*").json["total"] == 4
    world.copy_to_kucoin("BTCUSDT", "ETHUSDT")
    assert ask(app, "/funding?exchange=*").json["total"] == 6
    world.frame(again(BTC, 1, mark_price=7.0))
    assert ask(app, "/funding?exchange=*").json["data"][0]["markPrice"] == 7.0


def table(answer: Answer) -> list[dict[str, str]]:
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/csv")
    return list(csv.DictReader(answer.body.decode().splitlines()))


def test_all_as_csv_has_the_values_of_the_json(world: World) -> None:
    world.later(2.5)
    app = world.app()
    rows = table(ask(app, "/funding?format=csv"))
    shown = ask(app, "/funding").json["data"]
    assert [list(row) for row in rows] == [[*ROW, "stale"]] * 4
    for row, json_row in zip(rows, shown, strict=True):
        for name, value in json_row.items():
            if isinstance(value, bool):
                assert row[name] == str(value).lower()
            elif value is None:
                assert row[name] == ""
            else:
                assert type(value)(row[name]) == value


def test_the_etag_of_csv_is_its_own(world: World) -> None:
    app = world.app()
    tag = ask(app, "/funding?format=csv").headers["etag"]
    assert tag != ask(app, "/funding").headers["etag"]
    assert ask(app, "/funding?format=csv", if_none_match=tag).status == 304
    assert ask(app, "/funding", if_none_match=tag).status == 200


def test_a_batch_as_csv(world: World) -> None:
    rows = table(ask(world.app(), "/funding/batch?symbols=NO,ethusdt&format=csv"))
    assert [(row["symbol"], row["markPrice"]) for row in rows] == [
        ("NO", ""),
        ("ETHUSDT", "2999.5"),
    ]


def test_a_single_quote_is_no_table(world: World) -> None:
    refused(ask(world.app(), "/funding/BTCUSDT?format=csv"), 400, "unknown parameter: format")


# What is known of a quote beside its price


def test_interval_and_what_it_makes_of_the_rate(world: World) -> None:
    world.execute(
        "INSERT INTO contract (exchange, symbol, status, base_asset, quote_asset, multiplier,"
        " funding_interval_hours, interval_source, checked_at) VALUES"
        " ('binance', 'BTCUSDT', 'TRADING', 'BTC', 'USDT', 1, 4, 'exchange', 1),"
        " ('binance', 'ETHUSDT', 'SETTLING', 'ETH', 'USDT', 1, NULL, NULL, 1)",
        "UPDATE quote SET funding_interval_hours = 8 WHERE symbol <> 'BTCUSDT_261225'",
    )
    fields = ("status", "fundingIntervalHours", "intervalSource", "annualizedRate")
    found = {row["symbol"]: row for row in ask(world.app(), "/funding").json["data"]}
    shown = {symbol: tuple(row[name] for name in fields) for symbol, row in found.items()}
    assert shown == {
        "BTCUSDT": ("TRADING", 4, "exchange", 0.0408216),
        "ETHUSDT": ("SETTLING", 8, "settlements", -0.1095),
        "币安人生USDT": ("UNKNOWN", 8, "settlements", 0.05475),
        "BTCUSDT_261225": ("UNKNOWN", None, None, None),
    }


def test_what_ingest_has_made_of_the_quote(world: World) -> None:
    world.execute(
        "UPDATE quote SET z_score = 3.5, percentile = 99.5, zone = 'extreme', source = 'rest'"
        " WHERE symbol = 'BTCUSDT'",
        "UPDATE quote SET z_reason = 'no settled rates' WHERE symbol = 'ETHUSDT'",
    )
    names = ("zScore", "zReason", "percentile", "zone", "source")
    btc, eth = both(world.app())
    assert tuple(btc[name] for name in names) == (3.5, None, 99.5, "extreme", "rest")
    assert tuple(eth[name] for name in names) == (None, "no settled rates", None, None, "websocket")
