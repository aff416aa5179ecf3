"""Events and comparisons as readers see them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.model.event import Event, EventKind
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.reader import Reader
from funding.store.trail_reader import comparisons, events
from tests.support.store import feed_of, quote, reading, received, writing

EVENTS = [
    Event(1.0, "ingest", EventKind.CONNECT, "a"),
    Event(2.0, "ingest-kucoin", EventKind.STALL, "b", count=3),
    Event(4.0, "watchdog", EventKind.RESTART, "c", "funding:ingest-kucoin", "silent"),
    Event(3.0, "history", EventKind.STANDBY, "d", rule="kucoin", duration_seconds=5.0),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "funding.db"
    with writing(path) as writer:
        writer.write(feed_of(), received(quote("BTCUSDT")))
    with closing(DurableConnection(path)) as store:
        Events(store).add(EVENTS)
    return path


@pytest.fixture
def reader(path: Path) -> Iterator[Reader]:
    with reading(path) as reader:
        yield reader


def details(reader: Reader, *asked: object) -> str:
    return "".join(each.event.detail for each in events(reader, *asked))  # type: ignore[arg-type]


def test_events_newest_first_whole_and_numbered(reader: Reader) -> None:
    found = events(reader, 0.0, (), None, 10)
    assert [each.event for each in found] == [EVENTS[2], EVENTS[3], EVENTS[1], EVENTS[0]]
    assert [each.id for each in found] == [3, 4, 2, 1]


def test_events_since_of_a_kind_and_as_many_as_asked(reader: Reader) -> None:
    assert details(reader, 2.0, (), None, 10) == "cdb"
    assert details(reader, 0.0, (EventKind.STALL, EventKind.CONNECT), None, 10) == "ba"
    assert details(reader, 0.0, (), None, 2) == "cd"


def test_events_of_an_exchange_are_its_ingests_and_those_that_name_it(reader: Reader) -> None:
    assert details(reader, 0.0, (), "kucoin", 10) == "cdb"
    assert details(reader, 0.0, (), "binance", 10) == "a"


def test_comparisons_of_a_symbol_newest_first(path: Path, reader: Reader) -> None:
    one = Comparison(
        *(5.0, "watchdog", "binance", "BTCUSDT", Field.MARK_PRICE, 1.0, 1.0, 0.0, -20),
        *(Outcome.MATCH, 7, None),
    )
    rows = [
        one,
        one._replace(compared_at=9.0),
        one._replace(symbol="ETHUSDT"),
        one._replace(exchange="kucoin"),
    ]
    with closing(DurableConnection(path)) as store:
        Comparisons(store).add(rows)
    found = comparisons(reader, "btcusdt", 0.0, 10)
    assert [each.comparison for each in found] == [rows[1], rows[0]]
    assert [each.id for each in found] == [2, 1]
    assert [each.id for each in comparisons(reader, "BTCUSDT", 6.0, 10)] == [2]
    assert [each.id for each in comparisons(reader, "BTCUSDT", 0.0, 1)] == [2]
