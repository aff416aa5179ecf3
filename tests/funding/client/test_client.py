"""The client: its modes against a real service and a stand-in exchange, and its connection."""

import dataclasses
import inspect
import json
import logging
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from funding.api.responses import row
from funding.client import Funding, FundingClient, Rate, Service, rate_or_zero
from funding.client.mode import GO_SECONDS, Decision, decide
from funding.client.patience import Patience
from funding.client.remainder import MOST_CALLS, MOST_ROWS, Remainder
from funding.client.tally import RunningSummary
from funding.client.turns import Turns
from funding.client.values import from_rest
from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.errors import SettingError, StoreLocked
from funding.exchanges.binance.rest import PremiumIndex
from funding.model.feed import StoredQuote
from funding.runtime.clock import SYSTEM, Clock
from funding.settings.service import MODES
from funding.store.ledger import Calls
from tests.conftest import ROOT, free_port
from tests.support.api_and_ingest import World, served, side_by_side
from tests.support.clock import Hand, rows, write
from tests.support.http_script import Turn, hangs, reply, scripted, sends, trickles
from tests.support.processes import PATIENCE_SECONDS, ask, finished, running, until

NOW = 1_764_725_610.0
NO_GO = "mode websocket needs a GO verdict less than 7 days old, and "

Make = Callable[..., FundingClient]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests here: 350 symbols and more, four ticks a second."""
    folder = tmp_path_factory.mktemp("world")
    with side_by_side(folder, "--main", "360", "--tick", "0.25") as made:
        yield made


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A store of the client's own, so that what it writes is seen alone."""
    path = tmp_path / "own.db"
    write(path, SYSTEM)
    return path


@pytest.fixture
def make(world: World, database: Path) -> Iterator[Make]:
    """Makes a client in a mode; `settings` are changed as told."""
    made: list[FundingClient] = []

    def client(
        mode: str | None = None, clock: Clock = SYSTEM, timeout: float = 5.0, **changes: object
    ) -> FundingClient:
        settings = world.settings(**({"FUNDING_DB": database} | changes))
        made.append(
            FundingClient(mode, caller="test", settings=settings, clock=clock, timeout=timeout)
        )
        return made[-1]

    yield client
    for each in made:
        each.close()


def validated(path: Path, verdict: str, days_ago: float, now: float | None = None) -> None:
    """A stored report."""
    at = (SYSTEM.wall() if now is None else now) - days_ago * 86_400
    connection = apsw.Connection(str(path))
    connection.execute(
        "INSERT INTO validation (at, verdict, since, until, report) VALUES (?1, ?2, 0, ?1, '{}')",
        (at, verdict),
    )
    connection.close()


def compared(path: Path) -> list[tuple[Any, ...]]:
    return rows(path, "SELECT source, symbol, field, ws_value, rest_value, outcome FROM comparison")


# The modes, with a service that is well


def test_rest_is_as_before(world: World, make: Make, database: Path) -> None:
    client, calls = make("rest"), world.exchange.calls()
    found = client.get("btcusdt")
    assert found is not None
    assert (found.symbol, found.source) == ("BTCUSDT", "rest")
    assert found.mark_price > 0
    assert 0 <= found.age_seconds < 30
    assert {each.source for each in client.get_all().values()} == {"rest"}
    assert client.get("NOPE") is None
    assert world.exchange.calls() == calls + 3
    assert compared(database) == []
    usage = rows(database, "SELECT caller, sum(calls), sum(weight) FROM rest_usage GROUP BY caller")
    assert usage == [("test", 3, 12)]


def test_parallel_asks_both_compares_and_uses_the_service(
    world: World, make: Make, database: Path
) -> None:
    client, calls = make("parallel"), world.exchange.calls()
    found = client.get("btcusdt")
    assert found is not None
    assert (found.symbol, found.source) == ("BTCUSDT", "websocket")
    assert world.exchange.calls() == calls + 1
    mark, rate = compared(database)
    assert mark[:3] == ("test", "BTCUSDT", "mark_price")
    assert rate[:3] == ("test", "BTCUSDT", "funding_rate")
    assert {mark[5], rate[5]} == {"match"}


def test_parallel_compares_all_in_one_call(world: World, make: Make, database: Path) -> None:
    client, calls = make("parallel"), world.exchange.calls()
    everything = client.get_all()
    assert sorted(everything) == sorted(world.symbols)
    assert {each.source for each in everything.values()} == {"websocket"}
    assert all(symbol == each.symbol for symbol, each in everything.items())
    assert world.exchange.calls() == calls + 1
    assert rows(database, "SELECT sum(weight) FROM rest_usage") == [(10,)]
    found = compared(database)
    assert len(found) == 2 * len(world.symbols)
    assert {each[5] for each in found} == {"match"}


def test_websocket_asks_rest_for_nothing_while_the_service_is_well(
    world: World, make: Make, database: Path
) -> None:
    validated(database, "GO", days_ago=6.9)
    client, calls = make("websocket"), world.exchange.calls()
    for symbol in [*world.symbols[:50], "币安人生USDT"]:
        found = client.get(symbol)
        assert found is not None
        assert (found.symbol, found.source) == (symbol, "websocket")
        assert 0 <= found.age_seconds < 30
    assert sorted(client.get_all()) == sorted(world.symbols)
    assert world.exchange.calls() == calls
    assert client.decision == Decision("websocket", "")
    assert compared(database) == []


def test_websocket_asks_rest_for_a_symbol_the_service_does_not_know(
    world: World, make: Make, database: Path
) -> None:
    validated(database, "GO", days_ago=1)
    client = make("websocket", FUNDING_API_PORT=world.api_port)
    with world.exchange.faults(list=["NEWUSDT"], delist=["NEWUSDT"]):
        found = client.get("NEWUSDT")
        assert found is not None
        assert (found.symbol, found.source) == ("NEWUSDT", "rest")
    assert client.get("NEWUSDT") is None


@pytest.mark.parametrize(
    "symbol",
    [
        *("NOPE", "", "币USDT", "A/B", "../health", "health", "\n", ".", "..", "%2e", "\0", "é"),
        *("A B", "?symbol=BTCUSDT", "BTCUSDT#", "\ud800", "A\udfffB", "\U0001f600", "A" * 10_000),
    ],
    ids=lambda symbol: ascii(symbol[:20]),
)
def test_an_unknown_symbol_is_none_in_every_mode(
    world: World, make: Make, database: Path, symbol: str, caplog: pytest.LogCaptureFixture
) -> None:
    for mode in MODES:
        client = make(mode, FUNDING_FORCE_MODE=1)
        caplog.clear()
        assert client.get(symbol) is None
        assert [r.getMessage() for r in caplog.records if "FORCE" not in r.getMessage()] == []
    assert compared(database) == []


# A service that is ill


def test_a_service_that_is_killed_is_replaced_by_rest(
    world: World, make: Make, database: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    validated(database, "GO", days_ago=0)
    port = free_port()
    settings = world.environment(FUNDING_API_PORT=port)
    with running([sys.executable, "api.py"], tmp_path / "log", settings=settings) as api:
        until(lambda: served(port) > 0, "the API answers")
        both = {mode: make(mode, FUNDING_API_PORT=port) for mode in MODES}
        for mode, client in both.items():
            found = client.get("BTCUSDT")
            assert found is not None
            assert (found.source == "rest") == (mode == "rest")
        api.kill()
        api.wait()
        caplog.clear()
        known = len(compared(database))
        for mode, client in both.items():
            calls = world.exchange.calls()
            one, everything = client.get("BTCUSDT"), client.get_all()
            if mode == "websocket-only":
                assert (one, everything, world.exchange.calls()) == (None, {}, calls)
            else:
                assert one is not None
                assert {one.source, *(e.source for e in everything.values())} == {"rest"}
                assert len(everything) == len(world.symbols)
                assert world.exchange.calls() == calls + 2
    told = [r.getMessage() for r in caplog.records]
    assert len(told) == 3, "once a minute for each client that asks the service"
    assert all("the service does not answer: ConnectionRefusedError" in text for text in told)
    assert len(compared(database)) == known, "nothing can be compared with a service that is away"


def test_a_stale_symbol_comes_from_rest(
    world: World, make: Make, database: Path, tmp_path: Path
) -> None:
    """Of a service for which 1.2 s are long; the exchange drops one symbol from the stream."""
    validated(database, "GO", days_ago=0)
    port = free_port()
    settings = world.environment(FUNDING_API_PORT=port, FUNDING_STALE_AFTER=1.2)
    with ExitStack() as stack:
        stack.enter_context(
            running([sys.executable, "api.py"], tmp_path / "log", settings=settings)
        )
        clients = {mode: make(mode, FUNDING_API_PORT=port) for mode in MODES}
        stack.enter_context(world.exchange.faults(delist=["ETHUSDT"]))
        until(lambda: served(port) > 0, "the API answers")
        until(lambda: clients["websocket-only"].get("ETHUSDT") is None, "ETHUSDT is stale")
        for mode in ("parallel", "websocket"):
            found = clients[mode].get("ETHUSDT")
            assert found is not None
            assert found.source == "rest"
            everything = clients[mode].get_all()
            assert everything["ETHUSDT"].source == "rest"
            assert everything["BTCUSDT"].source == "websocket"
        assert "ETHUSDT" not in clients["websocket-only"].get_all()
    with world.exchange.faults(delist=["ETHUSDT"], rest_missing=["ETHUSDT"]):
        assert "BTCUSDT" in clients["rest"].get_all()


def api_row(symbol: str = "BTCUSDT", *, stale: bool | None = None, age: float = 1.5) -> Any:
    """A row as the API sends it."""
    reading = StoredQuote("binance", symbol, 100.5, 100.25, 0.0001, 7, 1_000, NOW, age)
    made = msgspec.to_builtins(row(reading, None if stale is None else 180.0))
    return made if stale is None else made | {"stale": stale}


def api_all(*rows: Any, tag: str = 'W/"1"') -> bytes:
    body = json.dumps({"data": rows, "total": len(rows)}).encode()
    return reply(200, body, ETag=tag)


def stale_one(symbol: str = "BTCUSDT") -> bytes:
    last = api_row(symbol, age=200)
    return reply(503, json.dumps({"error": "stale", "symbol": symbol, "last": last}).encode())


def test_what_is_stale_for_ever_does_not_bring_rest_back(
    world: World, make: Make, database: Path
) -> None:
    validated(database, "GO", days_ago=0)
    answer = sends(api_all(api_row("DEAD", stale=True), api_row("BTCUSDT", stale=False)))
    with scripted(answer) as server:
        client, calls = make("websocket", FUNDING_API_PORT=server.port), world.exchange.calls()
        for _ in range(3):
            everything = client.get_all()
            assert everything["BTCUSDT"].source == "websocket"
            assert "DEAD" not in everything
        assert world.exchange.calls() == calls + 1, "REST does not have it either"


def test_a_service_without_anything_fresh_is_no_service(
    world: World, make: Make, database: Path
) -> None:
    validated(database, "GO", days_ago=0)
    for answer in (api_all(), api_all(api_row("BTCUSDT", stale=True))):
        with scripted(sends(answer)) as server:
            client = make("websocket", FUNDING_API_PORT=server.port)
            for _ in range(2):
                everything = client.get_all()
                assert len(everything) == len(world.symbols)
                assert {each.source for each in everything.values()} == {"rest"}


def test_parallel_compares_what_is_stale_too(world: World, make: Make, database: Path) -> None:
    with scripted(sends(stale_one())) as server:
        found = make("parallel", FUNDING_API_PORT=server.port).get("BTCUSDT")
    assert found is not None
    assert found.source == "rest"
    assert [each[3] for each in compared(database)] == [100.5, 0.0001]
    assert rows(database, "SELECT DISTINCT explained FROM comparison") == [(1,)]
    events = rows(database, "SELECT source, kind, detail FROM event")
    assert ("test", "significant") in {event[:2] for event in events}


def test_parallel_reads_the_service_just_before_and_just_after_rest(
    world: World, make: Make, database: Path
) -> None:
    price = float(json.loads(reply_of(world, "BTCUSDT"))["markPrice"])
    now = int(SYSTEM.wall() * 1000)
    early, late = (
        reply(200, json.dumps(api_row() | {"eventTime": now + at, "markPrice": value}).encode())
        for at, value in ((-3_600_000, 1.0), (0, price))
    )
    with scripted(sends(early), sends(late)) as server:
        found = make("parallel", FUNDING_API_PORT=server.port).get("BTCUSDT")
        assert server.paths == ["/funding/BTCUSDT"] * 2
    assert found is not None
    assert found.mark_price == price
    assert [each[3] for each in compared(database)] == [price, 0.0001]


def reply_of(world: World, symbol: str) -> bytes:
    """REST's reply."""
    return ask(world.exchange.port, f"/fapi/v1/premiumIndex?symbol={symbol}").body


def test_a_symbol_on_one_side_is_a_comparison(world: World, make: Make, database: Path) -> None:
    client = make("parallel")
    with world.exchange.faults(rest_missing=["BTCUSDT"], list=["NEWUSDT"], delist=["NEWUSDT"]):
        here, there = client.get("BTCUSDT"), client.get("NEWUSDT")
    assert here is not None
    assert there is not None
    assert (here.source, there.source) == ("websocket", "rest")
    found = compared(database)
    assert [each[1:3] for each in found if each[4] is None] == [
        ("BTCUSDT", "mark_price"),
        ("BTCUSDT", "funding_rate"),
    ]
    assert {each[1] for each in found if each[3] is None} == {"NEWUSDT"}
    assert {each[5] for each in found} == {"mismatch"}


# REST that is ill


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"rest_status": 418, "rest_retry_after": 30}, "REST: status 418"),
        ({"rest_status": 451}, "REST: status 451, restricted location"),
        ({"rest_status": 500}, "REST: status 500"),
        ({"rest_drop": True}, "REST: ProtocolError"),
        ({"rest_hang": 20}, "REST: ReadTimeoutError"),
    ],
)
def test_without_rest_the_service_still_counts(
    world: World,
    make: Make,
    database: Path,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
    told: str,
) -> None:
    timeout = 1.5 if "rest_hang" in fault else 5.0
    client = make("parallel", timeout=timeout)
    with world.exchange.faults(**fault):
        found = client.get("BTCUSDT")
        assert found is not None
        assert found.source == "websocket"
        assert make("rest", timeout=timeout).get("BTCUSDT") is None
    assert compared(database) == []
    warnings = [r.getMessage() for r in caplog.records if r.name == "client"]
    assert warnings[0].startswith(told)
    assert len(warnings) == 2, "one for each client"


def test_an_answer_for_another_symbol_is_none(
    world: World, make: Make, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with scripted(sends(reply(200, reply_of(world, "ETHUSDT")))) as server:
        assert make("rest", FUNDING_REST_URL=server.url).get("BTCUSDT") is None
    assert "REST: premiumIndex of BTCUSDT: the reply has 1 others" in caplog.text


@pytest.mark.parametrize(
    ("code", "warnings"), [(-1121, 0), (-1105, 0), (-1100, 0), (-1102, 1), (None, 1)]
)
def test_a_refusal_of_the_symbol_is_an_ordinary_absence(
    make: Make, database: Path, caplog: pytest.LogCaptureFixture, code: int | None, warnings: int
) -> None:
    refusal = reply(400, json.dumps({"code": code, "msg": "No."}).encode())
    with scripted(sends(reply(404, b"{}"))) as server, scripted(sends(refusal)) as exchange:
        ports = {"FUNDING_API_PORT": server.port, "FUNDING_REST_URL": exchange.url}
        for mode in ("rest", "parallel"):
            caplog.clear()
            assert make(mode, **ports).get("é") is None
            assert len(caplog.records) == warnings
    assert compared(database) == []


# A store that is ill


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another hand has the store's write lock while the block runs."""
    with closing(apsw.Connection(str(path))) as other:
        other.set_busy_timeout(5_000)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def usage(path: Path) -> tuple[int, int]:
    """Calls and weight that are counted."""
    found = rows(path, "SELECT coalesce(sum(calls), 0), coalesce(sum(weight), 0) FROM rest_usage")
    return found[0][0], found[0][1]


def missing(_path: Path) -> None:
    pass


def rubbish(path: Path) -> None:
    path.write_bytes(b"Dear aunt,\n" * 1_000)


def foreign(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as other:
        other.execute("CREATE TABLE theirs (x)")


def damaged(path: Path) -> None:
    write(path, SYSTEM)
    ((page, size),) = rows(
        path, "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size"
        " WHERE name = 'rest_usage'"
    )  # fmt: skip
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


@pytest.mark.parametrize("ill", [missing, rubbish, foreign, damaged])
def test_without_a_store_rest_gives_values_all_the_same(
    world: World,
    make: Make,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    ill: Callable[[Path], None],
) -> None:
    path = tmp_path / "ill.db"
    ill(path)
    before = path.read_bytes() if path.exists() else None
    client = make("rest", FUNDING_DB=path)
    for _ in range(3):
        found = client.get("BTCUSDT")
        assert found is not None
        assert found.source == "rest"
    assert sorted(client.get_all()) == sorted(world.symbols)
    (told,) = [r.getMessage() for r in caplog.records]
    assert told.startswith("the store takes nothing now; calls and comparisons are kept")
    assert str(path) in told
    assert (path.read_bytes() if path.exists() else None) == before, "the client mends nothing"


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_does_without_a_store(
    world: World, make: Make, tmp_path: Path, mode: str
) -> None:
    client, calls = make(mode, FUNDING_DB=tmp_path / "none.db"), world.exchange.calls()
    found = client.get("BTCUSDT")
    assert found is not None
    assert found.source == ("rest" if mode == "rest" else "websocket")
    assert sorted(client.get_all()) == sorted(world.symbols)
    assert world.exchange.calls() == calls + 2, "without a GO that can be read, all run as parallel"
    assert not (tmp_path / "none.db").exists()


def test_what_cannot_be_counted_has_an_allowance(
    world: World, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a tenth, as if ten processes did the same."""
    hand, calls = Hand(), world.exchange.calls()
    client = make("rest", hand.clock(), FUNDING_DB=tmp_path / "none.db", FUNDING_REST_WEIGHT=125)
    found = [client.get("BTCUSDT") for _ in range(15)]
    assert [each is not None for each in found] == [True] * 12 + [False] * 3
    assert client.get_all() == {}
    assert world.exchange.calls() == calls + 12
    assert "no more calls in this minute, since they cannot be counted" in caplog.text
    hand.pass_seconds(60)
    assert client.get_all() != {}


def test_what_the_group_has_used_is_no_allowance(world: World, make: Make, database: Path) -> None:
    """The store can be read while another hand writes to it."""
    hand, calls = Hand(), world.exchange.calls()
    client = make("rest", hand.clock(), FUNDING_REST_WEIGHT=100)
    for _ in range(6):
        assert client.get_all() != {}
    with locked(database):
        found = [client.get("BTCUSDT") for _ in range(8)]
    assert [each is not None for each in found] == [True] * 4 + [False] * 4
    assert world.exchange.calls() == calls + 10
    assert usage(database) == (6, 60)
    assert client.get("BTCUSDT") is not None
    assert usage(database) == (11, 65), "what could not be counted is"


def test_what_cannot_be_stored_is_stored_with_the_next_call(
    world: World, make: Make, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = make("parallel")
    with locked(database):
        for symbol in ("BTCUSDT", "ETHUSDT"):
            found = client.get(symbol)
            assert found is not None
            assert found.source == "websocket"
        assert (compared(database), usage(database)) == ([], (0, 0))
    assert client.get("XRPUSDT") is not None
    symbols = [each[1] for each in compared(database)]
    assert symbols == ["BTCUSDT"] * 2 + ["ETHUSDT"] * 2 + ["XRPUSDT"] * 2
    assert usage(database) == (3, 3)
    assert [r.getMessage().endswith("locked by another process") for r in caplog.records] == [True]


def test_closing_stores_what_is_kept_or_tells_that_it_is_lost(
    world: World, make: Make, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for turn in ("stored", "lost"):
        client = make("parallel")
        with locked(database):
            assert client.get("BTCUSDT") is not None
            if turn == "lost":
                client.close()
        client.close()
    assert (len(compared(database)), usage(database)) == (2, (1, 1))
    (told,) = [r.getMessage() for r in caplog.records if "are lost" in r.getMessage()]
    assert told.startswith("2 comparisons or events and 1 REST calls are lost: ")


def test_a_script_that_ends_without_closing_is_told_what_is_lost(
    world: World, tmp_path: Path
) -> None:
    script = "from funding.client import FundingClient\n"
    script += "client = FundingClient('parallel')\nassert client.get('BTCUSDT')"
    settings = world.environment(FUNDING_DB=tmp_path / "none.db")
    done = finished([sys.executable, "-c", script], ROOT, **settings)
    kept, lost = done.stderr.splitlines()
    assert "the store takes nothing now" in kept
    told = "2 comparisons or events and 1 REST calls are lost: the client was not closed"
    assert lost == told


def test_a_ban_holds_though_the_store_does_not_take_it(
    world: World, make: Make, database: Path
) -> None:
    client = make("rest")
    with locked(database):
        with world.exchange.faults(rest_status=418, rest_retry_after=300):
            assert client.get("BTCUSDT") is None
        calls = world.exchange.calls()
        assert client.get("BTCUSDT") is None
        assert client.get_all() == {}
    assert rows(database, "SELECT * FROM rest_ban") == []
    client.close()
    assert len(rows(database, "SELECT * FROM rest_ban")) == 1, "the group is told in the end"
    assert client.get("BTCUSDT") is None
    assert world.exchange.calls() == calls


def test_what_is_kept_is_bounded_and_what_is_lost_is_told() -> None:
    told: list[str] = []
    hand = Hand()
    kept = Remainder(hand.clock(), told.append)
    kept.keep([comparison(float(number), "match") for number in range(MOST_ROWS)])
    assert told == []
    kept.keep([comparison(0.5, "match")] * 3)
    kept.keep([comparison(0.5, "match")])
    lost = "comparisons or events and {} REST calls are lost: no room to keep more of them"
    assert told == ["3 " + lost.format(0)]
    hand.pass_seconds(60)
    for minute in range(MOST_CALLS + 5):
        assert kept.spend(Calls(minute, "me", "time", 1, 1), 10)
    assert told[1:] == ["0 " + lost.format(1)], "once a minute"
    found = kept.take()
    assert [each.difference_pct for each in found.comparisons[:2]] == [4.0, 5.0], "the oldest go"
    assert (len(found.comparisons), len(found.calls)) == (MOST_ROWS, MOST_CALLS)
    assert found.calls[0].minute == 5
    assert not any(kept.take())
    kept.give_back(found)
    assert kept.take() == found


def test_one_thread_writes_at_a_time_and_waits_no_longer_than_it_may() -> None:
    hand = Hand()
    turns = Turns(lambda: hand.uptime)
    with turns.mine(0.0), pytest.raises(StoreLocked, match="other threads"), turns.mine(0.01):
        pass
    assert (turns.patience(0.2), turns.patience(5.0)) == (0.2, 0.3)
    with pytest.raises(StoreLocked), turns.mine(0.0):
        raise StoreLocked("x", "locked by another process")
    assert turns.patience(5.0) == 0.0, "where one has waited in vain the next does not wait"
    hand.pass_seconds(1)
    assert turns.patience(5.0) == 0.3


def test_a_copy_of_the_package_is_a_client(world: World, database: Path, tmp_path: Path) -> None:
    """What the README says is to be copied, and the three libraries that it names."""
    shutil.copytree(ROOT / "funding", tmp_path / "theirs" / "funding")
    script = """
import sys
from funding.client import FundingClient
found = FundingClient(caller="theirs").get("BTCUSDT")
others = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
print(found.symbol, found.source, *sorted({"msgspec", "apsw", "urllib3", *LIBRARIES} & others))
"""
    libraries = ["bottle", "waitress", "websocket", "supervisor", "tqdm"]
    command = [sys.executable, "-c", f"LIBRARIES = {libraries}\n{script}"]
    settings = world.environment(FUNDING_DB=database)
    done = finished(command, tmp_path / "theirs", **settings)
    assert done.stdout == "BTCUSDT websocket apsw msgspec urllib3\n"
    assert {each[0] for each in compared(database)} == {"theirs"}


# One deadline for a call


def test_turns_come_in_the_order_of_asking() -> None:
    turns, order = Turns(), list[int]()

    def ask(number: int) -> None:
        with turns.mine(PATIENCE_SECONDS):
            order.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(10)]
    with turns.mine(0.0):
        for number, thread in enumerate(threads):
            thread.start()
            until(lambda n=number: len(turns._waiting) == n + 1, "it waits")  # type: ignore[misc]
        with pytest.raises(StoreLocked), turns.mine(0.01):
            pass
        assert len(turns._waiting) == 10, "who waits no more is not called"
    for thread in threads:
        thread.join()
    assert order == list(range(10))
    with turns.mine(0.0):
        pass


def test_all_waits_of_a_call_share_its_time() -> None:
    hand = Hand()
    patience = Patience(10.0, lambda: hand.uptime)
    hand.pass_seconds(3)
    assert patience.left() == 7.0
    with patience.keeping(0.2):
        assert patience.left() == 5.0
        hand.pass_seconds(6)
        assert patience.left() == 0.0
    assert patience.left() == 1.0
    patience.begin()
    assert patience.left() == 10.0


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """The block ends by the deadline of a call, where two waits of `seconds` would not."""
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < 1.8 * seconds


DRIPS = trickles(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" " * 1_000)


@pytest.mark.parametrize("rest", [hangs, DRIPS], ids=["hangs", "drips"])
@pytest.mark.parametrize("mode", MODES)
def test_a_call_ends_in_time_though_nobody_answers(
    make: Make, database: Path, mode: str, rest: Turn
) -> None:
    with scripted(hangs) as service_, scripted(rest) as exchange:
        ports = {"FUNDING_API_PORT": service_.port, "FUNDING_REST_URL": exchange.url}
        client = make(mode, timeout=1.0, FUNDING_FORCE_MODE=1, **ports)
        with in_time(1.0):
            assert client.get("BTCUSDT") is None
        with locked(database), in_time(1.0):
            assert client.get_all() == {}


@pytest.mark.parametrize("mode", ["parallel", "websocket"])
def test_a_service_that_hangs_leaves_time_for_rest(
    world: World, make: Make, database: Path, mode: str
) -> None:
    with scripted(hangs) as server:
        client = make(
            mode, timeout=2.0, FUNDING_API_PORT=server.port, FUNDING_FORCE_MODE=1
        )  # fmt: skip
        with in_time(2.0):
            found = client.get("BTCUSDT")
        with in_time(2.0):
            everything = client.get_all()
    assert found is not None
    assert {found.source, *(each.source for each in everything.values())} == {"rest"}


@pytest.mark.parametrize("mode", MODES)
def test_a_store_that_is_locked_delays_nobody(
    world: World, make: Make, database: Path, mode: str
) -> None:
    client = make(mode, timeout=2.0, FUNDING_FORCE_MODE=1)
    with locked(database):
        for _ in range(2):
            with in_time(2.0):
                assert client.get("BTCUSDT") is not None
            with in_time(2.0):
                assert len(client.get_all()) == len(world.symbols)


# Who may leave REST


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (None, "the store has none"),
        ((NOW, "GO"), ""),
        ((NOW - GO_SECONDS + 1, "GO"), ""),
        ((NOW - GO_SECONDS, "GO"), "the last one is 7.0 days old"),
        ((NOW - 8.5 * 86_400, "GO"), "the last one is 8.5 days old"),
        ((NOW - 1, "NO-GO"), "the last one is NO-GO"),
        ((NOW + 60, "GO"), ""),
        ((NOW + 61, "GO"), "the last one is dated in the future"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_a_mode_that_leaves_rest_needs_a_go_of_this_week(
    mode: str, verdict: tuple[float, str] | None, why: str
) -> None:
    found = decide(mode, forced=False, verdict=verdict, problem="", now=NOW)
    if mode in ("rest", "parallel") or not why:
        assert found == Decision(mode, "")
    else:
        need = f"mode {mode} needs a GO verdict less than 7 days old"
        assert found == Decision("parallel", f"{need}, and {why}: running as parallel")


@pytest.mark.parametrize(
    ("stored", "mode", "why"),
    [
        ([], "parallel", "the store has none"),
        ([("GO", 0.0)], "websocket", ""),
        ([("GO", 6.99)], "websocket", ""),
        ([("GO", 7.01)], "parallel", "the last one is 7.0 days old"),
        ([("GO", 3.0), ("NO-GO", 1.0)], "parallel", "the last one is NO-GO"),
        ([("NO-GO", 3.0), ("GO", 1.0)], "websocket", ""),
    ],
)
@pytest.mark.parametrize("asked", ["websocket", "websocket-only"])
def test_the_stored_verdict_decides_and_is_told(
    world: World,
    make: Make,
    database: Path,
    caplog: pytest.LogCaptureFixture,
    asked: str,
    stored: list[tuple[str, float]],
    mode: str,
    why: str,
) -> None:
    for verdict, days in stored:
        validated(database, verdict, days)
    client, calls = make(asked), world.exchange.calls()
    assert client.get("BTCUSDT") is not None
    assert client.get("BTCUSDT") is not None
    parallel = mode == "parallel"
    assert client.decision.mode == ("parallel" if parallel else asked)
    assert world.exchange.calls() == calls + 2 * parallel
    assert len(compared(database)) == 4 * parallel
    told = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    need = f"mode {asked} needs a GO verdict less than 7 days old, and {why}"
    assert told == ([f"{need}: running as parallel"] if parallel else [])


def test_a_store_that_cannot_be_read_gives_no_go(make: Make, tmp_path: Path) -> None:
    decision = make("websocket", FUNDING_DB=tmp_path / "none.db").decision
    assert decision.mode == "parallel"
    assert "it cannot be read" in decision.why
    assert "is not there yet" in decision.why


def test_force_leaves_rest_and_is_logged(
    world: World, make: Make, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    validated(database, "NO-GO", days_ago=0)
    client, calls = make("websocket-only", FUNDING_FORCE_MODE=1), world.exchange.calls()
    assert client.get("BTCUSDT") is not None
    assert client.get("NOPE") is None
    assert client.decision.mode == "websocket-only"
    assert world.exchange.calls() == calls
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("FUNDING_FORCE_MODE=1: mode websocket-only")


def test_force_changes_nothing_where_no_verdict_is_needed(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    assert make("parallel", FUNDING_FORCE_MODE=1).decision == Decision("parallel", "")
    assert caplog.records == []


def test_a_verdict_that_comes_or_grows_old_is_noticed(
    make: Make, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = Hand(wall=SYSTEM.wall())
    client = make("websocket", hand.clock())
    assert client.decision.mode == "parallel"
    validated(database, "GO", 0, now=hand.wall)
    hand.pass_seconds(59)
    assert client.decision.mode == "parallel", "not read again for each call"
    hand.pass_seconds(1)
    assert client.decision == Decision("websocket", "")
    hand.pass_seconds(GO_SECONDS)
    assert client.decision.mode == "parallel"
    told = [r.getMessage() for r in caplog.records]
    assert told == [
        f"{NO_GO}the store has none: running as parallel",
        "running as websocket, as asked",
        f"{NO_GO}the last one is 7.0 days old: running as parallel",
    ]


def test_the_mode_is_the_setting_unless_given(world: World, make: Make) -> None:
    assert make().decision.mode == "parallel"
    assert make(FUNDING_MODE="rest").decision.mode == "rest"
    assert make("parallel", FUNDING_MODE="rest").decision.mode == "parallel"


def test_the_environment_is_read_when_no_settings_are_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FUNDING_MODE", "rest")
    assert FundingClient().decision.mode == "rest"
    monkeypatch.setenv("FUNDING_MODE", "rset")
    with pytest.raises(SettingError, match="FUNDING_MODE='rset'"):
        FundingClient()


def test_what_cannot_be_is_refused(make: Make, world: World) -> None:
    with pytest.raises(SettingError, match="one of rest, parallel, websocket, websocket-only"):
        make("ws")
    with pytest.raises(ValueError, match="marks planted comparisons"):
        FundingClient(caller="control", settings=world.settings())


# Values


FOUND = Funding("A", 1.0, -0.0001, 7, 1.0, 5, "websocket", 0.5)


@pytest.mark.parametrize(
    ("found", "rate"),
    [
        (FOUND, Rate(-0.0001, missing=False)),
        (dataclasses.replace(FOUND, funding_rate=0.0), Rate(0.0, missing=False)),
        (dataclasses.replace(FOUND, funding_rate=None), Rate(0.0, missing=True)),
        (None, Rate(0.0, missing=True)),
    ],
)
def test_zero_for_old_backends_is_marked(found: Funding | None, rate: Rate) -> None:
    assert rate_or_zero(found) == rate


def test_a_result_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FOUND.mark_price = 2.0  # type: ignore[misc]


def test_an_age_from_rest_is_never_negative() -> None:
    reply = PremiumIndex("A", 1.0, 2.0, 0.1, 7, 10_000)
    assert from_rest(reply, 12.5) == Funding("A", 1.0, 0.1, 7, 2.0, 10_000, "rest", 2.5)
    assert from_rest(reply, 9.0).age_seconds == 0.0


# The summary


def comparison(percent: float | None, outcome: str) -> Comparison:
    return Comparison(0, "", "", "", Field.MARK_PRICE, 1, 1, percent, 0, Outcome(outcome), 0, None)


def test_a_line_every_hundred_comparisons() -> None:
    tally = RunningSummary()
    assert tally.add([comparison(0.0, "match")] * 97) is None
    assert tally.add([comparison(-0.5, "mismatch"), comparison(None, "mismatch")]) is None
    assert tally.add([comparison(1.48, "significant")]) == (
        "100 comparisons: 97 matches, 3 mismatches (1 significant), average 0.0200 %,"
        " maximum 1.4800 %"
    )
    assert tally.add([comparison(0.0, "match")] * 99) is None
    line = tally.add([comparison(0.0, "match")] * 250)
    assert line is not None
    assert line.startswith("449 comparisons: 446 matches, 3 mismatches (1 significant)")
    assert tally.add([comparison(0.0, "match")]) is None
    missing = RunningSummary().add([comparison(None, "mismatch")] * 100)
    assert missing is not None
    assert missing.endswith("average 0.0000 %, maximum 0.0000 %")


# Many threads


def test_twenty_threads_poll_341_symbols(
    world: World, make: Make, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client, symbols, calls = make("parallel"), world.symbols[:341], world.exchange.calls()
    start = threading.Barrier(20)
    with ThreadPoolExecutor(20, initializer=start.wait) as pool:
        found = list(pool.map(client.get, symbols))
    assert [each.symbol for each in found if each is not None] == symbols
    assert {each.source for each in found if each is not None} == {"websocket"}
    assert world.exchange.calls() == calls + 341
    stored = compared(database)
    assert sorted(each[1] for each in stored) == sorted(symbols * 2)
    assert {each[5] for each in stored} == {"match"}
    told = [r.getMessage().partition(" matches")[0] for r in caplog.records]
    assert sorted(told) == [f"{n}00 comparisons: {n}00" for n in range(1, 7)]
    with ThreadPoolExecutor(5) as pool:
        alike = list(pool.map(lambda _: sorted(client.get_all()), range(5)))
    assert all(each == sorted(world.symbols) for each in alike)


def test_twenty_threads_keep_a_connection_each(world: World, make: Make, database: Path) -> None:
    """To the service and to REST, both far ends counting what they accept."""
    good = sends(reply(200, reply_of(world, "BTCUSDT")))
    with scripted(sends(GOOD)) as server, scripted(good) as exchange:
        ports = {"FUNDING_API_PORT": server.port, "FUNDING_REST_URL": exchange.url}
        client = make("parallel", timeout=20.0, **ports)
        start = threading.Barrier(20)
        for _ in range(2):
            with ThreadPoolExecutor(20, initializer=start.wait) as pool:
                found = list(pool.map(client.get, ["BTCUSDT"] * 341))
            assert all(each is not None for each in found)
        assert (len(server.asked), len(exchange.asked)) == (4 * 341, 2 * 341)
        assert server.connections <= 20
        assert exchange.connections <= 20
        client.close()
    assert usage(database) == (682, 682)


# The connection to the service


def service(port: int, hand: Hand, timeout: float | Callable[[], float] = 5.0) -> Service:
    return Service("127.0.0.1", port, timeout=timeout, uptime=hand.clock().uptime)


GOOD = reply(200, json.dumps(api_row()).encode())


def test_one_connection_is_kept() -> None:
    with scripted(sends(GOOD)) as server:
        made = service(server.port, Hand())
        assert [made.one("BTCUSDT").fresh for _ in range(5)] == [True] * 5
        assert server.connections == 1
        made.close()
        assert made.one("BTCUSDT").fresh
        assert server.connections == 2
        made.close()


def test_an_idle_connection_that_the_service_ended_is_opened_again() -> None:
    with scripted(sends(GOOD, close=True)) as server:
        made = service(server.port, Hand())
        for _ in range(5):
            word = made.one("BTCUSDT")
            assert (word.fresh, word.problem) == (True, "")
        assert server.connections == 5
        made.close()


def dies(connection: Any, _stopping: threading.Event) -> None:
    raise ConnectionAbortedError


def test_a_service_that_dies_of_a_question_is_asked_twice_at_most() -> None:
    with scripted(sends(GOOD), dies) as server:
        made = service(server.port, Hand())
        assert made.one("BTCUSDT").fresh
        word = made.one("BTCUSDT")
        assert (word.reading, word.fresh) == (None, False)
        assert word.problem.startswith("RemoteDisconnected")
        assert len(server.asked) == 3
        assert made.one("BTCUSDT").problem.startswith("RemoteDisconnected")
        assert len(server.asked) == 4, "a new connection that ends is no idle one"
        made.close()


@pytest.mark.parametrize("turn", [hangs, trickles(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1_000)])
def test_a_service_that_hangs_is_given_up_and_not_asked_again(turn: Turn) -> None:
    with scripted(sends(GOOD), turn) as server:
        made = service(server.port, Hand(), timeout=0.2)
        assert made.one("BTCUSDT").fresh
        word = made.one("BTCUSDT")
        assert (word.reading, word.problem) == (None, "TimeoutError: timed out")
        assert len(server.asked) == 2
        assert made.all().problem == "TimeoutError: timed out"
        made.close()


def test_each_question_has_the_time_that_is_left_then() -> None:
    left = [20.0, 0.2, 20.0, 0.0]
    with scripted(sends(GOOD), hangs, sends(GOOD)) as server:
        made = service(server.port, Hand(), timeout=lambda: left.pop(0))
        assert made.one("BTCUSDT").fresh
        with in_time(5.0):
            assert made.one("BTCUSDT").problem == "TimeoutError: timed out"
        assert made.one("BTCUSDT").fresh
        assert made.one("BTCUSDT").problem == "TimeoutError: timed out before it was asked"
        made.close()
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (reply(503, b'{"error":"not ready","reasons":[]}'), "status 503: "),
        (reply(500, b'{"error":"internal server error"}'), "status 500: "),
        (reply(403, b'{"error":"foreign Host header"}'), "status 403: "),
        (reply(302, b"", Location="http://192.0.2.1/"), "status 302: "),
        (reply(200, b"<html>"), "status 200: <html>"),
        (reply(200, b"{}"), "status 200: {}"),
        (reply(200, b"\xff\xfe"), "status 200: "),
        (reply(200, b""), "status 200: "),
        (reply(200, GOOD[-50:] + b"}"), "status 200: "),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "IncompleteRead"),
    ],
)
def test_rubbish_is_a_service_that_does_not_answer(answer: bytes, problem: str) -> None:
    with scripted(sends(answer, close=True)) as server:
        made = service(server.port, Hand())
        word = made.one("BTCUSDT")
        assert (word.reading, word.fresh) == (None, False)
        assert word.problem.startswith(problem)
        words = made.all()
        assert words.readings == []
        assert words.problem
        made.close()


def test_a_symbol_is_stale_unknown_or_fresh() -> None:
    with scripted(sends(stale_one()), sends(reply(404, b"{}")), sends(GOOD)) as server:
        made = service(server.port, Hand())
        stale, unknown, fresh = (made.one("币/A?") for _ in range(3))
        made.close()
    assert server.paths == ["/funding/%E5%B8%81%2FA%3F"] * 3
    assert stale.reading is not None
    assert (stale.reading.age_seconds, stale.fresh, stale.problem) == (200, False, "")
    assert unknown == (None, False, "")
    assert fresh.reading == StoredQuote(
        "binance", "BTCUSDT", 100.5, 100.25, 0.0001, 7, 1_000, NOW, 1.5
    )
    assert fresh.fresh


def test_what_has_not_changed_is_not_sent_again_and_grows_older() -> None:
    answer = api_all(api_row("A", stale=False), api_row("B", stale=True), tag='W/"1-2"')
    turns = [sends(answer), sends(reply(304, b"")), sends(api_all(tag='W/"3"')), sends(answer)]
    hand = Hand()
    with scripted(*turns) as server:
        made = service(server.port, hand)
        first = made.all()
        hand.pass_seconds(0.7)
        second, third, fourth = made.all(), made.all(), made.all()
        made.close()
    tags = [head.partition("If-None-Match: ")[2].partition("\r\n")[0] for head in server.asked]
    assert tags == ["", 'W/"1-2"', 'W/"1-2"', 'W/"3"']
    assert [(r.symbol, r.age_seconds) for r in first.fresh] == [("A", 1.5)]
    assert [(r.symbol, r.age_seconds) for r in first.stale] == [("B", 1.5)]
    assert [r.symbol for r in second.readings] == ["A", "B"]
    assert [r.age_seconds for r in second.readings] == pytest.approx([2.2, 2.2])
    assert (third.readings, third.problem) == ([], "")
    assert fourth == first


def test_304_to_no_question_is_rubbish() -> None:
    with scripted(sends(reply(304, b""))) as server:
        made = service(server.port, Hand())
        assert made.all().problem == "status 304: "
        made.close()


def test_a_service_that_hangs_holds_nobody(world: World) -> None:
    """With the timeout that it has by default: this ends at all."""
    assert inspect.signature(FundingClient).parameters["timeout"].default == 1.0
    with scripted(hangs) as server:
        settings = world.settings(FUNDING_API_PORT=server.port, FUNDING_FORCE_MODE=1)
        client = FundingClient("websocket-only", settings=settings)
        assert client.get("BTCUSDT") is None
        assert len(server.asked) == 1
        client.close()
