"""What has changed since it was last given."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.model.contract import ContractStatus
from funding.publish.quotes import QuoteChanges
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.writer import Writer
from tests.support.clock import ManualClock
from tests.support.store import NOW_MS, contract, feed_of, plainly, quote, received, writing


@pytest.fixture
def hand() -> ManualClock:
    """The clock of the test."""
    return ManualClock()


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    """What ingest writes with."""
    with writing(path) as made:
        yield made


@pytest.fixture
def changes(path: Path, writer: Writer, hand: ManualClock) -> Iterator[QuoteChanges]:
    """Of what it has written."""
    with closing(Reader(path, "binance", hand.clock())) as reader:
        yield QuoteChanges(reader)


def store(writer: Writer, hand: ManualClock, *symbols: str, number: int = 0) -> None:
    """A frame with the quote of `number` of each symbol, received now."""
    quotes = (quote(symbol, 1.0 + number, NOW_MS + number) for symbol in symbols)
    writer.write(feed_of(), received(*quotes, wall=hand.wall, uptime=hand.uptime))


def test_each_change_is_given_once(
    changes: QuoteChanges, writer: Writer, hand: ManualClock
) -> None:
    assert changes.recent() == []
    store(writer, hand, "A", "B")
    hand.advance(1.5)
    found = changes.recent()
    assert {each.symbol for each in found} == {"A", "B"}
    assert {each.age_seconds for each in found} == {1.5}
    assert changes.recent() == []
    store(writer, hand, "B", "C", number=1)
    assert [(each.symbol, each.mark_price) for each in changes.recent()] == [("B", 2.0), ("C", 2.0)]
    assert changes.all(hand.wall) == ([], [])


def test_all_finds_what_the_clock_hid(
    changes: QuoteChanges, writer: Writer, hand: ManualClock
) -> None:
    store(writer, hand, "A", "B")
    changes.recent()
    hand.wall -= 3_600
    store(writer, hand, "A", number=1)
    assert changes.recent() == []
    assert [each.symbol for each in changes.all(hand.wall)[0]] == ["A"]
    hand.advance(1.0)
    store(writer, hand, "B", number=2)
    assert [each.symbol for each in changes.recent()] == ["B"]


def test_what_is_forgotten_is_given_again(
    changes: QuoteChanges, writer: Writer, hand: ManualClock
) -> None:
    store(writer, hand, "A", "B")
    changes.recent()
    changes.forget()
    assert len(changes.recent()) == 2


def test_another_status_of_the_contract_is_a_change(
    path: Path, changes: QuoteChanges, writer: Writer, hand: ManualClock
) -> None:
    store(writer, hand, "BTCUSDT", "ETHUSDT")
    changes.all(hand.wall)
    with closing(DurableConnection(path)) as connection:
        settling = contract("ETHUSDT")._replace(status=ContractStatus.SETTLING)
        Contracts(connection).replace("binance", [contract("BTCUSDT"), settling])
        found, gone = changes.all(hand.wall)
        assert {each.symbol: each.status for each in found} == {
            "BTCUSDT": ContractStatus.TRADING,
            "ETHUSDT": ContractStatus.SETTLING,
        }
        assert gone == []
        Contracts(connection).replace("binance", [contract("BTCUSDT"), contract("ETHUSDT")])
        assert [each.symbol for each in changes.all(hand.wall)[0]] == ["ETHUSDT"]


def test_a_symbol_is_gone_after_a_day(
    path: Path, changes: QuoteChanges, writer: Writer, hand: ManualClock
) -> None:
    store(writer, hand, "A", "B")
    changes.all(hand.wall)
    with closing(plainly(path)) as connection:
        connection.execute("DELETE FROM quote WHERE symbol = 'A'")
    assert changes.all(hand.wall) == ([], [])  # the file was replaced, perhaps
    hand.advance(86_400)
    store(writer, hand, "B", number=1)
    found, gone = changes.all(hand.wall)
    assert [each.symbol for each in found] == ["B"]
    assert gone == ["A"]
    assert changes.all(hand.wall) == ([], [])
