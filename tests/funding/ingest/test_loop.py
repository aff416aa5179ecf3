"""The ingest loop: what is received is stored and counted; what is wrong is logged or raised."""

import io
import json
import os
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from funding.errors import ConnectionLost
from funding.exchanges.frame import Frame
from funding.ingest.connection_events import ConnectionEvent, ConnectionEventKind
from funding.store.writer import Writer
from tests.support.clock import rows
from tests.support.ingest_world import START, START_MS, IngestWorld, lines, message, row


def test_frame_is_stored_with_the_time_of_its_receipt(world: IngestWorld) -> None:
    world.connect()
    world.time.advance(0.25)
    world.deliver(message(row(), row("币安人生USDT", "0.5")))
    world.time.advance(2.0)
    assert world.prices() == {"BTCUSDT": 100.5, "币安人生USDT": 0.5}
    found = world.reader.one("BTCUSDT")
    assert found is not None
    assert (found.updated_at, found.age_seconds) == (START + 0.25, 2.0)
    feed = world.stored()
    assert (feed.frames, feed.accepted, feed.connected, feed.connections) == (1, 2, 1, 1)
    assert (feed.connected_since, feed.last_connected_at) == (START, START)
    assert (feed.last_frame_at, feed.last_frame_uptime) == (START + 0.25, 1_000.25)
    assert feed.last_event_time == START_MS
    assert (feed.reconnects, feed.last_error, feed.reasons) == (0, None, "{}")


def test_every_message_and_row_is_counted_once(world: IngestWorld, log: io.StringIO) -> None:
    world.connect()
    rows = [
        row(price="200.5", E=START_MS + 1),
        row("ETHUSDT", "NaN"),
        row("BNBUSDT", "-1"),
        row("XRPUSDT", p=None),
        row("BTCUSD_PERP", st=2),
        row("BTCUSDT", "4463.40", e="24hrTicker"),
        row("ADAUSDT", T=0),
    ]
    world.deliver(message(row(), row("ADAUSDT")))
    world.deliver(message(*rows), b"{", b'{"result":null,"id":1}')
    world.deliver(message(row()))
    assert world.prices() == {"BTCUSDT": 200.5, "ADAUSDT": 100.5}
    world.time.advance(1.0)
    world.step()
    feed = world.stored()
    assert (feed.frames, feed.malformed) == (5, 1)
    assert (feed.accepted, feed.repeated) == (3, 2)
    assert (feed.rejected, feed.ignored) == (3, 3)
    reasons = json.loads(feed.reasons)
    assert reasons["rejected"] == {"mark price": 2, "form": 1}
    assert reasons["ignored"] == {"coin-margined": 1, "event 24hrTicker": 1, "acknowledgement": 1}
    assert len(lines(log, "rejected 1: malformed; for example malformed: not a message")) == 1
    assert len(lines(log, "rejected 1: form; for example form: ")) == 1
    (line,) = lines(log, "rejected 2: mark price; for example mark price: ")
    assert "p=" in line, "every reason has its example"


def test_step_with_nothing_but_quotes_lets_the_next_wait_longer(world: IngestWorld) -> None:
    connection = world.connect()
    assert not world.step()
    for step, flowing in ((message(row()), True), (message(), False), (b"{", False)):
        connection.say(step)
        connection.wait_until_taken()
        assert world.step() is flowing
    world.inbox.put(
        ConnectionEvent(1, ConnectionEventKind.NOTICE, world.time.uptime, "the exchange says")
    )
    connection.say(message(row(E=START_MS + 1)))
    connection.wait_until_taken()
    assert not world.step(), "what else came may need an order soon"


def test_first_row_of_an_event_time_counts_of_two_connections(
    worlds: Callable[..., IngestWorld],
) -> None:
    world = worlds(connections_wanted=2)
    world.step_until(lambda: world.feed.connections == 2, "both connections")
    world.deliver(message(row(price="1.0")), by=0)
    world.deliver(message(row(price="2.0"), row("ETHUSDT", "3.0")), by=1)
    assert world.prices() == {"BTCUSDT": 1.0, "ETHUSDT": 3.0}
    world.deliver(message(row(price="4.0", E=START_MS + 1)), by=1)
    assert world.prices()["BTCUSDT"] == 4.0
    assert (world.feed.accepted, world.feed.repeated) == (3, 1)
    world.opened[0].say(ConnectionLost("lost", "reset"))
    world.step_until(lambda: world.stored().connections == 1, "the loss of one")
    assert world.stored().connected == 1


def test_slow_writer_stores_only_the_latest_of_each_symbol(world: IngestWorld) -> None:
    world.connect()
    symbols = [f"S{i}USDT" for i in range(20)]
    for n in range(100):
        rows = (row(symbol, f"{n}.5", E=START_MS + n) for symbol in symbols)
        world.opened[0].say(message(*rows))
    world.opened[0].wait_until_taken()
    assert len(world.inbox._batch.quotes) == 20
    world.step()
    assert world.prices() == dict.fromkeys(symbols, 99.5)
    feed = world.stored()
    assert (feed.frames, feed.accepted, feed.repeated) == (100, 20, 0)


def test_rejections_are_logged_once_a_minute_with_count_and_example(
    world: IngestWorld, log: io.StringIO
) -> None:
    world.connect()
    evil = "X\n2026-01-01T00:00:00.000Z CRITICAL ingest: forged\x1b[2J\u2028"
    for n in range(50):
        bad = row(evil, E=START_MS + n)
        world.deliver(message(bad, bad, row(E=START_MS + n)))
    first = lines(log, "rejected ")
    assert len(first) == 1
    assert (
        "rejected 2: symbol; for example symbol: X\\n2026-01-01T00:00:00.000Z CRITICAL" in first[0]
    )
    for step in range(14):
        world.time.advance(4.5)
        world.deliver(message(row(E=START_MS + 4_500 * step + 4_500)))
    second = lines(log, "rejected ")
    assert len(second) == 2
    assert "rejected 98: symbol; for example symbol: X" in second[1]
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO   |WARNING) ingest: .+")
    assert all(form.fullmatch(line) and line.isprintable() for line in log.getvalue().splitlines())
    assert all(len(line) < 500 for line in log.getvalue().splitlines())


def test_stream_of_new_reasons_fills_neither_log_nor_row(
    world: IngestWorld, log: io.StringIO
) -> None:
    world.connect()
    for n in range(300):
        world.deliver(message(row(e=f"event{n}")) + b" ")
    world.time.advance(1.0)
    world.step()
    feed = world.stored()
    reasons = json.loads(feed.reasons)["ignored"]
    assert feed.ignored == sum(reasons.values()) == 300
    assert len(reasons) < 60
    assert len(lines(log, "event")) == 0


def test_notice_of_the_exchange_is_logged_and_recorded_once_a_minute(
    world: IngestWorld, log: io.StringIO
) -> None:
    world.connect()
    for _ in range(5):
        world.deliver(b'{"error":{"code":2,"msg":"no such\\nstream"},"id":1}')
    world.deliver(message(row()))
    assert world.kinds().count("notice") == 1
    assert "no such" in dict(world.events())["notice"]
    assert len(lines(log, "the exchange says:")) >= 1


@pytest.mark.parametrize("defect", [KeyError("x"), RecursionError(), AssertionError("never")])
def test_defect_in_the_decoder_is_raised(
    defect: Exception, worlds: Callable[..., IngestWorld]
) -> None:
    def broken(_payload: bytes) -> Frame:
        raise defect

    world = worlds(decode=broken)
    world.connect().say(b"anything")
    with pytest.raises(type(defect)) as caught:
        world.step_until(lambda: False, "the defect")
    assert caught.value is defect


def test_heartbeat_goes_on_without_frames(world: IngestWorld) -> None:
    world.connect()
    written = world.stored().heartbeat_uptime
    for _ in range(4):
        world.time.advance(0.5)
        world.step()
        assert world.stored().heartbeat_uptime == written
        world.time.advance(0.5)
        world.step()
        feed = world.stored()
        written += 1.0
        assert (feed.heartbeat_uptime, feed.heartbeat_at) == (written, START + written - 1_000.0)


def test_stop_stores_what_is_in_hand_and_leaves_the_store_tidy(world: IngestWorld) -> None:
    world.connect()
    world.time.advance(1.0)
    world.opened[0].say(message(row()))
    world.opened[0].wait_until_taken()
    world.loop.stop()
    assert world.opened[0].closed.is_set()
    assert not world.receivers[0].is_alive()
    assert not Path(f"{world.path}-wal").exists() or not os.stat(f"{world.path}-wal").st_size
    assert world.prices() == {"BTCUSDT": 100.5}
    feed = world.stored()
    assert (feed.connected, feed.connections, feed.connected_since) == (0, 0, None)
    assert (feed.frames, feed.accepted, feed.heartbeat_uptime) == (1, 1, 1_001.0)
    assert feed.last_error == "ingest was stopped"
    assert world.events()[-1] == ("stop", "after 1 frames")
    with closing(Writer(world.path, world.feed)):
        pass


def test_next_ingest_continues_from_what_is_stored(worlds: Callable[..., IngestWorld]) -> None:
    first = worlds()
    first.connect()
    first.deliver(message(row(price="5.0", E=START_MS + 10)))
    first.loop.stop()
    second = worlds()
    second.connect()
    second.deliver(message(row("BTCUSDT", "4.0", E=START_MS + 9)))
    assert second.prices() == {"BTCUSDT": 5.0}
    feed = second.stored()
    assert (feed.frames, feed.accepted, feed.repeated) == (1, 0, 1)
    assert second.kinds() == ["start", "connect", "stop", "start"]
    assert rows(second.path, "SELECT count FROM event WHERE kind = 'connect'") == [(2,)]
