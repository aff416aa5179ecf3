"""The service's own database with damaged bytes: opening it raises documented errors alone."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from funding import errors
from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.model.alert import Alert
from funding.model.ban import Ban, BanKind
from funding.model.event import Event, EventKind
from funding.model.open_interest import Sample
from funding.model.quote import Quote
from funding.store.comparisons import Comparisons
from funding.store.damage import lock_path, marker_path
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.file_identity import identify
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore
from funding.store.reader import Reader
from funding.store.recovery import is_damaged
from funding.store.rest_usage import RestUsage
from funding.store.salvage import copy_readable
from funding.store.writer import Writer
from harness.fuzz.damaged_input import BYTES
from tests.support.clock import ManualClock, feed_at, write

AT = ManualClock().wall
NAMES = ("BTCUSDT", "ETHUSDT", "币安人生USDT")
WORDS = (
    *(name.encode() for name in NAMES),
    b"binance",
    b"watchdog",
    b"match",
    b"SPIKE",
    b"backend",
)
_at_words = st.tuples(st.sampled_from((*WORDS, b"CREATE", b"NOT NULL")), st.integers(0, 50))
_anywhere = st.tuples(st.just(b""), st.integers(0, 2**20))
damages = st.lists(
    st.tuples(
        st.one_of(_at_words, _anywhere),
        st.one_of(st.sampled_from((b"\xff", b"\x95", *BYTES)), st.binary(min_size=1, max_size=8)),
    ),
    min_size=1,
    max_size=3,
)
Case = list[tuple[tuple[bytes, int], bytes]]


@contextmanager
def world() -> Iterator[Callable[[Case], None]]:
    """A database with a little of everything."""
    hand = ManualClock()
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.db"
        _fill(whole, hand)
        template, number = whole.read_bytes(), 0

        def check(case: Case) -> None:
            nonlocal number
            number += 1
            place = Path(folder) / str(number)
            place.mkdir()
            path = place / "funding.db"
            path.write_bytes(_damaged(template, case))
            lock_path(path).write_text(str(identify(path)))
            _documented(lambda: _read(path, hand))
            _documented(lambda: _use(path, hand))
            if marker_path(path).exists():
                assert is_damaged(path), "ingest would start again for ever"
            _documented(lambda: _ingest(path, hand))
            new = path.with_name("new.db")
            write(new, hand.clock())
            copy_readable(path, new)
            shutil.rmtree(place)

        yield check


def _documented(call: Callable[[], object]) -> None:
    try:
        call()
    except errors.StoreError as error:
        _check_error(error)


def _check_error(error: errors.StoreError) -> None:
    str(error).encode()
    assert len(str(error)) < 2_000


def _damaged(data: bytes, case: Case) -> bytes:
    found = bytearray(data)
    for (word, place), new in case:
        start = place
        if word:
            start = -1
            for _ in range(place % max(1, data.count(word)) + 1):
                start = data.find(word, start + 1)
        start %= len(found)
        found[start : start + len(new)] = new[: len(found) - start]
    return bytes(found)


def _fill(path: Path, hand: ManualClock) -> None:
    event = int(AT * 1000)
    write(path, hand.clock(), [Quote(name, 1.5, 1.5, 1e-4, None, event) for name in NAMES])
    alert = Alert("key", "volume_alert", "BTCUSDT", "SPIKE", AT, "text", "/", {"a": 1})
    values: tuple[Any, ...] = (Field.MARK_PRICE, 1.0, 1.0, 0.0, 0, Outcome.MATCH, None, None)
    with closing(DurableConnection(path)) as store:
        for name in NAMES:
            row = Comparison(AT, "watchdog", "binance", name, *values)
            Comparisons(store).add([row] * 30)
            Events(store).add([Event(AT, "watchdog", EventKind.RESTART, name)])
        outbox, usage = OutboxStore(store), RestUsage(store)
        outbox.complete("volume_alert", 300, AT, [alert], ("backend", "telegram"))
        OpenInterestStore(store).add([Sample(AT, n, 1.0, 1.0) for n in NAMES])
        OpenInterestStore(store).set_universe(NAMES, "own", AT)
        usage.spend("watchdog", "premiumIndex", 1, int(AT // 60), 100)
        usage.set_ban("http://test.invalid", Ban(AT + 60, BanKind.BANNED, 1, "status 429"))


def _read(path: Path, hand: ManualClock) -> None:
    with closing(Reader(path, "binance", hand.clock())) as reader:
        calls: list[Callable[[], object]] = [
            lambda: reader.one("BTCUSDT"),
            reader.all,
            reader.feed,
        ]
        _all_of(calls)


def _use(path: Path, hand: ManualClock) -> None:
    with closing(DurableConnection(path)) as store:
        usage, outbox, poller = RestUsage(store), OutboxStore(store), OpenInterestStore(store)
        calls: list[Callable[[], object]] = [
            lambda: Events(store).recall("watchdog", EventKind.RESTART, 0.0),
            lambda: usage.ban("http://test.invalid"),
            lambda: usage.spend("watchdog", "premiumIndex", 1, int(AT // 60), 100),
            Comparisons(store).last_validation,
            lambda: outbox.made("volume_alert", 0.0),
            lambda: outbox.take("volume_alert", "backend", AT + 1, AT + 9),
            lambda: outbox.waiting("volume_alert", "backend"),
            lambda: poller.samples(0.0),
            poller.edges,
            poller.universe,
            lambda: Events(store).add([Event(AT, "watchdog", EventKind.RESTART, "x")]),
            store.check,
        ]
        _all_of(calls)


def _ingest(path: Path, hand: ManualClock) -> None:
    feed = feed_at(hand.clock())
    with closing(Writer(path, feed)) as writer:
        quote = Quote("BTCUSDT", 2.5, 2.5, 1e-4, None, int(AT * 1000) + 1)
        calls: list[Callable[[], object]] = [
            lambda: writer.symbols("binance"),
            lambda: writer.write(
                feed, [(quote, AT, 9.0)], [Event(AT, "ingest", EventKind.STALL, "y")], 2**50
            ),
            lambda: writer.retire("binance", AT + 1e9, 1e9),
            lambda: writer.prune_events(AT + 1e9),
            writer.checkpoint,
        ]
        _all_of(calls)


def _all_of(calls: list[Callable[[], object]]) -> None:
    for call in calls:
        _documented(call)
