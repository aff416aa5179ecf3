"""Turns of ingest on a real file with real threads, scripted connections and a clock by hand."""

import io
import json
import logging
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding.errors import ConnectFailed, ConnectionLost, StoreFull
from funding.exchanges.binance import stream as binance
from funding.exchanges.frame import Frame
from funding.ingest import loop as room
from funding.ingest.connection_events import ConnectionEvent
from funding.ingest.connection_policy import ConnectionPolicy
from funding.ingest.inbox import Inbox
from funding.ingest.loop import IngestLoop
from funding.ingest.receiver import Receiver
from funding.model.event import Event, EventKind
from funding.model.feed import Feed
from funding.runtime import logs
from funding.runtime.clock import Clock
from funding.store.reader import Reader
from funding.store.writer import Writer
from tests.support.fake_exchange import ScriptedConnection
from tests.support.processes import PATIENCE_SECONDS, until

START = 1_764_725_610.0
START_MS = 1_764_725_610_000


def row(symbol: str = "BTCUSDT", price: str = "100.5", **changes: object) -> dict[str, object]:
    """One row of the mark price stream."""
    return {
        "e": "markPriceUpdate",
        "E": START_MS,
        "s": symbol,
        "p": price,
        "i": "100.25",
        "r": "0.00010000",
        "T": START_MS + 3_600_000,
        "st": 1,
    } | changes


def message(*rows: object) -> bytes:
    """One message of the stream."""
    data = {"stream": "!markPrice@arr@1s", "data": rows}
    return json.dumps(data, ensure_ascii=False).encode()


@dataclass
class Hand:
    """A clock set by hand."""

    wall: float = START
    uptime: float = 1_000.0

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.wall, uptime=lambda: self.uptime, boot="this boot")

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.uptime += seconds


@dataclass
class Bench:
    """An ingestion whose world is in the test's hands."""

    path: Path
    connections_wanted: int = 1
    rotate_after: float = 82_800.0
    decode: Callable[[bytes, float], Frame] = binance.decode
    hand: Hand = field(default_factory=Hand)
    opened: list[ScriptedConnection] = field(default_factory=list)
    links: list[Receiver] = field(default_factory=list)
    refusals: deque[Exception] = field(default_factory=deque)

    def __post_init__(self) -> None:
        clock = self.hand.clock()
        self.feed = Feed("binance", "fstream.example", 17, "this boot", clock.wall(), 1_000.0)
        self.writer = Writer(self.path, self.feed)
        self.handoff = Inbox(self.writer.symbols("binance"))
        self.reader = Reader(self.path, "binance", clock)
        plan = ConnectionPolicy(
            connections=self.connections_wanted,
            stall_after=5.0,
            rotate_after=self.rotate_after,
            backoff_max=5.0,
            uniform=lambda low, _high: low,
            now=clock.uptime(),
        )
        self.ingestion = IngestLoop(
            self.feed,
            writer=self.writer,
            plan=plan,
            handoff=self.handoff,
            open_link=self.open_link,
            clock=clock,
        )

    def open_link(self, number: int) -> Receiver:
        connection = ScriptedConnection(self.refusals.popleft() if self.refusals else None)
        link = Receiver(
            number,
            connection=connection,
            decode=self.decode,
            handoff=self.handoff,
            clock=self.hand.clock(),
        )
        self.opened.append(connection)
        self.links.append(link)
        link.start()
        return link

    def turn(self) -> bool:
        return self.ingestion.turn(0.0)

    def turn_until(self, done: Callable[[], object], what: str) -> None:
        def one() -> bool:
            self.ingestion.turn(0.01)
            return bool(done())

        until(one, what)

    def connect(self) -> ScriptedConnection:
        """Turn until the newest connection is known to be open."""
        self.turn_until(lambda: self.feed.connected, "a connection")
        return self.opened[-1]

    def deliver(self, *steps: bytes, by: int = -1) -> None:
        """Have a connection receive these, one turn after all of them."""
        connection = self.opened[by]
        connection.say(*steps)
        connection.wait_until_taken()
        self.turn()

    def prices(self) -> dict[str, float]:
        return {one.symbol: one.mark_price for one in self.reader.all()}

    def stored(self) -> Feed:
        feed = self.reader.feed()
        assert feed is not None
        return feed

    def events(self) -> list[tuple[str, str]]:
        with closing(apsw.Connection(str(self.path))) as other:
            rows: list[Any] = other.execute("SELECT kind, detail FROM event ORDER BY id").fetchall()
        return rows

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events()]


@pytest.fixture
def benches(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes benches on one file, and ends their threads."""
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(tmp_path / "funding.db", **options))
        return made[-1]

    yield make
    for bench in made:
        for link in bench.links:
            link.stop()
            link.join(PATIENCE_SECONDS)
        bench.reader.close()
        bench.writer._connection.close()


@pytest.fixture
def bench(benches: Callable[..., Bench]) -> Bench:
    return benches()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log, as a program writes it."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    stream = io.StringIO()
    for handler in handlers:
        root.removeHandler(handler)
    logs.setup("INFO", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(log: io.StringIO, words: str) -> list[str]:
    return [line for line in log.getvalue().splitlines() if words in line]


# What is received is stored and counted


def test_a_frame_is_stored_with_the_moment_of_its_receipt(bench: Bench) -> None:
    bench.connect()
    bench.hand.advance(0.25)
    bench.deliver(message(row(), row("币安人生USDT", "0.5")))
    bench.hand.advance(2.0)
    assert bench.prices() == {"BTCUSDT": 100.5, "币安人生USDT": 0.5}
    found = bench.reader.one("BTCUSDT")
    assert found is not None
    assert (found.updated_at, found.age_seconds) == (START + 0.25, 2.0)
    feed = bench.stored()
    assert (feed.frames, feed.accepted, feed.connected, feed.connections) == (1, 2, 1, 1)
    assert (feed.connected_since, feed.last_connected_at) == (START, START)
    assert (feed.last_frame_at, feed.last_frame_uptime) == (START + 0.25, 1_000.25)
    assert feed.last_event_time == START_MS
    assert (feed.reconnects, feed.last_error, feed.reasons) == (0, None, "{}")


def test_every_message_and_row_is_counted_once(bench: Bench, log: io.StringIO) -> None:
    bench.connect()
    rows = [
        row(price="200.5", E=START_MS + 1),
        row("ETHUSDT", "NaN"),
        row("BNBUSDT", "-1"),
        row("XRPUSDT", p=None),
        row("BTCUSD_PERP", st=2),
        row("BTCUSDT", "4463.40", e="24hrTicker"),
        row("ADAUSDT", T=0),
    ]
    bench.deliver(message(row(), row("ADAUSDT")))
    bench.deliver(message(*rows), b"{", b'{"result":null,"id":1}')
    bench.deliver(message(row()))
    assert bench.prices() == {"BTCUSDT": 200.5, "ADAUSDT": 100.5}
    bench.hand.advance(1.0)
    bench.turn()
    feed = bench.stored()
    assert (feed.frames, feed.malformed) == (5, 1)
    assert (feed.accepted, feed.repeated) == (3, 2)
    assert (feed.rejected, feed.ignored) == (3, 3)
    reasons = json.loads(feed.reasons)
    assert reasons["rejected"] == {"mark price": 2, "form": 1}
    assert reasons["ignored"] == {"coin-margined": 1, "event 24hrTicker": 1, "acknowledgement": 1}
    assert len(lines(log, "refused 1: malformed; such as malformed: not a message")) == 1
    assert len(lines(log, "refused 1: form; such as form: ")) == 1
    (line,) = lines(log, "refused 2: mark price; such as mark price: ")
    assert "p=" in line, "every reason has its example"


def test_a_turn_with_quotes_alone_says_that_the_next_may_wait_longer(bench: Bench) -> None:
    connection = bench.connect()
    assert not bench.turn()
    for step, flowing in ((message(row()), True), (message(), False), (b"{", False)):
        connection.say(step)
        connection.wait_until_taken()
        assert bench.turn() is flowing
    bench.handoff.note(ConnectionEvent(1, "notice", bench.hand.uptime, "the exchange says"))
    connection.say(message(row(E=START_MS + 1)))
    connection.wait_until_taken()
    assert not bench.turn(), "what else came may need an order soon"


def test_of_two_connections_the_first_row_of_an_event_time_counts(
    benches: Callable[..., Bench],
) -> None:
    bench = benches(connections_wanted=2)
    bench.turn_until(lambda: bench.feed.connections == 2, "both connections")
    bench.deliver(message(row(price="1.0")), by=0)
    bench.deliver(message(row(price="2.0"), row("ETHUSDT", "3.0")), by=1)
    assert bench.prices() == {"BTCUSDT": 1.0, "ETHUSDT": 3.0}
    bench.deliver(message(row(price="4.0", E=START_MS + 1)), by=1)
    assert bench.prices()["BTCUSDT"] == 4.0
    assert (bench.feed.accepted, bench.feed.repeated) == (3, 1)
    bench.opened[0].say(ConnectionLost("lost", "reset"))
    bench.turn_until(lambda: bench.stored().connections == 1, "the loss of one")
    assert bench.stored().connected == 1


def test_a_slow_writer_keeps_the_latest_of_each_symbol_alone(bench: Bench) -> None:
    bench.connect()
    symbols = [f"S{i}USDT" for i in range(20)]
    for n in range(100):
        rows = (row(symbol, f"{n}.5", E=START_MS + n) for symbol in symbols)
        bench.opened[0].say(message(*rows))
    bench.opened[0].wait_until_taken()
    assert len(bench.handoff._batch.quotes) == 20
    bench.turn()
    assert bench.prices() == dict.fromkeys(symbols, 99.5)
    feed = bench.stored()
    assert (feed.frames, feed.accepted, feed.repeated) == (100, 20, 0)


# What is wrong with messages is told, at a bounded rate; what is wrong with us ends the process


def test_refusals_are_logged_once_a_minute_with_count_and_sample(
    bench: Bench, log: io.StringIO
) -> None:
    bench.connect()
    evil = "X\n2026-01-01T00:00:00.000Z CRITICAL ingest: forged\x1b[2J\u2028"
    for n in range(50):
        bad = row(evil, E=START_MS + n)
        bench.deliver(message(bad, bad, row(E=START_MS + n)))
    first = lines(log, "refused")
    assert len(first) == 1
    assert "refused 2: symbol; such as symbol: X\\n2026-01-01T00:00:00.000Z CRITICAL" in first[0]
    for step in range(14):
        bench.hand.advance(4.5)
        bench.deliver(message(row(E=START_MS + 4_500 * step + 4_500)))
    second = lines(log, "refused")
    assert len(second) == 2
    assert "refused 98: symbol; such as symbol: X" in second[1]
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO   |WARNING) ingest: .+")
    assert all(form.fullmatch(line) and line.isprintable() for line in log.getvalue().splitlines())
    assert all(len(line) < 500 for line in log.getvalue().splitlines())


def test_a_stream_of_new_reasons_fills_neither_log_nor_row(bench: Bench, log: io.StringIO) -> None:
    bench.connect()
    for n in range(300):
        bench.deliver(message(row(e=f"event{n}")) + b" ")
    bench.hand.advance(1.0)
    bench.turn()
    feed = bench.stored()
    reasons = json.loads(feed.reasons)["ignored"]
    assert feed.ignored == sum(reasons.values()) == 300
    assert len(reasons) < 60
    assert len(lines(log, "event")) == 0


def test_what_the_exchange_says_is_told_seldom_and_kept(bench: Bench, log: io.StringIO) -> None:
    bench.connect()
    for _ in range(5):
        bench.deliver(b'{"error":{"code":2,"msg":"no such\\nstream"},"id":1}')
    bench.deliver(message(row()))
    assert bench.kinds().count("notice") == 1
    assert "no such" in dict(bench.events())["notice"]
    assert len(lines(log, "the exchange says:")) >= 1


@pytest.mark.parametrize("defect", [KeyError("x"), RecursionError(), AssertionError("never")])
def test_a_defect_in_the_decoder_ends_the_turn_loudly(
    defect: Exception, benches: Callable[..., Bench]
) -> None:
    def broken(_payload: bytes, _now: float) -> Frame:
        raise defect

    bench = benches(decode=broken)
    bench.connect().say(b"anything")
    with pytest.raises(type(defect)) as caught:
        bench.turn_until(lambda: False, "the defect")
    assert caught.value is defect


def test_a_full_disk_ends_the_turn_and_loses_nothing(bench: Bench) -> None:
    bench.connect()
    bench.deliver(message(row()))
    held = bench.writer._connection
    held.pragma("max_page_count", int(str(held.pragma("page_count"))) + 1)
    bench.opened[0].say(message(*(row(f"S{i}USDT", E=START_MS + 1) for i in range(2_000))))
    with pytest.raises(StoreFull):
        bench.turn_until(lambda: False, "the full disk")
    assert bench.prices() == {"BTCUSDT": 100.5}
    assert bench.stored().frames == 1


def test_connections_that_do_not_end_are_not_piled_up(bench: Bench) -> None:
    stuck = threading.Event()

    class Stuck(Receiver):
        def stop(self) -> None:
            pass

        def run(self) -> None:
            stuck.wait(PATIENCE_SECONDS)

    def open_link(number: int) -> Receiver:
        link = Stuck(
            number,
            connection=ScriptedConnection(),
            decode=binance.decode,
            handoff=bench.handoff,
            clock=bench.hand.clock(),
        )
        link.start()
        bench.links.append(link)
        return link

    def many_turns() -> None:
        for _ in range(1_000):
            bench.turn()
            bench.hand.advance(5.0)

    bench.ingestion._open_link = open_link
    try:
        with pytest.raises(RuntimeError, match="were told to end and do not"):
            many_turns()
        assert len(bench.links) <= room.MAX_THREADS + 2
    finally:
        stuck.set()


# Connections come, go, fall silent and are replaced


def test_a_connect_and_a_disconnect_are_events_and_show_in_the_row(
    bench: Bench, log: io.StringIO
) -> None:
    bench.connect()
    bench.deliver(message(row()))
    bench.hand.advance(1.0)
    bench.opened[0].say(ConnectionLost("closed", "closed with code 1001: bye\nFORGED"))
    bench.turn_until(lambda: not bench.feed.connected, "the disconnect")
    feed = bench.stored()
    assert (feed.connected, feed.connections, feed.connected_since) == (0, 0, None)
    assert feed.last_error is not None
    assert "closed with code 1001" in feed.last_error
    assert feed.last_error_at == START + 1.0
    assert bench.kinds() == ["start", "connect", "disconnect"]
    assert "the exchange closed the connection" in dict(bench.events())["disconnect"]
    assert len(lines(log, "FORGED")) == 1
    bench.hand.advance(1.0)
    bench.connect()
    assert len(bench.opened) == 2
    feed = bench.stored()
    assert (feed.reconnects, feed.connected_since) == (1, START + 2.0)
    assert bench.kinds()[-1] == "connect"


def test_a_connection_that_never_delivers_says_so_and_is_replaced(
    bench: Bench, log: io.StringIO
) -> None:
    bench.connect()
    bench.hand.advance(5.0)
    bench.turn()
    assert bench.feed.connected
    bench.hand.advance(0.1)
    bench.turn()
    words = "connected but no mark price within 5 s: is the address still served?"
    assert bench.events()[-1] == ("stall", f"connection 1: {words}")
    assert len(lines(log, f"WARNING ingest: connection 1: {words}")) == 1
    assert bench.stored().last_error == words
    assert not bench.stored().connected
    assert bench.opened[0].aborted.wait(PATIENCE_SECONDS)
    bench.hand.advance(1.0)
    bench.connect()
    assert len(bench.opened) == 2


def test_acknowledgements_bad_rows_and_repetitions_are_no_life(bench: Bench) -> None:
    bench.connect()
    bench.deliver(message(row()))
    for _ in range(5):
        bench.hand.advance(1.1)
        bench.deliver(b'{"result":null}', message(row("X Y")), message(row()), b"rubbish")
    assert "no newer mark price" in dict(bench.events())["stall"]


def test_newer_quotes_keep_a_connection(bench: Bench) -> None:
    bench.connect()
    for n in range(20):
        bench.hand.advance(4.0)
        bench.deliver(message(row(E=START_MS + 4_000 * n)))
    assert bench.kinds() == ["start", "connect"]
    assert len(bench.opened) == 1


def test_a_rotation_has_no_gap(benches: Callable[..., Bench]) -> None:
    bench = benches(rotate_after=60.0)
    bench.connect()
    for n in range(16):
        bench.hand.advance(4.0)
        bench.deliver(message(row(E=START_MS + 4_000 * n)), by=0)
    bench.turn_until(lambda: bench.feed.connections == 2, "the successor")
    assert not bench.opened[0].aborted.is_set()
    bench.deliver(message(row(E=START_MS + 100_000)), by=1)
    bench.turn()
    assert bench.opened[0].aborted.is_set()
    assert not bench.opened[1].aborted.is_set()
    assert bench.kinds() == ["start", "connect", "connect", "rotation"]
    feed = bench.stored()
    assert (feed.connected, feed.connections, feed.last_error) == (1, 1, None)


def test_an_announced_shutdown_is_answered_by_a_successor(bench: Bench) -> None:
    bench.connect()
    bench.deliver(message(row()))
    bench.hand.advance(1.0)
    bench.deliver(b'{"event":{"e":"serverShutdown","E":1764725610000}}')
    bench.turn_until(lambda: bench.feed.connections == 2, "the successor")
    assert "ending" in bench.kinds()


def test_failing_attempts_are_retried_and_do_not_fill_the_audit_trail(bench: Bench) -> None:
    bench.refusals.extend(ConnectFailed("refused", f"attempt {n}") for n in range(8))
    while bench.refusals:
        bench.turn()
        bench.hand.advance(0.5)
    bench.turn_until(lambda: bench.feed.reconnects == 7, "the last refusal")
    assert bench.kinds().count("connect-failed") == 1
    feed = bench.stored()
    assert feed.connected == 0
    assert feed.last_error is not None
    assert "nothing listens at the address (attempt " in feed.last_error
    assert bench.hand.uptime < 1_040.0


def test_a_refusal_with_retry_after_is_waited_for(bench: Bench) -> None:
    bench.refusals.append(ConnectFailed("rate-limited", "status 429", 40.0))
    bench.turn_until(lambda: bench.feed.last_error, "the refusal")
    bench.hand.advance(39.9)
    bench.turn()
    assert len(bench.opened) == 1
    bench.hand.advance(0.2)
    bench.turn()
    assert len(bench.opened) == 2


def test_what_a_replaced_connection_still_says_is_not_heard(bench: Bench) -> None:
    bench.connect()
    bench.hand.advance(5.1)
    bench.turn()
    bench.links[0].join(PATIENCE_SECONDS)
    bench.turn()
    assert bench.kinds() == ["start", "connect", "stall"]


# The house is kept


def test_the_heartbeat_goes_on_without_frames(bench: Bench) -> None:
    bench.connect()
    written = bench.stored().heartbeat_uptime
    for _ in range(4):
        bench.hand.advance(0.5)
        bench.turn()
        assert bench.stored().heartbeat_uptime == written
        bench.hand.advance(0.5)
        bench.turn()
        feed = bench.stored()
        written += 1.0
        assert (feed.heartbeat_uptime, feed.heartbeat_at) == (written, START + written - 1_000.0)


def test_the_wal_is_moved_every_ten_seconds(bench: Bench) -> None:
    bench.connect()
    before = bench.path.stat().st_size
    bench.hand.advance(9.9)
    bench.turn()
    assert bench.path.stat().st_size == before
    bench.hand.advance(0.1)
    bench.turn()
    assert bench.path.stat().st_size > before


def test_a_reader_that_holds_up_the_wal_is_told_of(
    bench: Bench, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LARGE_WAL_BYTES", 100_000)
    bench.connect()
    with closing(apsw.Connection(str(bench.path))) as held:
        next(held.execute("SELECT * FROM event UNION ALL SELECT * FROM event"))
        for n in range(30):
            bench.hand.advance(2.0)
            rows = (row(f"S{i}USDT", E=START_MS + 2_000 * n) for i in range(200))
            bench.deliver(message(*rows))
        told = lines(log, "does a reader hold an old snapshot?")
        assert len(told) == 1
        assert os.stat(f"{bench.path}-wal").st_size > 100_000


def test_old_events_are_forgotten(bench: Bench) -> None:
    old = Event(START - 15 * 86_400.0, "test", EventKind.NOTICE, "")
    kept = Event(START - 13 * 86_400.0, "test", EventKind.ENDING, "")
    bench.writer.write(bench.feed, events=[old, kept])
    bench.turn()
    assert "notice" not in bench.kinds()
    assert "ending" in bench.kinds()
    bench.writer.write(bench.feed, events=[old])
    bench.hand.advance(3_599.0)
    bench.turn()
    assert "notice" in bench.kinds()
    bench.hand.advance(1.0)
    bench.turn()
    assert "notice" not in bench.kinds()


def test_stop_stores_what_is_in_hand_and_leaves_the_store_tidy(bench: Bench) -> None:
    bench.connect()
    bench.hand.advance(1.0)
    bench.opened[0].say(message(row()))
    bench.opened[0].wait_until_taken()
    bench.ingestion.stop()
    assert bench.opened[0].closed.is_set()
    assert not bench.links[0].is_alive()
    assert not Path(f"{bench.path}-wal").exists() or not os.stat(f"{bench.path}-wal").st_size
    assert bench.prices() == {"BTCUSDT": 100.5}
    feed = bench.stored()
    assert (feed.connected, feed.connections, feed.connected_since) == (0, 0, None)
    assert (feed.frames, feed.accepted, feed.heartbeat_uptime) == (1, 1, 1_001.0)
    assert feed.last_error == "ingest was stopped"
    assert bench.events()[-1] == ("stop", "after 1 frames")
    with closing(Writer(bench.path, bench.feed)):
        pass


def test_the_next_ingest_goes_on_from_what_is_stored(benches: Callable[..., Bench]) -> None:
    first = benches()
    first.connect()
    first.deliver(message(row(price="5.0", E=START_MS + 10)))
    first.ingestion.stop()
    second = benches()
    second.connect()
    second.deliver(message(row("BTCUSDT", "4.0", E=START_MS + 9)))
    assert second.prices() == {"BTCUSDT": 5.0}
    feed = second.stored()
    assert (feed.frames, feed.accepted, feed.repeated) == (1, 0, 1)
    assert second.kinds() == ["start", "connect", "stop", "start", "connect"]


def test_a_last_frame_of_a_connection_that_is_over_is_not_remembered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more may come between the order to end and the end of the thread."""
    bench.turn()
    bench.connect()
    bench.deliver(message(row()))
    monkeypatch.setattr(bench.links[0], "is_alive", lambda: True)
    bench.hand.advance(6.0)
    bench.turn()
    assert bench.feed.last_error == "no newer mark price for 5 s"
    late = binance.decode(message(row(E=START_MS + 1_000)), bench.hand.wall)
    bench.handoff.offer(1, late, bench.hand.wall, bench.hand.uptime)
    bench.turn()
    monkeypatch.undo()
    bench.links[0].join(PATIENCE_SECONDS)
    bench.turn()
    assert not [link for link, _ in bench.handoff._event_times if link == 1]
