"""Two takers with a store each and one NATS server: whoever goes away, the other one publishes."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from funding.nats import messages, subjects
from funding.nats.connection import Connection
from funding.nats.messages import PublishedQuote
from funding.nats.places import Entry
from funding.runtime.clock import SYSTEM
from funding.store.writer import Writer
from harness.processes import Process, running, until
from tests.conftest import ROOT
from tests.support.clock import feed_at
from tests.support.nats_server import NatsServer, connected, serving
from tests.support.store import quote, received

SYMBOLS = [f"S{number}USDT" for number in range(10)]
FRAME_SECONDS = 0.25


class Taker:
    """A store with its publish program; `fed` is whether its exchange sends."""

    def __init__(self, name: str, path: Path, stack: ExitStack, url: str) -> None:
        self.name = name
        self.fed = True
        self.log = path.with_suffix(".log")
        self._feed = feed_at(SYSTEM)
        self._writer = Writer(path, self._feed)
        stack.callback(self._writer.close)
        settings = {"FUNDING_DB": path, "FUNDING_NATS_URL": url, "FUNDING_TAKER": name}
        command = [sys.executable, str(ROOT / "publish.py")]
        self.process: Process = stack.enter_context(
            running(command, self.log, cwd=path.parent, settings=settings)
        )

    def write(self, event_time: int) -> None:
        """A frame of all symbols."""
        if self.fed:
            wall, uptime = SYSTEM.wall(), SYSTEM.uptime()
            self._feed.heartbeat_at, self._feed.heartbeat_uptime = wall, uptime
            quotes = (quote(symbol, event_time=event_time) for symbol in SYMBOLS)
            self._writer.write(self._feed, received(*quotes, wall=wall, uptime=uptime))


class Reader:
    """What a third machine sees: who sent the newest quotes, and each value of the bucket."""

    def __init__(self, connection: Connection) -> None:
        self.newest: PublishedQuote | None = None
        self.bucket: list[tuple[str, int]] = []
        connection.subscribe(subjects.QUOTES, self._on_quote)
        connection.watch(subjects.QUOTES_BUCKET, self._on_entry)

    def _on_quote(self, subject: str, body: bytes) -> None:
        found = messages.decode_quote(body, subject.removeprefix("funding."))
        if self.newest is None or found.event_time > self.newest.event_time:
            self.newest = found

    def _on_entry(self, entry: Entry | None) -> None:
        if entry is not None and entry.value is not None:
            found = messages.decode_quote(entry.value, entry.key)
            self.bucket.append((entry.key, found.event_time))

    def sees(self, taker: Taker) -> None:
        """Wait until the newest quote is one of `taker`."""
        until(
            lambda: self.newest is not None and self.newest.taker == taker.name,
            f"quotes of {taker.name}",
        )


@contextmanager
def feeding(takers: list[Taker]) -> Iterator[None]:
    """Frames for all that are fed, from one exchange, while the block runs."""
    stopping = threading.Event()

    def feed() -> None:
        while not stopping.wait(FRAME_SECONDS):
            event_time = int(SYSTEM.wall() * 1000)
            for taker in takers:
                taker.write(event_time)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with serving(tmp_path) as made:
        yield made


def test_one_goes_on_where_the_other_ends(server: NatsServer, tmp_path: Path) -> None:
    with ExitStack() as stack, connected(server) as connection:
        takers = [
            Taker(name, tmp_path / f"{name}.db", stack, server.url) for name in ("one", "two")
        ]
        stack.enter_context(feeding(takers))
        reader = Reader(connection)
        until(lambda: reader.newest, "the first quotes")
        first, second = takers if _newest(reader) == "one" else takers[::-1]

        first.fed = False
        reader.sees(second)
        first.fed = True

        second.process.send_signal(signal.SIGSTOP)
        reader.sees(first)
        second.process.send_signal(signal.SIGCONT)
        until(lambda: "no more" in second.log.read_text("utf-8"), "the frozen one follows")

        first.process.kill()
        reader.sees(second)
        until(lambda: _written_late(reader), "the bucket has its quotes")
    for key in {key for key, _ in reader.bucket}:
        times = [time for name, time in reader.bucket if name == key]
        assert times == sorted(times), "a value never goes back in time"


def _newest(reader: Reader) -> str:
    assert reader.newest is not None
    return reader.newest.taker


def _written_late(reader: Reader) -> bool:
    newest = reader.newest
    return newest is not None and any(time == newest.event_time for _, time in reader.bucket[-20:])
