"""The feed row: connected by a good frame only, the lag of the stream, and a wrong clock."""

import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from funding.errors import ConnectionLost
from funding.store.durable import DurableConnection
from funding.store.feed_table import set_exchange_offset
from tests.support.clock import ManualClock, rows
from tests.support.ingest_world import START, START_MS, IngestWorld, lines, message, row


def tick(
    world: IngestWorld, *, late: float = 0.0, ahead: float = 0.0, seconds: float = 1.0
) -> None:
    """A second later a frame arrives, `late`; the exchange's clock is `ahead` of the wall."""
    world.time.advance(1.0)
    event_time = round((world.time.uptime - 1_000.0 - late + ahead) * 1_000) + START_MS
    world.deliver(message(row(E=event_time), row("ETHUSDT", E=event_time)))


def lags(world: IngestWorld) -> list[tuple[float | None, int]]:
    return rows(world.path, "SELECT duration_seconds, count FROM event WHERE kind = 'lag'")


def test_connected_means_that_a_good_frame_came(world: IngestWorld) -> None:
    world.connect()
    assert (world.feed.connections, world.feed.connected, world.feed.good_since) == (1, 0, None)
    for second in range(4):
        world.deliver(b'{"result":null}', message(row("X Y", E=START_MS + second)))
        assert (world.feed.connected, world.feed.good_since) == (0, None)
    world.time.advance(2.0)
    world.deliver(message(row()))
    assert (world.stored().connected, world.stored().good_since) == (1, START + 2.0)
    tick(world)
    assert world.stored().good_since == START + 2.0
    world.opened[0].say(ConnectionLost("lost", "reset"))
    world.step_until(lambda: not world.feed.connections, "the loss")
    assert (world.stored().connected, world.stored().good_since) == (0, None)


def test_silence_after_each_handshake_never_shows_connected(world: IngestWorld) -> None:
    world.connect()
    tick(world)
    assert world.feed.connected
    for _ in range(5):
        world.time.advance(5.1)
        world.step()
        assert not world.feed.connected
        for _ in range(25):
            world.time.advance(0.2)
            world.loop.step(0.01)
            assert (world.feed.connected, world.feed.good_since) == (0, None)
    assert len(world.opened) > 4


def test_frozen_exchange_is_not_connected_again(worlds: Callable[..., IngestWorld]) -> None:
    world = worlds()
    world.connect()
    world.deliver(message(row()))
    for _ in range(3):
        world.time.advance(5.1)
        world.step()
        world.time.advance(5.0)
        world.connect()
        world.deliver(message(row()))
        assert not world.feed.connected
    world.loop.stop()
    after = worlds()
    after.time.advance(60.0)
    after.connect()
    after.deliver(message(row()))
    assert not after.feed.connected, "what the last process stored is no news"
    after.deliver(message(row(E=START_MS + 1)))
    assert after.feed.connected


def test_lag_is_part_of_each_age(world: IngestWorld, log: io.StringIO) -> None:
    world.connect()
    for _ in range(5):
        tick(world)
    for second in range(20):
        tick(world, late=0.4 * second)
    feed, found = world.stored(), world.reader.one("BTCUSDT")
    assert found is not None
    assert feed.lag_seconds == pytest.approx(7.0, abs=1.0)
    assert found.age_seconds == pytest.approx(feed.lag_seconds, abs=0.01)
    assert found.updated_at == world.time.wall, "the receipt"
    assert feed.last_frame_uptime == pytest.approx(world.time.uptime, abs=0.01)
    assert lags(world) == [(None, 1)]
    assert len(lines(log, "the stream is 5 s late")) == 1
    for _ in range(3):
        tick(world)
    assert world.stored().lag_seconds < 0.1
    ((duration, count),) = lags(world)
    assert duration == pytest.approx(6.0, abs=2.0)
    assert count == 1
    assert len(lines(log, "the stream is prompt again")) == 1


def test_late_connection_is_replaced(world: IngestWorld, log: io.StringIO) -> None:
    world.connect()
    for _ in range(5):
        tick(world)
    second = 0
    while world.feed.connections:
        second += 1
        assert second < 60
        tick(world, late=0.4 * second)
    found = world.reader.one("BTCUSDT")
    assert found is not None
    assert found.age_seconds == pytest.approx(0.4 * second, abs=1.0), "of its last frame, too"
    world.time.advance(1.0)
    assert 25 <= second <= 40
    words = "the link is slower than the stream"
    assert any(words in detail for kind, detail in world.events() if kind == "lag")
    assert world.feed.last_error is not None
    assert words in world.feed.last_error
    world.connect()
    assert lines(log, "prompt again") == []
    tick(world)
    assert len(lines(log, "the stream is prompt again")) == 1
    assert world.stored().lag_seconds < 0.1


def test_new_process_measures_from_what_the_old_one_has_left(
    worlds: Callable[..., IngestWorld],
) -> None:
    old = worlds()
    old.connect()
    for _ in range(5):
        tick(old)
    old.loop.stop()
    new = worlds(time=ManualClock(START + 20.0, 1_020.0))
    new.connect()
    tick(new, late=8.0)
    assert new.stored().lag_seconds == pytest.approx(8.0, abs=0.1)
    found = new.reader.one("BTCUSDT")
    assert found is not None
    assert found.age_seconds == pytest.approx(8.0, abs=0.1)
    new.loop.stop()
    booted = worlds(time=ManualClock(START + 90.0, 40.0, "another boot"))
    booted.connect()
    assert booted.feed.least_delay is None


@pytest.mark.parametrize("ahead", [604_800.0, -604_800.0, 3_600.0, 1.7e9, -1.7e8])
def test_wrong_clock_is_named_and_refuses_nothing(
    ahead: float, world: IngestWorld, log: io.StringIO
) -> None:
    world.connect()
    world.time.wall -= ahead
    wrong = world.time.wall
    for _ in range(4):
        tick(world)
        assert world.prices() == {"BTCUSDT": 100.5, "ETHUSDT": 100.5}
        found = world.reader.one("BTCUSDT")
        assert found is not None
        assert found.age_seconds == 0.0
    feed = world.stored()
    assert (feed.connected, feed.rejected, feed.lag_seconds) == (1, 0, 0.0)
    where = "behind" if ahead > 0 else "ahead of"
    words = f"the wall clock is {abs(ahead):.0f} s {where} the exchange's"
    assert feed.last_error is not None
    assert words in feed.last_error
    assert len(lines(log, words)) == 1
    assert [kind for kind, detail in world.events() if words in detail] == ["clock"]
    world.time.wall += ahead
    tick(world)
    tick(world)
    assert len(lines(log, "the wall clock is right again")) == 1
    assert rows(world.path, "SELECT at, duration_seconds FROM event WHERE kind = 'clock'") == [
        (pytest.approx(wrong + 3.0, abs=2.0), pytest.approx(3.0, abs=2.0))
    ]


def test_right_clock_is_not_named(world: IngestWorld, log: io.StringIO) -> None:
    world.connect()
    for second in range(30):
        tick(world, late=min(9.0, second / 2), ahead=8.0)
    assert "clock" not in world.kinds()


@pytest.mark.parametrize(("late", "words"), [(20.0, True), (400.0, False), (-20.0, False)])
def test_stream_late_from_the_start_looks_like_a_wrong_clock(
    late: float, words: bool, world: IngestWorld, log: io.StringIO
) -> None:
    world.connect()
    for _ in range(3):
        tick(world, late=late)
    (line,) = lines(log, f"the wall clock is {abs(late):.0f} s")
    assert ("Or was the stream late from the start?" in line) is words


def test_stream_late_from_the_start_is_known_by_the_clock_of_rest(
    world: IngestWorld, log: io.StringIO
) -> None:
    world.connect()
    for _ in range(8):
        tick(world, late=20.0)
    assert world.stored().lag_seconds == 0.0
    with closing(DurableConnection(world.path)) as store:
        # REST's answers take a second.
        set_exchange_offset(store, "binance", "another boot", START - 1_000.0 + 99.0)
        set_exchange_offset(store, "binance", "this boot", START - 1_000.0 - 1.0)
    for _ in range(6):
        tick(world, late=20.0)
    feed, found = world.stored(), world.reader.one("BTCUSDT")
    assert found is not None
    assert feed.lag_seconds == pytest.approx(19.0, abs=0.1)
    assert found.age_seconds == pytest.approx(19.0, abs=0.1)
    assert len(lines(log, "the stream is 19 s late")) == 1
    world.writer.write(feed)
    assert world.writer.exchange_offset("binance") == START - 1_001.0, "ingest leaves it alone"
    for _ in range(6):
        tick(world)
    assert world.stored().lag_seconds == 0.0
    world.loop.stop()
    after = IngestWorld(world.path, time=ManualClock(START + 90.0, 40.0, "another boot"))
    assert after.writer.exchange_offset("binance") is None
    after.loop.stop()


def test_frame_from_the_future_is_replaced_by_the_next(world: IngestWorld, tmp_path: Path) -> None:
    world.connect()
    for _ in range(4):
        tick(world)
    tick(world, ahead=3e8)
    assert world.feed.lag_seconds == 0.0
    for _ in range(3):
        tick(world)
        found = world.reader.one("BTCUSDT")
        assert found is not None
        assert (found.age_seconds, world.feed.lag_seconds) == (0.0, 0.0)
        assert found.event_time < START_MS + 60_000
    assert "clock" not in world.kinds()
