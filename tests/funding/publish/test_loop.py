"""The turns: who is asked what, and what is said."""

import logging
from contextlib import closing
from math import inf
from pathlib import Path

import pytest

from funding.errors import NatsAway, StoreMissing
from funding.model.feed import Feed
from funding.publish.leadership import Data, Duty
from funding.publish.loop import PublishLoop
from funding.store.reader import Reader
from tests.support.clock import ManualClock, feed_at, write
from tests.support.store import NOW_MS, quote


class Link:
    """A connection that is there or not."""

    connected = True
    problem = "nats://127.0.0.1:4222: refused"
    address = "nats://127.0.0.1:4222"
    failure: Exception | None = None

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure


class Publisher:
    """An exchange of which the turns are written down."""

    exchange = "binance"

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.duties: list[Duty] = []
        self.beats: list[int] = []
        self.error: Exception | None = None

    def feed(self) -> Feed | None:
        return self.reader.feed()

    def quote_age(self) -> float:
        return self.reader.newest_age()

    def heartbeat(self, feed: Feed, term: int) -> None:
        assert feed.exchange == "binance"
        self.beats.append(term)

    def turn(self, duty: Duty) -> int:
        if self.error is not None:
            raise self.error
        self.duties.append(duty)
        return 3


class Leads:
    """A leadership that is told what to do."""

    term = 5

    def __init__(self) -> None:
        self.seen: list[tuple[bool, Data]] = []
        self.duty = Duty(publish=True, heartbeat=True)

    def tick(self, now: float, *, connected: bool, data: Data) -> Duty:
        self.seen.append((connected, data))
        return self.duty


class Scene:
    """A loop over one exchange."""

    def __init__(self, path: Path) -> None:
        self.hand = ManualClock()
        self.link, self.leads = Link(), Leads()
        self.publisher = Publisher(Reader(path, "binance", self.hand.clock()))
        self.loop = PublishLoop(
            [self.publisher],
            self.link,
            leads=lambda _exchange: self.leads,
            stale_after=180.0,
            clock=self.hand.clock(),
        )


@pytest.fixture
def scene(path: Path) -> Scene:
    """Over a store with one quote."""
    made = Scene(path)
    write(path, made.hand.clock(), [quote()])
    return made


def test_leadership_decides(scene: Scene) -> None:
    assert scene.loop.step() == 3
    assert scene.leads.seen == [(True, Data.LIVE)]
    assert scene.publisher.duties == [scene.leads.duty]
    assert scene.publisher.beats == [5]
    scene.leads.duty = Duty()
    scene.link.connected = False
    scene.loop.step()
    assert scene.leads.seen[-1] == (False, Data.LIVE)
    assert scene.publisher.beats == [5]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1.0, Data.LIVE), (10.0, Data.DULL), (200.0, Data.NONE)]
)
def test_what_there_is_of_the_exchange(scene: Scene, seconds: float, expected: Data) -> None:
    scene.hand.advance(seconds)
    scene.loop.step()
    assert scene.leads.seen == [(True, expected)]


def test_a_feed_of_another_boot_is_nothing(scene: Scene, path: Path) -> None:
    clock = scene.hand.clock()
    newer = quote(event_time=NOW_MS + 1)
    write(path, clock, [newer], feed=feed_at(ManualClock(boot="another").clock()))
    scene.loop.step()
    assert scene.leads.seen == [(True, Data.NONE)]


def test_a_store_that_is_missing_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(tmp_path / "none.db")
    for _ in range(100):
        scene.loop.step()
        scene.hand.advance(0.05)
    assert set(scene.leads.seen) == {(True, Data.NONE)}
    assert scene.publisher.beats == []
    assert caplog.text.count("is not there yet") == 1


@pytest.mark.parametrize("error", [NatsAway("no answer"), StoreMissing("x.db", "gone")])
def test_an_error_of_one_turn_is_told_once(
    scene: Scene, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    scene.publisher.error = error
    for _ in range(100):
        assert scene.loop.step() == 0
        scene.hand.advance(0.05)
    assert caplog.text.count(str(error)) == 1
    scene.publisher.error = None
    assert scene.loop.step() == 3


def test_a_defect_of_the_connection_ends_the_loop(scene: Scene) -> None:
    scene.link.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        scene.loop.step()


def test_nats_that_is_away_is_told_once_and_its_recovery(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    scene.link.connected = False
    for _ in range(200):
        scene.loop.step()
        scene.hand.advance(0.05)
    assert caplog.text.count("NATS is away, retrying: nats://127.0.0.1:4222: refused") == 1
    scene.link.connected = True
    scene.loop.step()
    scene.loop.step()
    assert caplog.text.count("connected to nats://127.0.0.1:4222: recovered") == 1


def test_a_connection_that_is_made_again_at_once_is_not_away(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for connected in (True, False, False, True):
        scene.link.connected = connected
        scene.loop.step()
        scene.hand.advance(0.5)
    assert caplog.text.count("connected to nats://") == 1
    assert "away" not in caplog.text


def test_a_quote_of_unknown_age_is_no_data(path: Path) -> None:
    hand = ManualClock()
    write(path, hand.clock(), [quote()])
    hand.boot = "another"
    with closing(Reader(path, "binance", hand.clock())) as reader:
        assert reader.newest_age() == inf
