"""The publish program as a process, over a store that ingest has written and a real server."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import pytest

from funding.nats import messages, subjects
from funding.nats.addresses import parse
from funding.nats.connection import Connection
from funding.nats.messages import PublishedQuote
from funding.nats.places import Bucket
from funding.runtime.clock import SYSTEM
from harness.processes import WAIT_SECONDS, Process, finished, free_port, running, stop, until
from tests.conftest import ROOT
from tests.support.clock import rows, write
from tests.support.nats_server import NatsServer, connected, serving
from tests.support.store import NOW_MS, quote

PUBLISH: list[str | Path] = [sys.executable, ROOT / "publish.py"]


@dataclass
class Taker:
    """A store, and the program that publishes it."""

    folder: Path
    url: str
    number: int = 0
    more: dict[str, object] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "funding.db"

    @property
    def log(self) -> str:
        return (self.folder / "publish.log").read_text("utf-8")

    def write(self, *symbols: str) -> None:
        """A frame of ingest, newer than the one before."""
        self.number += 1
        quotes = (quote(symbol, float(self.number), NOW_MS + self.number) for symbol in symbols)
        write(self.path, SYSTEM, quotes)

    @contextmanager
    def publishing(self) -> Iterator[Process]:
        settings = {"FUNDING_DB": self.path, "FUNDING_NATS_URL": self.url, **self.more}
        log = self.folder / "publish.log"
        with running(PUBLISH, log, cwd=self.folder, settings=settings) as process:
            yield process


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server that can be restarted."""
    with serving(tmp_path) as made:
        yield made


@pytest.fixture
def taker(tmp_path: Path, server: NatsServer) -> Taker:
    """With a quote in the store."""
    made = Taker(tmp_path, server.url, more={"FUNDING_TAKER": "one"})
    made.write("BTCUSDT")
    return made


def listening(connection: Connection) -> SimpleQueue[PublishedQuote]:
    """The quotes that come from now on."""
    found: SimpleQueue[PublishedQuote] = SimpleQueue()
    connection.subscribe(
        subjects.QUOTES,
        lambda subject, body: found.put(
            messages.decode_quote(body, subject.removeprefix("funding."))
        ),
    )
    return found


def kept(connection: Connection) -> dict[str, float]:
    """The mark prices in the bucket, by key."""
    entries = connection.snapshot(Bucket(subjects.QUOTES_BUCKET))
    return {
        entry.key: messages.decode_quote(entry.value, entry.key).mark_price
        for entry in entries
        if entry.value is not None
    }


def test_quotes_come_as_they_are_stored(taker: Taker, server: NatsServer) -> None:
    with connected(server) as connection:
        quotes = listening(connection)
        with taker.publishing() as process:
            first = quotes.get(timeout=WAIT_SECONDS)
            assert (first.symbol, first.mark_price, first.taker) == ("BTCUSDT", 1.0, "one")
            taker.write("BTCUSDT", "ETHUSDT")
            found = [quotes.get(timeout=WAIT_SECONDS) for _ in range(2)]
            assert {(each.symbol, each.mark_price) for each in found} == {
                ("BTCUSDT", 2.0),
                ("ETHUSDT", 2.0),
            }
            expected = {"binance.BTCUSDT": 2.0, "binance.ETHUSDT": 2.0}
            until(lambda: _same(connection, expected), "the bucket")
            looked = "SELECT done_at FROM consumer WHERE name = 'publish'"
            until(lambda: rows(taker.path, looked), "a sign of life")
            assert stop(process, signal.SIGTERM) == 0
    assert "stopped" in taker.log


def _same(connection: Connection, expected: dict[str, float]) -> bool:
    try:
        return kept(connection) == expected
    except Exception:  # noqa: BLE001 (the bucket is not there yet)
        return False


def test_a_server_that_comes_back_gets_everything_again(taker: Taker, server: NatsServer) -> None:
    with taker.publishing() as process:
        with connected(server) as connection:
            until(lambda: _same(connection, {"binance.BTCUSDT": 1.0}), "the bucket")
        server.kill()
        until(lambda: "NATS is away, retrying: nats://127.0.0.1" in taker.log, "the warning")
        taker.write("ETHUSDT")
        server.start()
        with connected(server) as connection:
            quotes = listening(connection)
            expected = {"binance.BTCUSDT": 1.0, "binance.ETHUSDT": 2.0}
            until(lambda: _same(connection, expected), "the bucket")
            taker.write("BTCUSDT")
            while quotes.get(timeout=WAIT_SECONDS).mark_price != 3.0:
                pass
        assert ": recovered" in taker.log
        assert taker.log.count("NATS is away") == 1
        assert stop(process, signal.SIGINT) == 0


def test_a_wrong_password_is_told_and_not_shown(tmp_path: Path) -> None:
    with serving(tmp_path, "--user", "u", "--pass", "right") as server:
        taker = Taker(tmp_path, f"nats://u:wr0ng@127.0.0.1:{server.port}")
        taker.write("BTCUSDT")
        with taker.publishing() as process:
            until(lambda: "Authorization Violation" in taker.log, "the warning")
            assert process.poll() is None
            assert stop(process) == 0
        assert "wr0ng" not in taker.log
        right = Connection(parse(f"nats://u:right@127.0.0.1:{server.port}"), "test")
        assert right.wait_connected(WAIT_SECONDS)
        right.close()


def test_a_store_that_is_not_there_yet_is_waited_for(tmp_path: Path, server: NatsServer) -> None:
    taker = Taker(tmp_path, server.url)
    with taker.publishing() as process, connected(server) as connection:
        until(lambda: "is not there yet" in taker.log, "the warning")
        taker.write("BTCUSDT")
        until(lambda: _same(connection, {"binance.BTCUSDT": 1.0}), "the bucket")
        assert stop(process) == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "publish: FUNDING_NATS_URL is not set: expected addresses of NATS servers"),
        ("nats://u:s3cr3t@127.0.0.1:port", "publish: FUNDING_NATS_URL='(hidden)': expected nats:"),
        ("nats://u:s3cr3t@a,http://b", "publish: FUNDING_NATS_URL='(hidden)': expected nats:"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, url: str, expected: str) -> None:
    done = finished(PUBLISH, cwd=tmp_path, FUNDING_NATS_URL=url)
    assert done.returncode == 2
    assert done.stderr.startswith(expected)
    assert len(done.stderr.splitlines()) == 1
    assert "s3cr3t" not in done.stderr


def test_nobody_at_the_address(tmp_path: Path) -> None:
    taker = Taker(tmp_path, f"nats://127.0.0.1:{free_port()}")
    taker.write("BTCUSDT")
    with taker.publishing() as process:
        until(lambda: "NATS is away, retrying" in taker.log, "the warning")
        assert stop(process) == 0
