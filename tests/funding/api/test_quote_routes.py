"""The routes of quotes, held to the contract sentence by sentence, without a server."""

import csv
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent
from urllib.parse import unquote
from wsgiref.types import WSGIApplication

import apsw
import pytest

from harness.http_client import Answer
from tests.support.api_world import BTC, ETH, HEALTH, ROW, World, again, plain, refused
from tests.support.wsgi import ask

BATCH = ["data", "found", "missing", "total", "missingSymbols", "staleSymbols"]


# One symbol


def test_one_symbol(world: World) -> None:
    world.later(1.9)
    answer = ask(world.app(), "/funding/BTCUSDT")
    assert answer.status == 200
    plain(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert list(answer.json) == ROW
    assert answer.json == {
        "symbol": "BTCUSDT",
        "markPrice": 91897.67414493,
        "fundingRate": 0.00001864,
        "nextFundingTime": 1764748800000,
        "indexPrice": 91930.87652174,
        "updatedAt": 1764725610.163,
        "ageSeconds": 1.9,
        "lastUpdateTime": 1764725610,
        "eventTime": 1764725610000,
        "exchange": "binance",
        "status": None,
        "fundingIntervalHours": None,
        "intervalSource": None,
        "annualizedRate": None,
        "zScore": None,
        "zReason": "no statistics yet",
        "percentile": None,
        "zone": None,
        "source": "websocket",
    }


def test_a_contract_without_funding_says_null(world: World) -> None:
    found = ask(world.app(), "/funding/BTCUSDT_261225").json
    assert found["fundingRate"] is None
    assert found["nextFundingTime"] is None


@pytest.mark.parametrize("spelling", ["btcusdt", "BtcUsdt", "%42TCUSDT"])
def test_ascii_case_and_spelling_do_not_matter(world: World, spelling: str) -> None:
    assert ask(world.app(), f"/funding/{spelling}").json["symbol"] == "BTCUSDT"


@pytest.mark.parametrize("symbol", ["币安人生USDT", "币安人生usdt"])
def test_a_utf8_symbol_percent_encoded(world: World, symbol: str) -> None:
    answer = ask(world.app(), f"/funding/{percent(symbol)}")
    assert answer.status == 200
    assert answer.json["symbol"] == "币安人生USDT"
    assert "币安人生USDT".encode() in answer.body


UNKNOWN = [
    "NOPEUSDT",
    "BTCUSDT ",
    "BTCUSDT\0",
    "BTCUSDT\r\nX-Evil: 1",
    "\x1b[2J",
    "' OR 1=1 --",
    "%",
    "_TCUSDT",
    "币安人生",
    "ＢＴＣＵＳＤＴ",
    "<script>",
    '"}{"',
    "batch ",
]


@pytest.mark.parametrize("symbol", UNKNOWN)
def test_an_unknown_symbol_is_named_in_a_404(world: World, symbol: str) -> None:
    body = refused(ask(world.app(), f"/funding/{percent(symbol)}"), 404, "unknown symbol")
    assert body == {"error": "unknown symbol", "symbol": symbol}


def test_a_very_long_symbol_is_not_repeated_in_full(world: World) -> None:
    answer = ask(world.app(), "/funding/" + "A" * 100_000)
    refused(answer, 404, "unknown symbol")
    assert len(answer.body) < 300


def test_a_letter_that_upper_case_would_change_is_another_symbol(world: World) -> None:
    world.frame(again(BTC, 1, symbol="ßUSDT"))
    app = world.app()
    assert ask(app, f"/funding/{percent('ßusdt')}").status == 200
    assert ask(app, "/funding/SSUSDT").status == 404


def test_no_symbol_takes_the_place_of_a_route(world: World) -> None:
    app = world.app()
    world.frame(*(again(BTC, 1, symbol=name) for name in ("HEALTH", "BATCH")))
    assert list(ask(app, "/funding/health").json) == HEALTH
    assert ask(app, "/funding/batch").status == 400
    assert ask(app, "/funding/HEALTH").json["symbol"] == "HEALTH"


def test_bytes_are_not_taken_for_letters(world: World) -> None:
    app = world.app()
    world.frame(again(BTC, 1, symbol="äUSDT".encode().decode("latin-1")))
    assert ask(app, f"/funding/{percent('äUSDT')}").status == 404


def test_a_stale_quote(world: World) -> None:
    world.later(180.0)
    assert ask(world.app(), "/funding/btcusdt").status == 200
    world.later(20.5)
    body = refused(ask(world.app(), "/funding/btcusdt"), 503, "stale")
    assert list(body) == ["error", "symbol", "ageSeconds", "maxAgeSeconds", "last"]
    assert (body["symbol"], body["ageSeconds"], body["maxAgeSeconds"]) == ("BTCUSDT", 200.5, 180)
    assert list(body["last"]) == ROW
    assert body["last"]["markPrice"] == 91897.67414493


# Several symbols


def test_a_batch(world: World) -> None:
    world.later(1.9)
    answer = ask(world.app(), "/funding/batch?symbols=ETHUSDT,BTCUSDT")
    assert answer.status == 200
    plain(answer)
    assert list(answer.json) == BATCH
    rows = answer.json.pop("data")
    assert [list(row) for row in rows] == [[*ROW, "stale"]] * 2
    assert [row["symbol"] for row in rows] == ["ETHUSDT", "BTCUSDT"]
    assert {key: value for key, value in answer.json.items() if key != "data"} == {
        "found": 2,
        "missing": 0,
        "total": 2,
        "missingSymbols": [],
        "staleSymbols": [],
    }
    one = ask(world.app(), "/funding/BTCUSDT").json
    assert rows[1] == one | {"stale": False}


def test_a_batch_names_what_is_missing_and_what_is_stale(world: World) -> None:
    world.later(170)
    world.frame(again(ETH, 170))
    world.later(20)
    query = f"nope,{percent('币安人生usdt')},ethusdt,{percent('龙虾')}"
    answer = ask(world.app(), f"/funding/batch?symbols={query}")
    assert answer.status == 200
    found = answer.json
    assert [(r["symbol"], r["stale"]) for r in found["data"]] == [
        ("币安人生USDT", True),
        ("ETHUSDT", False),
    ]
    assert (found["found"], found["missing"], found["total"]) == (2, 2, 4)
    assert found["missingSymbols"] == ["nope", "龙虾"]
    assert found["staleSymbols"] == ["币安人生USDT"]


def test_a_symbol_asked_twice_is_answered_twice(world: World) -> None:
    found = ask(world.app(), "/funding/batch?symbols=BTCUSDT,ETHUSDT,btcusdt,NO,NO").json
    assert [row["symbol"] for row in found["data"]] == ["BTCUSDT", "ETHUSDT", "BTCUSDT"]
    assert (found["found"], found["missing"], found["total"]) == (3, 2, 5)
    assert found["missingSymbols"] == ["NO", "NO"]


@pytest.mark.parametrize(
    "query",
    [
        f"symbols=BTCUSDT,{percent('币安人生USDT')}",
        f"symbols=BTCUSDT&symbols={percent('币安人生USDT')}",
        f"symbols=BTCUSDT%2C{percent('币安人生USDT')}",
        f"symbols=,BTCUSDT,,{percent('币安人生usdt')},",
        f"&&symbols=btcusdt,{percent('币安人生USDT')}&",
        f"%73ymbols=BTCUSDT,{percent('币安人生USDT')}",
    ],
)
def test_spellings_of_one_query(world: World, query: str) -> None:
    found = ask(world.app(), f"/funding/batch?{query}").json
    assert [row["symbol"] for row in found["data"]] == ["BTCUSDT", "币安人生USDT"]
    assert found["missing"] == 0


def test_symbols_with_characters_of_other_languages_are_only_missing(world: World) -> None:
    asked = ["BTCUSDT\0", "a\nb", "'", '"', "[", "\\", "*", "BTC%", "😀"]
    query = ",".join(percent(symbol) for symbol in asked)
    found = ask(world.app(), f"/funding/batch?symbols={query}").json
    assert (found["found"], found["missingSymbols"]) == (0, asked)


@pytest.mark.parametrize("target", ["batch", "batch?", "batch?symbols=", "batch?symbols=,,"])
def test_a_batch_without_symbols(world: World, target: str) -> None:
    answer = ask(world.app(), f"/funding/{target}")
    text = "no symbols: ask /funding/batch?symbols=BTCUSDT,ETHUSDT"
    refused(answer, 400, text)


def test_a_batch_of_2000_and_one_more(world: World) -> None:
    symbols = ["BTCUSDT"] + [f"S{number}USDT" for number in range(1_999)]
    found = ask(world.app(), f"/funding/batch?symbols={','.join(symbols)}")
    assert found.status == 200
    assert (found.json["found"], found.json["missing"], found.json["total"]) == (1, 1_999, 2_000)
    assert found.json["missingSymbols"] == symbols[1:]
    more = ask(world.app(), f"/funding/batch?symbols={','.join([*symbols, 'X'])}")
    body = refused(more, 400, "at most 2000 symbols at once")
    assert body["asked"] == 2_001


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "fstream.binance.com", "::1", "a\r\nb", "币.example"]
)
def test_each_answer_names_the_host_of_the_stream(bare: World, address: str) -> None:
    app = bare.app()
    assert "feed-address" not in ask(app, "/funding/BTCUSDT").headers
    bare.begin(address)
    bare.frame(BTC)
    tag = ask(app, "/funding").headers["etag"]
    for answer in (
        *(ask(app, path) for path in ("/funding/BTCUSDT", "/funding/NO", "/funding")),
        ask(app, "/funding/batch?symbols=BTCUSDT"),
        ask(app, "/funding", if_none_match=tag),
    ):
        assert unquote(answer.headers["feed-address"]) == address
    bare.writer.close()
    bare.path.unlink()
    bare.begin("other.example")
    bare.frame(BTC)
    assert ask(app, "/funding/BTCUSDT").headers["feed-address"] == "other.example"


@pytest.mark.parametrize("query", ["symbols=BTC%FFUSDT", "symbols=%ED%A0%80", "symbols=%C3"])
def test_a_query_that_is_not_utf8_is_refused(world: World, query: str) -> None:
    refused(ask(world.app(), f"/funding/batch?{query}"), 400, "the query is not UTF-8")


@pytest.mark.parametrize("path", ["", "funding", "funding/BTCUSDT", "funding/batch", "health"])
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("stream=csv", "stream"),
        ("stream=csv&since=1", "stream, since"),
        ("symbols=BTCUSDT&pretty", "symbols, pretty"),
        ("SYMBOLS=BTCUSDT", "SYMBOLS"),
        (f"{percent('符号')}=1", "符号"),
        ("=1", ""),
    ],
)
def test_a_parameter_that_no_route_knows_is_named(
    world: World, path: str, query: str, names: str
) -> None:
    if path == "funding/batch":
        names = names.removeprefix("symbols, ")
    refused(ask(world.app(), f"/{path}?{query}"), 400, f"unknown parameter: {names}")


def test_unknown_parameters_are_named_briefly(world: World) -> None:
    query = "&".join(f"{letter * 1_000}=1" for letter in "abcdefgh")
    found = ask(world.app(), f"/funding?{query}")
    assert found.status == 400
    assert len(found.body) < 700


def test_long_missing_symbols_are_not_repeated_in_full(world: World) -> None:
    answer = ask(world.app(), "/funding/batch?symbols=" + "A" * 100_000)
    assert (answer.status, answer.json["missing"]) == (200, 1)
    assert len(answer.body) < 300


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
