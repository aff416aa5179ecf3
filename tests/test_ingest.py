"""The ingest program as a process, fed by the stand-in exchange."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding.errors import StoreMissing
from funding.model.feed import Feed
from funding.runtime.clock import SYSTEM
from funding.store import damage, upgrades
from funding.store.reader import Reader
from harness.processes import WAIT_SECONDS, finished, running, until
from harness.stand_in import StandIn, stand_in
from tests.conftest import ROOT

INGEST: list[str | Path] = [sys.executable, ROOT / "ingest.py"]
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO   |WARNING|ERROR  ) ingest: .+")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One exchange for all tests here: ten ticks a second, few symbols."""
    with stand_in(tmp_path_factory.mktemp("exchange"), "--tick", "0.1") as exchange:
        yield exchange


@pytest.fixture
def exchange(shared: StandIn) -> Iterator[StandIn]:
    yield shared
    shared.order("faults", "DELETE")


def price(exchange: StandIn, symbol: str, event_time: int) -> float:
    """The mark price that the exchange sent at `event_time`."""
    return float(exchange.order(f"row?symbol={symbol}&event_time={event_time}")["p"])


@dataclass
class Ingest:
    """An ingest process, and what it leaves."""

    process: subprocess.Popen[bytes]
    log: Path
    reader: Reader

    def text(self) -> str:
        return self.log.read_text("utf-8")

    def feed(self) -> Feed:
        feed = self.reader.feed()
        assert feed is not None
        return feed

    def served(self) -> bool:
        """Whether both classes of symbols are there."""
        return self.count() > 30

    def count(self) -> int:
        try:
            return len(self.reader.all())
        except StoreMissing:
            return 0

    def event_time(self) -> int:
        found = self.reader.one("BTCUSDT")
        return found.event_time if found else 0

    def newer(self) -> None:
        """Until quotes newer than those of this moment are there."""
        before = self.event_time()
        until(lambda: self.event_time() > before, "newer quotes")

    def says(self, words: str) -> None:
        """Until `words` are in the log."""
        until(lambda: words in self.text(), words)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_SECONDS)


@contextmanager
def running_ingest(folder: Path, url: str, **settings: object) -> Iterator[Ingest]:
    database = folder / "var" / "funding.db"
    reader = Reader(database, "binance", SYSTEM)
    values = {"FUNDING_DB": database, "FUNDING_WS_URL": url} | settings
    log = folder / "log"
    try:
        with running(INGEST, log, settings=values) as process:
            yield Ingest(process, log, reader)
    finally:
        reader.close()


def one_line(result: subprocess.CompletedProcess[str], code: int) -> str:
    """What a program that refused to work said."""
    assert result.returncode == code
    (line,) = (result.stdout + result.stderr).splitlines()
    return line


def test_quotes_arrive_and_sigterm_leaves_a_tidy_store(exchange: StandIn, tmp_path: Path) -> None:
    with running_ingest(tmp_path, exchange.ws_url, FUNDING_STAL_AFTER="3") as ingest:
        until(ingest.served, "quotes")
        found = ingest.reader.one("BTCUSDT")
        assert found is not None
        assert found.mark_price == price(exchange, "BTCUSDT", found.event_time)
        assert 0.0 <= found.age_seconds < WAIT_SECONDS
        assert any(not quote.symbol.isascii() for quote in ingest.reader.all())
        feed = ingest.feed()
        assert (feed.connected, feed.address, feed.pid) == (1, "127.0.0.1", ingest.process.pid)
        ingest.newer()
        files = sorted((tmp_path / "var").iterdir())
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        ingest.reader.close()
        assert ingest.stop() == 0
        wal = tmp_path / "var" / "funding.db-wal"
        assert not wal.exists() or wal.stat().st_size == 0
        feed = ingest.feed()
        assert (feed.connected, feed.connections) == (0, 0)
        lines = ingest.text().splitlines()
        assert "WARNING ingest: unknown setting FUNDING_STAL_AFTER: nothing reads it" in lines[0]
        assert lines[-1].endswith("INFO    ingest: stopped")
        assert all(LINE.fullmatch(line) for line in lines)


def test_second_ingest_is_refused_and_the_first_goes_on(exchange: StandIn, tmp_path: Path) -> None:
    with running_ingest(tmp_path, exchange.ws_url) as ingest:
        until(ingest.served, "quotes")
        database = tmp_path / "var" / "funding.db"
        for arguments in ([], ["--prepare"]):
            result = finished(
                [*INGEST, *arguments], FUNDING_DB=database, FUNDING_WS_URL=exchange.ws_url
            )
            assert "another ingest is writing to it" in one_line(result, 1)
        ingest.newer()
        assert ingest.feed().pid == ingest.process.pid


def test_next_ingest_continues_after_a_killed_one(exchange: StandIn, tmp_path: Path) -> None:
    with running_ingest(tmp_path, exchange.ws_url) as ingest:
        until(ingest.served, "quotes")
        count, before = ingest.count(), ingest.event_time()
        ingest.process.kill()
        ingest.process.wait(WAIT_SECONDS)
        assert ingest.count() == count
    exchange.fault(refuse=True)
    with running_ingest(tmp_path, exchange.ws_url) as ingest:
        until(lambda: ingest.feed().pid == ingest.process.pid, "the next ingest")
        assert ingest.event_time() >= before
        assert ingest.count() == count
        exchange.fault(refuse=False)
        ingest.newer()


def test_wait_that_the_exchange_states_outlives_a_killed_ingest(
    exchange: StandIn, tmp_path: Path
) -> None:
    exchange.fault(handshake_status={"status": 429, "retry_after": 120})
    with running_ingest(tmp_path, exchange.ws_url) as ingest:
        ingest.says("the exchange limits connection attempts")
        ingest.process.kill()
        ingest.process.wait(WAIT_SECONDS)
    exchange.order("faults", "DELETE")
    attempts = exchange.order("state")["attempts"]
    with running_ingest(tmp_path, exchange.ws_url) as ingest:
        ingest.says("the exchange has asked for a pause: connecting in 1")
        heartbeat = ingest.feed().heartbeat_uptime
        until(lambda: ingest.feed().heartbeat_uptime > heartbeat + 1, "another second")
        assert exchange.order("state")["attempts"] == attempts
        assert "has asked for a pause" in str(ingest.feed().last_error)
        assert ingest.stop() == 0


def test_retired_address_is_named_and_retried(exchange: StandIn, tmp_path: Path) -> None:
    attempts = exchange.order("state")["attempts"]
    with running_ingest(
        tmp_path, exchange.ws_url.replace("/market/stream", "/stream"), FUNDING_STALL_AFTER="1"
    ) as ingest:
        until(lambda: exchange.order("state")["attempts"] >= attempts + 2, "another attempt")
        words = "connected but no mark price within 1 s: is the address still served?"
        assert words in ingest.text()
        until(lambda: "Traceback" in ingest.text() or ingest.feed().reconnects, "the count")
        assert ingest.feed().last_error == words
        assert ingest.count() == 0
        assert ingest.process.poll() is None
        assert ingest.stop() == 0


def test_poison_garbage_and_tickers_spoil_nothing(exchange: StandIn, tmp_path: Path) -> None:
    with running_ingest(tmp_path, exchange.ws_url, FUNDING_STALL_AFTER="2") as ingest:
        until(ingest.served, "quotes")
        count = ingest.count()
        exchange.fault(poison=True, garbage=True, ticker_poison=True)
        until(
            lambda: (
                (feed := ingest.feed()).rejected > 500
                and feed.malformed > 10
                and feed.ignored > 100
            ),
            "the counters",
        )
        for _ in range(3):
            ingest.newer()
            found = ingest.reader.one("BTCUSDT")
            assert found is not None
            assert found.mark_price == price(exchange, "BTCUSDT", found.event_time)
        assert ingest.count() == count
        assert ingest.feed().reconnects == 0
        assert ingest.process.poll() is None
        assert all(LINE.fullmatch(line) for line in ingest.text().splitlines())
        assert len(ingest.text().splitlines()) < 60
        assert ingest.stop() == 0


def test_faulty_connection_is_replaced(exchange: StandIn, tmp_path: Path) -> None:
    settings = {"FUNDING_STALL_AFTER": "0.5", "FUNDING_BACKOFF_MAX": "0.1"}
    faults: list[tuple[dict[str, Any], str]] = [
        ({"abort": True}, "the connection was lost"),
        ({"close": {"code": 1008, "reason": "a\nFORGED"}}, "closed with code 1008: a\\nFORGED"),
        ({"freeze": True}, "no newer mark price for 0.5 s"),
        ({"oversize": True}, "a message of more than 8388608 bytes"),
    ]
    with running_ingest(tmp_path, exchange.ws_url, **settings) as ingest:
        until(ingest.served, "quotes")
        for fault, words in faults:
            exchange.fault(**fault)
            ingest.says(words)
            exchange.order("faults", "DELETE")
            ingest.newer()
        until(lambda: ingest.feed().reconnects >= 4, "the count")
        assert all(LINE.fullmatch(line) for line in ingest.text().splitlines())
        assert ingest.stop() == 0


def test_sigterm_stops_it_while_the_exchange_does_not_answer(
    exchange: StandIn, tmp_path: Path
) -> None:
    exchange.fault(handshake_hang=True)
    with running_ingest(tmp_path, exchange.ws_url) as ingest:
        ingest.says("connecting to")
        assert ingest.stop() == 0
        assert ingest.feed().connected == 0


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("FUNDING_STALL_AFTER", "soon", "seconds, 0.5 to 600"),
        ("FUNDING_ROTATE_AFTER", "4", "more than FUNDING_STALL_AFTER"),
    ],
)
def test_bad_setting_is_one_line_and_exit_2(
    name: str, value: str, expected: str, tmp_path: Path
) -> None:
    database = tmp_path / "var" / "funding.db"
    settings: dict[str, Any] = {"FUNDING_DB": str(database), name: value}
    line = one_line(finished(INGEST, **settings), 2)
    assert line.startswith(f"ingest: {name}='{value}': expected {expected}")
    assert not database.exists()


FILES = {
    "a letter": (b"Dear aunt,\n" * 1_000, "not readable as a database"),
    "another database": ("CREATE TABLE t (a)", "is a database, but not one of this service"),
    "a newer version": (
        f"PRAGMA application_id = {damage.APPLICATION_ID}; CREATE TABLE quote (a);"
        f" PRAGMA user_version = {upgrades.VERSION + 1}",
        f"has schema version {upgrades.VERSION + 1}",
    ),
}


@pytest.mark.parametrize(("made_of", "words"), FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("argument", [[], ["--prepare"]], ids=["run", "prepare"])
def test_unusable_database_is_one_line_and_exit_1(
    argument: list[str], made_of: bytes | str, words: str, tmp_path: Path
) -> None:
    database = tmp_path / "funding.db"
    if isinstance(made_of, str):
        other = apsw.Connection(str(database))
        other.execute(made_of)
        other.close()
    else:
        database.write_bytes(made_of)
    before = database.read_bytes()
    line = one_line(finished([*INGEST, *argument], FUNDING_DB=database), 1)
    assert LINE.fullmatch(line)
    assert f" ERROR   ingest: {database}: " in line
    assert words in line
    assert database.read_bytes() == before


def test_file_that_may_not_grow_is_one_line_and_exit_1(exchange: StandIn, tmp_path: Path) -> None:
    database = tmp_path / "funding.db"
    command = ["bash", "-c", 'ulimit -f 8; exec "$@"', "bash", *INGEST]
    result = finished(command, FUNDING_DB=database, FUNDING_WS_URL=exchange.ws_url)
    line = one_line(result, 1)
    assert f" ERROR   ingest: {database}: " in line


def test_prepare_makes_the_database_and_sets_aside_one_of_a_stand_in(tmp_path: Path) -> None:
    database = tmp_path / "var" / "funding.db"
    for host in ("127.0.0.1", "two.example"):
        settings: dict[str, Any] = {
            "FUNDING_DB": str(database),
            "FUNDING_WS_URL": f"ws://{host}/market/ws",
        }
        result = finished([*INGEST, "--prepare"], **settings)
        assert (result.returncode, result.stderr) == (0, "")
        assert database.exists()
        assert not os.path.exists(f"{database}-wal")
    assert f"it is now {database.with_name('funding-127.0.0.1.db')}" in result.stdout
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute(
            "INSERT INTO funding_rate (exchange, symbol, funding_time, rate_type, rate, source)"
            " VALUES ('binance', 'BTCUSDT', 1, '', 1e-4, 'rest')"
        )
    settings["FUNDING_WS_URL"] = "ws://one.example/market/ws"
    line = one_line(finished(INGEST, **settings), 1)
    assert "holds quotes of two.example; those of one.example need another file" in line
