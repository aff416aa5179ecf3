"""The routes, held to the contract sentence by sentence, without a server."""

import json
import logging
from typing import NoReturn

import pytest

from funding.api.host_check import local_only
from funding.api.routes import Api
from funding.api.served import Served, ServedExchange
from funding.model.feed import Feed, StoredQuote
from funding.store.reader import Reader
from tests.conftest import ROOT
from tests.support.api_world import BTC, ETH, LIMITS, World, again, plain, refused, unhealthy
from tests.support.wsgi import ask

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
    served = Served({"binance": ServedExchange(reader, LIMITS)})
    app = local_only(Api(served, world.clock, world.shared()), "127.0.0.1", 8888)
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
    assert (found["markPrice"], found["indexPrice"], found["fundingRate"]) == (1e12, None, -1e-8)
