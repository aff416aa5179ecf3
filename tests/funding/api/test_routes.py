"""The routes, held to the contract sentence by sentence, without a server."""

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote as percent
from urllib.parse import unquote
from wsgiref.types import WSGIApplication

import apsw
import pytest

from funding.api.host_check import local_only
from funding.api.routes import Api
from funding.health.verdict import Limits
from funding.model.feed import Feed, StoredQuote
from funding.model.quote import Quote
from funding.runtime.clock import Clock
from funding.store.reader import Reader
from funding.store.writer import Writer
from harness.http_client import Answer
from tests.conftest import ROOT
from tests.support.wsgi import ask

ROW = [
    "symbol",
    "markPrice",
    "fundingRate",
    "nextFundingTime",
    "indexPrice",
    "updatedAt",
    "ageSeconds",
    "lastUpdateTime",
    "eventTime",
    "exchange",
    "status",
]
HEALTH = [
    "status",
    "websocketConnected",
    "symbolCount",
    "staleSymbols",
    "uptimeSeconds",
    "lastConnectedTime",
    "messagesReceived",
    "reconnectAttempts",
    "oldestDataAgeSeconds",
    "newestDataAgeSeconds",
    "reasons",
]
BATCH = ["data", "found", "missing", "total", "missingSymbols", "staleSymbols"]
EVENT_TIME = 1_764_725_610_000
BTC = Quote("BTCUSDT", 91897.67414493, 91930.87652174, 0.00001864, 1_764_748_800_000, EVENT_TIME)
ETH = Quote("ETHUSDT", 2999.5, 3000.25, -0.0001, 1_764_748_800_000, EVENT_TIME)
CHINESE = Quote("币安人生USDT", 0.4762, 0.4761, 0.00005, 1_764_748_800_000, EVENT_TIME)
DATED = Quote("BTCUSDT_261225", 92_000.0, 91_000.0, None, None, EVENT_TIME)
LIMITS = Limits(stale_after=180.0, min_symbols=3)


@dataclass
class World:
    """A database that is written by hand and a clock that is turned by hand."""

    path: Path
    wall: float = 1_764_725_610.163
    uptime: float = 5_000.0
    boot: str = "this boot"
    feed: Feed = field(init=False)
    writer: Writer = field(init=False)

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: self.wall, uptime=lambda: self.uptime, boot=self.boot)

    def begin(self, address: str = "test.invalid") -> None:
        """Ingest starts: the database is there from now on."""
        self.feed = Feed("binance", address, 1, self.boot, self.wall, self.uptime)
        self.feed.good_since = self.wall - 60
        self.writer = Writer(self.path, self.feed)

    def connect(self) -> None:
        self.feed.connected, self.feed.connections = 1, 1
        self.feed.last_connected_at = self.wall
        self.beat()

    def beat(self) -> None:
        """Ingest's heartbeat of a second without a frame."""
        self.feed.heartbeat_at, self.feed.heartbeat_uptime = self.wall, self.uptime
        self.writer.write(self.feed)

    def frame(self, *quotes: Quote) -> None:
        self.feed.frames += 1
        self.feed.heartbeat_at, self.feed.heartbeat_uptime = self.wall, self.uptime
        self.writer.write(self.feed, [(quote, self.wall, self.uptime) for quote in quotes])

    def later(self, seconds: float) -> None:
        self.wall += seconds
        self.uptime += seconds

    def app(self, limits: Limits = LIMITS) -> WSGIApplication:
        """The service as `api.main` puts it together."""
        api = Api(Reader(self.path, "binance", self.clock), limits, self.clock)
        return local_only(api, "127.0.0.1", 8888)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[World]:
    """No database yet."""
    world = World(tmp_path / "funding.db")
    yield world
    if hasattr(world, "writer"):
        world.writer.close()


@pytest.fixture
def world(bare: World) -> World:
    """Four symbols, just received over a connection."""
    bare.begin()
    bare.connect()
    bare.frame(BTC, ETH, CHINESE, DATED)
    return bare


def again(quote: Quote, seconds: int, **changes: Any) -> Quote:
    """`quote` as it comes `seconds` later."""
    fields = {name: getattr(quote, name) for name in quote.__struct_fields__}
    return Quote(**fields | {"event_time": quote.event_time + seconds * 1000} | changes)


SECRETS = ("traceback", "python", "waitress", "apsw", "sqlite", "runtimeerror")


def refused(answer: Answer, status: int, error: str) -> Any:
    """The body of a refusal, which must be JSON with this `error` and tell nothing else."""
    assert answer.status == status
    assert answer.json["error"] == error
    plain(answer)
    told = (answer.body.decode() + repr(answer.headers)).lower()
    assert not [word for word in (*SECRETS, str(ROOT).lower(), "funding.db") if word in told]
    return answer.json


def plain(answer: Answer) -> None:
    """What holds for every answer with a body."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert "server" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control")]


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
        ("format=csv", "format"),
        ("exchange=kucoin&format=csv", "exchange, format"),
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


# Health


@pytest.mark.parametrize("path", ["/funding/health", "/health"])
def test_healthy(world: World, path: str) -> None:
    world.later(10)
    world.frame(again(BTC, 10))
    world.later(0.4)
    answer = ask(world.app(), path)
    assert answer.status == 200
    plain(answer)
    assert list(answer.json) == HEALTH
    assert answer.json == {
        "status": "healthy",
        "websocketConnected": True,
        "symbolCount": 4,
        "staleSymbols": 0,
        "uptimeSeconds": 10.0,
        "lastConnectedTime": 1764725610.163,
        "messagesReceived": 2,
        "reconnectAttempts": 0,
        "oldestDataAgeSeconds": 10.4,
        "newestDataAgeSeconds": 0.4,
        "reasons": [],
    }


def unhealthy(world: World, *words: str, limits: Limits = LIMITS) -> dict[str, Any]:
    """The body of a 503 of /funding/health whose reasons hold these words, one each."""
    answer = ask(world.app(limits), "/funding/health")
    plain(answer)
    assert (answer.status, answer.json["status"]) == (503, "unhealthy")
    assert list(answer.json)[: len(HEALTH)] == HEALTH
    reasons = answer.json["reasons"]
    assert len(reasons) == len(words), reasons
    for word, reason in zip(words, reasons, strict=True):
        assert word in reason
    found: dict[str, Any] = answer.json
    return found


def test_one_dead_symbol_of_many_is_counted_and_not_fatal(world: World) -> None:
    world.later(200)
    world.frame(again(BTC, 200), again(ETH, 200), again(CHINESE, 200))
    answer = ask(world.app(), "/funding/health")
    assert answer.status == 200
    assert (answer.json["symbolCount"], answer.json["staleSymbols"]) == (4, 1)
    assert answer.json["oldestDataAgeSeconds"] == 200.0


def test_too_few_fresh_symbols(world: World) -> None:
    world.later(200)
    world.frame(again(BTC, 200), again(ETH, 200))
    unhealthy(world, "2 fresh symbols, at least 3")


def test_no_connection(world: World) -> None:
    world.feed.connected, world.feed.last_error = 0, "the server said 503"
    world.beat()
    body = unhealthy(world, "the server said 503")
    assert body["websocketConnected"] is False


def test_old_quotes_over_a_live_connection(world: World) -> None:
    world.later(200)
    world.beat()
    body = unhealthy(world, "0 fresh symbols", "newest quote is 200 s old")
    assert body["websocketConnected"] is True
    assert body["staleSymbols"] == 4


def test_a_dead_ingest_shows_before_its_quotes_are_stale(world: World) -> None:
    world.later(30)
    body = unhealthy(world, "ingest has not written for 30 s")
    assert body["websocketConnected"] is False
    assert body["staleSymbols"] == 0


def test_before_the_first_symbol(bare: World) -> None:
    bare.begin()
    bare.connect()
    body = unhealthy(bare, "0 fresh symbols")
    assert body["symbolCount"] == 0
    assert body["newestDataAgeSeconds"] is None


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_step_does_not_hide_a_dead_feed(world: World, step: int) -> None:
    world.later(200)
    world.wall += step
    body = unhealthy(world, "ingest has not written for 200 s", "0 fresh", "200 s old")
    assert body["newestDataAgeSeconds"] == 200.0
    answer = ask(world.app(), "/funding/BTCUSDT")
    assert refused(answer, 503, "stale")["ageSeconds"] == 200.0
    assert all(row["stale"] for row in ask(world.app(), "/funding").json["data"])


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_step_does_not_age_a_live_feed(world: World, step: int) -> None:
    world.wall += step
    world.later(1)
    assert ask(world.app(), "/funding/health").status == 200
    assert ask(world.app(), "/funding/BTCUSDT").json["ageSeconds"] == 1.0


# Before there is anything to serve, and when nothing can be


def test_no_symbol_is_unknown_before_the_first_tick_is_complete(bare: World) -> None:
    """A tick is several frames, and a script drops a symbol that is unknown."""
    bare.begin()
    bare.feed.good_since = bare.wall
    bare.frame(ETH)
    app = bare.app()
    refused(ask(app, "/funding/BTCUSDT"), 503, "not ready")
    assert ask(app, "/funding/ETHUSDT").status == 200
    bare.later(1)
    bare.frame(again(ETH, 1))
    refused(ask(app, "/funding/NOPE"), 404, "unknown symbol")


@pytest.mark.parametrize("path", ["/funding/BTCUSDT", "/funding/batch?symbols=BTCUSDT", "/funding"])
def test_not_ready_until_the_database_is_there(bare: World, path: str) -> None:
    app = bare.app()
    body = refused(ask(app, path), 503, "not ready")
    assert body["reasons"] == ["no quotes are stored yet: is ingest running?"]
    bare.begin()
    bare.frame(BTC)
    assert ask(app, path).status == 200


@pytest.mark.parametrize("path", ["/funding/BTCUSDT", "/funding/batch?symbols=BTCUSDT", "/funding"])
def test_not_ready_until_the_first_quote_is_there(bare: World, path: str) -> None:
    """Not 404: a database that was damaged is begun anew, and scripts drop unknown symbols."""
    bare.begin()
    bare.frame()
    app = bare.app()
    refused(ask(app, path), 503, "not ready")
    bare.frame(BTC)
    assert ask(app, path).status == 200
    refused(ask(app, "/funding/NOPE"), 404, "unknown symbol")


def test_health_says_what_is_missing_before_the_database_is_there(bare: World) -> None:
    unhealthy(bare, "no quotes are stored yet", "0 fresh symbols")
    assert ask(bare.app(), "/").status == 200


def test_a_file_without_tables_is_not_ready(bare: World) -> None:
    bare.path.touch()
    refused(ask(bare.app(), "/funding/BTCUSDT"), 503, "not ready")
    unhealthy(bare, "no quotes are stored yet", "0 fresh symbols")


PATHS = [
    "/",
    "/funding",
    "/funding/BTCUSDT",
    "/funding/batch?symbols=BTCUSDT",
    "/funding/health",
    "/health",
]


@pytest.mark.parametrize("path", PATHS[1:])
def test_a_file_that_is_not_a_database(
    bare: World, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    bare.path.write_bytes(b"not a database " * 1_000)
    body = refused(ask(bare.app(), path), 503, "store unavailable")
    assert body["reasons"] == ["the database cannot be read"]
    assert str(bare.path) in caplog.text


class Broken(Reader):
    """A defect in whatever reads."""

    def _fail(self) -> NoReturn:
        raise RuntimeError(f"at {ROOT}/funding.db, with waitress on python")

    def one(self, symbol: str) -> StoredQuote | None:
        self._fail()

    def all(self) -> list[StoredQuote]:
        self._fail()

    def feed(self) -> Feed | None:
        self._fail()


@pytest.mark.parametrize("path", PATHS[1:])
def test_a_defect_is_a_500_and_only_the_log_says_why(
    world: World, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Broken(world.path, "binance", world.clock)
    app = local_only(Api(reader, LIMITS, world.clock), "127.0.0.1", 8888)
    body = refused(ask(app, path), 500, "internal server error")
    assert body == {"error": "internal server error"}
    (record,) = (record for record in caplog.records if record.levelno >= logging.ERROR)
    assert path.partition("?")[0] in record.getMessage()
    assert record.exc_info


# Routes, methods, headers


def test_the_index(world: World) -> None:
    answer = ask(world.app(), "/")
    assert answer.status == 200
    plain(answer)
    assert list(answer.json) == ["service", "version", "endpoints"]
    assert answer.json["service"] == "funding"
    assert answer.json["version"]


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(world: World, path: str) -> None:
    got, head = ask(world.app(), path), ask(world.app(), path, "HEAD")
    assert (head.status, head.body) == (got.status, b"")
    assert head.headers == got.headers
    assert int(head.headers["content-length"]) == len(got.body) > 0


@pytest.mark.parametrize("path", ["/funding/NOPE", "/nope", "/funding/batch"])
def test_head_of_a_refusal(world: World, path: str) -> None:
    got, head = ask(world.app(), path), ask(world.app(), path, "HEAD")
    assert (head.status, head.body, head.headers) == (got.status, b"", got.headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_not_allowed(world: World, path: str, method: str) -> None:
    answer = ask(world.app(), path, method)
    refused(answer, 405, "method not allowed")
    assert {name.strip() for name in answer.headers["allow"].split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "path", ["/nope", "/funding/", "/funding/A/B", "/funding/%2F", "/funding/batch/", "/FUNDING"]
)
def test_an_unknown_path(world: World, path: str) -> None:
    refused(ask(world.app(), path), 404, "not found")


@pytest.mark.parametrize("path", ["/funding/BTC%FFUSDT", "/%C3", "/%ED%A0%80", "/%F5%80%80%80"])
def test_a_path_that_is_not_utf8_is_refused(world: World, path: str) -> None:
    refused(ask(world.app(), path), 400, "path is not UTF-8")
    refused(ask(world.app(), path, host="evil.example"), 403, "foreign Host header")


@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_host_gets_nothing(world: World, path: str) -> None:
    body = refused(ask(world.app(), path, host="evil.example:8888"), 403, "foreign Host header")
    assert body == {"error": "foreign Host header"}


@pytest.mark.parametrize("path", PATHS)
def test_another_origin_is_never_let_in(world: World, path: str) -> None:
    answer = ask(world.app(), path, origin="https://evil.example")
    assert answer.status == 200
    plain(answer)


def test_extreme_numbers_are_valid_json(world: World) -> None:
    """A rate of 1e-8 or a price of 1e12 stays a JSON number."""
    world.frame(again(BTC, 1, mark_price=1e12, index_price=0.0, funding_rate=-1e-8))
    body = ask(world.app(), "/funding/BTCUSDT").body
    found = json.loads(body)
    assert (found["markPrice"], found["indexPrice"], found["fundingRate"]) == (1e12, 0.0, -1e-8)
