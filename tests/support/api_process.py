"""api.py as a process, and what writes to its store."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.runtime.clock import SYSTEM
from funding.store.writer import Writer
from harness.processes import running, until
from tests.conftest import free_port

SYMBOLS = [f"S{number:03}USDT" for number in range(200)]
EVENT_TIME = 1_764_725_610_000


def new_writer(path: Path) -> tuple[Writer, Feed]:
    """The store as ingest opens it, at this moment."""
    wall, uptime = SYSTEM.wall(), SYSTEM.uptime()
    feed = Feed("binance", "test.invalid", 1, SYSTEM.boot, wall, uptime, wall, uptime)
    feed.connected, feed.connections = 1, 1
    return Writer(path, feed), feed


def write_frame(writer: Writer, feed: Feed, number: int, symbols: list[str]) -> None:
    """Frame `number`: every symbol at that price."""
    feed.frames += 1
    wall, uptime = SYSTEM.wall(), SYSTEM.uptime()
    feed.heartbeat_at, feed.heartbeat_uptime = wall, uptime
    price, event_time = float(number), EVENT_TIME + number
    quotes = [Quote(symbol, price, price, 0.0001, EVENT_TIME, event_time) for symbol in symbols]
    feed.good_since = wall - 60
    writer.write(feed, [(quote, wall, uptime) for quote in quotes])


def write_frames(path: str) -> None:
    """A writer process: frames without pause, until it is killed."""
    writer, feed = new_writer(Path(path))
    number = 1
    while True:
        write_frame(writer, feed, number, SYMBOLS)
        number += 1
        time.sleep(0.001)  # ingest pauses as well; SQLite's write lock is not the subject


@contextmanager
def serving(
    database: Path,
    *options: str,
    stdin: int = subprocess.DEVNULL,
    port: int | None = None,
    **more: object,
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """api.py on `database` and its port, once it answers; `more` are settings."""
    port = port or free_port()
    log = database.with_name(f"api-{port}.log")
    settings = {
        "FUNDING_DB": database,
        "FUNDING_API_PORT": port,
        "FUNDING_MIN_SYMBOLS": 100,
        "FUNDING_STALE_AFTER": 86_400,  # what was written once is served as long as tests run
        **more,
    }
    command = [sys.executable, "api.py", *options]
    with running(command, log, stdin=stdin, settings=settings) as process:

        def listens() -> bool:
            assert process.poll() is None, log.read_text()
            return "listening on" in log.read_text()

        until(listens, "the API listens")
        yield process, port
