"""REST as standby over a real store: what it asks, what it writes, and what it says of it."""

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from funding import errors
from funding.history.standby import Standby
from funding.model.feed import StoredQuote
from funding.model.quote import Quote, Source
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.writer import Writer
from tests.support.clock import ManualClock, rows
from tests.support.store import NOW_MS, feed_of, quote, received


@dataclass
class World:
    """A stream and a REST interface that are turned by hand."""

    path: Path
    hand: ManualClock = field(default_factory=ManualClock)
    calls: int = 0
    problem: errors.RestError | None = None
    after: float = 30.0

    def __post_init__(self) -> None:
        self.feed = feed_of()
        self.writer = Writer(self.path, self.feed)
        self.store = DurableConnection(self.path)
        self.begin()

    def begin(self) -> None:
        """Another program, as after a restart."""
        clock = self.hand.clock()
        self.reader = Reader(self.path, "binance", clock)
        self.standby = Standby(
            self.reader,
            self.store,
            self.fetch,
            after=self.after,
            address="fstream.example",
            clock=clock,
        )

    def quotes(self) -> list[Quote]:
        """What the exchange says now."""
        at = NOW_MS + round((self.hand.uptime - 5_000.0) * 1000)
        return [quote(name, 1.0 + self.hand.uptime, at) for name in ("A", "B")]

    def fetch(self) -> list[Quote]:
        self.calls += 1
        if self.problem is not None:
            raise self.problem
        return [*self.quotes(), Quote("BAD", -1.0, 1.0, None, None, 1)]

    def frame(self) -> None:
        """The stream delivers."""
        now = {"wall": self.hand.wall, "uptime": self.hand.uptime}
        self.writer.write(self.feed, received(*self.quotes(), **now))

    def pass_time(self, seconds: int) -> None:
        """Step once a second."""
        for _ in range(seconds):
            self.hand.advance(1.0)
            self.standby.step()

    def source(self) -> Source:
        return self.found().source

    def found(self) -> StoredQuote:
        found = self.reader.one("A")
        assert found is not None
        return found

    def events(self) -> list[tuple[str, float | None]]:
        return rows(
            self.path,
            "SELECT detail, duration_seconds FROM event WHERE kind = 'standby' ORDER BY id",
        )

    def since(self) -> float | None:
        ((found,),) = rows(self.path, "SELECT standby_since FROM feed")
        return None if found is None else float(found)

    def close(self) -> None:
        self.reader.close()
        self.store.close()
        with suppress(errors.StoreError):  # closed already
            self.writer.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(World(tmp_path / "funding.db")) as world:
        world.frame()
        yield world


def test_a_stream_that_flows_costs_no_call(world: World) -> None:
    for _ in range(60):
        world.frame()
        world.pass_time(1)
    assert (world.calls, world.events(), world.since()) == (0, [], None)


def test_rest_stands_in_and_the_stream_takes_over(world: World) -> None:
    world.pass_time(30)
    assert (world.calls, world.source()) == (0, Source.WEBSOCKET)
    world.pass_time(1)
    begun = world.hand.wall
    assert (world.calls, world.source(), world.found().age_seconds) == (1, Source.REST, 0.0)
    assert world.since() == begun
    assert world.events() == [
        ("REST stands in for the stream of fstream.example: the stream is silent for 31 s", None)
    ]
    world.pass_time(60)
    assert world.calls == 5
    assert world.found().age_seconds == 0.0
    world.frame()
    world.pass_time(1)
    assert (world.source(), world.since()) == (Source.WEBSOCKET, None)
    ((text, seconds),) = world.events()
    assert text.endswith("the stream is silent for 31 s; 5 calls, 10 quotes")
    assert seconds == world.hand.wall - begun
    world.pass_time(10)
    assert world.calls == 5


@pytest.mark.parametrize(
    "problem",
    [
        errors.RestBanned("not asked for 60 s more", 60.0),
        errors.RestOverBudget("1195 of 1200 used", 5.0),
        errors.RestUnreachable("timed out"),
        errors.RestGarbled("no JSON"),
    ],
)
def test_rest_that_does_not_answer_either(
    world: World, problem: errors.RestError, caplog: pytest.LogCaptureFixture
) -> None:
    world.problem = problem
    world.pass_time(91)
    assert world.calls == 5
    assert world.source() is Source.WEBSOCKET
    assert caplog.text.count("REST cannot stand in") == 2  # in a minute once
    world.problem = None
    world.pass_time(15)
    assert world.source() is Source.REST


def test_a_restart_goes_on_with_the_same_standby(world: World) -> None:
    world.pass_time(31)
    begun = world.since()
    world.begin()
    world.pass_time(20)
    assert (world.since(), world.calls, len(world.events())) == (begun, 3, 1)
    world.frame()
    world.pass_time(1)
    ((text, seconds),) = world.events()
    assert begun is not None
    assert seconds == world.hand.wall - begun
    assert text.endswith("; 2 calls, 4 quotes since a restart of history.py"), "nobody knows more"


def test_a_restart_does_not_end_what_another_exchange_began(world: World) -> None:
    world.pass_time(31)
    at = world.since()
    with world.store.transaction() as connection:
        connection.execute("UPDATE event SET id = 9 WHERE kind = 'standby'")
        for later, rule, seconds in ((0.0, "kucoin", None), (1.0, "binance", 5.0)):
            connection.execute(
                "INSERT INTO event (at, source, kind, detail, rule, duration_seconds)"
                " VALUES (?, 'history', 'standby', 'another', ?, ?)",
                ((at or 0.0) + later, rule, seconds),
            )
    world.begin()
    world.frame()
    world.pass_time(1)
    kept = [seconds for text, seconds in world.events() if text == "another"]
    (ended,) = [seconds for text, seconds in world.events() if text != "another"]
    assert (kept, ended) == ([None, 5.0], 1.0)


def test_a_restart_after_the_stream_has_come_back_ends_it(world: World) -> None:
    world.pass_time(31)
    world.frame()
    world.begin()
    world.pass_time(1)
    assert (world.since(), world.calls) == (None, 1)
    assert [seconds for _, seconds in world.events()] == [1.0]


def test_turned_off(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.pass_time(31)
    world.after = 0.0
    world.begin()
    with caplog.at_level("INFO", "standby"):
        world.pass_time(60)
    assert "FUNDING_STANDBY_AFTER is 0: REST stands in no longer" in caplog.text, (
        "no stream is back"
    )
    assert (world.since(), world.calls) == (None, 1)
    assert [seconds for _, seconds in world.events()] == [1.0]


def test_ingest_that_is_gone_is_stood_in_for_too(world: World) -> None:
    world.writer.close()
    world.pass_time(31)
    assert (world.calls, world.source()) == (1, Source.REST)


def test_a_database_that_was_replaced_is_told(world: World) -> None:
    world.pass_time(31)
    world.writer.close()
    for file in world.path.parent.glob("funding.db*"):
        file.unlink()
    world.pass_time(1)  # nothing can be done
    world.feed = feed_of()
    world.writer = Writer(world.path, world.feed)
    world.pass_time(15)
    assert world.since() is not None
    assert world.source() is Source.REST


def test_a_boot_in_which_ingest_has_not_begun(world: World) -> None:
    world.hand.boot = "the next boot"
    world.hand.advance(20.0)
    world.reader.close()
    world.begin()
    world.pass_time(30)
    assert world.calls == 0, "ingest is given time to begin"
    world.pass_time(1)
    feed, found = world.reader.feed(), world.reader.all()
    assert feed is not None
    assert (feed.boot_id, feed.connected, feed.address) == ("the next boot", 0, "fstream.example")
    assert {each.source for each in found} == {Source.REST}
    assert all(each.age_seconds < 15.0 for each in found)
    assert world.since() == world.hand.wall
    world.feed = replace(feed_of(), boot_id="the next boot")
    world.writer.close()
    world.writer = Writer(world.path, world.feed)
    world.hand.advance(1.0)
    world.frame()
    world.pass_time(1)
    assert (world.source(), world.since(), len(world.events())) == (Source.WEBSOCKET, None, 1)


def test_an_ingest_that_has_never_begun(world: World) -> None:
    with world.store.transaction() as connection:
        connection.execute("DELETE FROM feed")
        connection.execute("DELETE FROM quote")
    world.pass_time(31)
    assert (world.calls, world.source(), world.found().age_seconds) == (1, Source.REST, 0.0)
    assert [text for text, _ in world.events()] == [
        "REST stands in for the stream of fstream.example: no quote has ever come"
    ]


def test_no_database(tmp_path: Path) -> None:
    hand = ManualClock()
    path = tmp_path / "funding.db"
    with (
        closing(Reader(path, "binance", hand.clock())) as reader,
        closing(DurableConnection(path)) as store,
    ):
        Standby(reader, store, list, after=30.0, address="", clock=hand.clock()).step()
