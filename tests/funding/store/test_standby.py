"""REST's quotes in the store: beside ingest's, never on top of a newer one."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.model.contract import ContractStatus
from funding.model.event import Event, EventKind
from funding.model.quote import Source
from funding.model.silence import Silence
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.standby import StandbyQuotes
from funding.store.writer import Writer
from tests.support.clock import ManualClock, rows
from tests.support.statistics_rows import add_contract, add_statistics
from tests.support.store import NOW_MS, contract, feed_of, quote, reading, received, writing

WALL, UPTIME = 1_764_725_610.0, 5_000.0


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    """Ingest, which goes on writing."""
    with writing(path) as writer:
        yield writer


@pytest.fixture
def store(path: Path, writer: Writer) -> Iterator[DurableConnection]:
    with closing(DurableConnection(path)) as store:
        yield store


@pytest.fixture
def standby(store: DurableConnection) -> StandbyQuotes:
    return StandbyQuotes(store, "binance", 30.0)


def stored(path: Path) -> dict[str, tuple[float, str]]:
    found = rows(path, "SELECT symbol, mark_price, source FROM quote")
    return {symbol: (mark, source) for symbol, mark, source in found}


def fill(standby: StandbyQuotes, *quotes: object, uptime: float = UPTIME + 30.0) -> int:
    return standby.fill(
        list(quotes),  # type: ignore[arg-type]
        feed_of(),
        since=7.0,
        wall=WALL,
        uptime=uptime,
        received=[uptime] * len(quotes),
    )


def test_newer_quotes_are_filled_in_and_marked(
    path: Path, writer: Writer, standby: StandbyQuotes
) -> None:
    writer.write(feed_of(), received(quote("A"), quote("B"), quote("C")))
    newer = [quote("A", 5.0, NOW_MS + 1), quote("b", 6.0, NOW_MS), quote("C", 7.0, NOW_MS - 1)]
    assert fill(standby, *newer) == 1
    old = quote().mark_price
    assert stored(path) == {"A": (5.0, "rest"), "B": (old, "websocket"), "C": (old, "websocket")}


def test_the_stream_takes_over_with_its_next_newer_quote(
    path: Path, writer: Writer, standby: StandbyQuotes
) -> None:
    feed = feed_of()
    writer.write(feed, received(quote("A")))
    fill(standby, quote("A", 5.0, NOW_MS + 1_000))
    writer.write(feed, received(quote("A", 6.0, NOW_MS + 500)), ceiling=NOW_MS + 1_500)
    assert stored(path) == {"A": (5.0, "rest")}
    writer.write(feed, received(quote("A", 6.0, NOW_MS + 1_001)))
    assert stored(path) == {"A": (6.0, "websocket")}


def test_what_the_stream_brings_is_left_alone(
    path: Path, writer: Writer, standby: StandbyQuotes
) -> None:
    feed = feed_of()
    writer.write(feed, received(quote("A"), quote("B")))
    writer.write(feed, received(quote("A", event_time=NOW_MS + 1), uptime=UPTIME + 25.0))
    writer.write(feed, received(quote("C"), uptime=UPTIME + 24.9))
    assert fill(standby, *(quote(name, 5.0, NOW_MS + 1_000) for name in ("A", "B", "C"))) == 2
    assert {name: source for name, (_, source) in stored(path).items()} == {
        "A": "websocket",
        "B": "rest",
        "C": "rest",
    }


def test_a_short_silence_is_one_too(path: Path, writer: Writer, store: DurableConnection) -> None:
    writer.write(feed_of(), received(quote("A")))
    hasty = StandbyQuotes(store, "binance", 2.0)
    assert fill(hasty, quote("A", 5.0, NOW_MS + 1), uptime=UPTIME + 2.0) == 0
    assert fill(hasty, quote("A", 5.0, NOW_MS + 1), uptime=UPTIME + 2.1) == 1


def test_a_time_in_the_future_does_not_freeze_a_symbol(
    path: Path, writer: Writer, standby: StandbyQuotes
) -> None:
    feed = feed_of()
    writer.write(feed, received(quote("A")))
    fill(standby, quote("A", 5.0, NOW_MS + 10**9))
    writer.write(feed, received(quote("A", 6.0, NOW_MS + 1)), ceiling=NOW_MS + 1_001)
    assert stored(path) == {"A": (6.0, "websocket")}


def test_other_contracts_of_rest_do_not_come_and_go(
    path: Path, writer: Writer, standby: StandbyQuotes
) -> None:
    writer.write(feed_of(), received(quote("A")))
    fill(standby, quote("A", 5.0, NOW_MS + 1), quote("EOSUSDT"))
    assert list(stored(path)) == ["A"]


def test_all_of_them_where_nothing_is_stored(path: Path, standby: StandbyQuotes) -> None:
    assert fill(standby, quote("A"), quote("币安人生USDT")) == 2
    assert {source for _, source in stored(path).values()} == {"rest"}


def scores(path: Path) -> list[tuple[object, ...]]:
    select = "SELECT symbol, z_score, z_reason, percentile, zone FROM quote ORDER BY symbol"
    return rows(path, select)


def test_rest_s_rates_have_scores_too(path: Path, writer: Writer, standby: StandbyQuotes) -> None:
    writer.write(feed_of(), received(quote("A"), quote("B")))
    add_contract(path, "A")
    add_statistics(path, "A")
    newer = [quote(name, 5.0, NOW_MS + 1, rate=0.0005) for name in ("A", "B")]
    fill(standby, *newer)
    assert scores(path) == [
        ("A", pytest.approx(4.0), None, 100.0, "extreme"),
        ("B", None, "it is not known whether the contract trades", None, None),
    ]
    add_statistics(path, "A", reason="10 samples", computed_at=2.0)
    fill(standby, quote("A", 5.0, NOW_MS + 2, rate=0.0005))
    assert scores(path)[0] == ("A", None, "10 samples", 100.0, None)


def test_ages_and_the_feed_are_as_the_stream_left_them(
    path: Path, writer: Writer, standby: StandbyQuotes
) -> None:
    feed = feed_of()
    writer.write(feed, received(quote("A")))
    hand = ManualClock(uptime=UPTIME + 60)
    newer, times = [quote("A", 5.0, NOW_MS + 1)], {"wall": WALL + 60, "uptime": UPTIME + 60}
    standby.fill(newer, feed_of(), since=7.0, received=[UPTIME + 50], **times)
    with reading(path, hand) as reader:
        found, row = reader.one("A"), reader.feed()
    assert found is not None
    assert row is not None
    assert (found.age_seconds, found.updated_at, found.source) == (10.0, WALL + 60, Source.REST)
    assert (row.last_frame_at, row.accepted, row.standby_since) == (WALL, 1, 7.0)


def test_ingest_does_not_take_back_what_standby_says(path: Path) -> None:
    with closing(DurableConnection(path)) as store:
        standby, feed = StandbyQuotes(store, "binance", 30.0), feed_of()
        with writing(path, feed) as writer:
            standby.begin(Event(7.0, "history", EventKind.STANDBY, "words", rule="binance"), feed)
            writer.write(feed)
        with writing(path, feed_of()) as writer:
            writer.write(feed_of())
            assert rows(path, "SELECT standby_since FROM feed") == [(7.0,)]
            ended = Event(7.0, "history", EventKind.STANDBY, "more", None, "binance", 60.0)
            standby.end(ended)
            writer.write(feed_of())
            assert rows(path, "SELECT standby_since FROM feed") == [(None,)]
    select = "SELECT at, detail, rule, duration_seconds FROM event WHERE kind = 'standby'"
    assert rows(path, select) == [(7.0, "more", "binance", 60.0)]


def test_silence_of_what_trades(
    writer: Writer, store: DurableConnection, standby: StandbyQuotes
) -> None:
    assert standby.silence(UPTIME) == Silence(0, 0, 0, None)
    feed = feed_of()
    writer.write(feed, received(quote("A"), quote("B"), quote("DEAD")))
    writer.write(feed, received(quote("A", event_time=NOW_MS + 1), uptime=UPTIME + 40))
    now = UPTIME + 45
    assert standby.silence(now) == Silence(3, 2, 0, 5.0)
    assert StandbyQuotes(store, "binance", 45.0).silence(now) == Silence(3, 0, 0, 5.0)
    Contracts(store).replace(
        "binance", [contract("a"), contract("B"), contract("DEAD", ContractStatus.SETTLING)]
    )
    assert standby.silence(now) == Silence(2, 1, 0, 5.0)
    fill(standby, quote("A", event_time=NOW_MS + 2), uptime=now + 0.5)
    assert standby.silence(now) == Silence(2, 1, 1, 45.0)
    with store.transaction() as connection:  # as after a reboot
        connection.execute("UPDATE quote SET received_uptime = NULL")
    assert standby.silence(now) == Silence(2, 0, 2, None)
    assert StandbyQuotes(store, "kucoin", 30.0).silence(now).symbols == 0
