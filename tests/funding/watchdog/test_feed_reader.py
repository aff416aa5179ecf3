"""The facts of another exchange, out of the store."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from funding.exchanges.table import EXCHANGES
from funding.health.facts import LastComparison, OtherFeed
from funding.health.verdict import Limits
from funding.model.contract import Contract, ContractStatus
from funding.settings.service import read
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.stated_waits import StatedWaits
from funding.store.writer import Writer
from funding.watchdog.feed_reader import FeedReader, feed_reader, last_frame_age
from tests.support.clock import ManualClock
from tests.support.store import feed_of, quote, received

NOTHING = OtherFeed("kucoin", 2)


@pytest.fixture
def hand() -> ManualClock:
    return ManualClock()


@pytest.fixture
def reading(tmp_path: Path, hand: ManualClock) -> Iterator[FeedReader]:
    with closing(Reader(tmp_path / "funding.db", "kucoin", hand.clock())) as reader:
        yield FeedReader(reader, Limits(180.0, 2), hand.clock())


def write(path: Path, hand: ManualClock) -> None:
    feed = replace(
        feed_of("kucoin.example", hand.clock().boot),
        exchange="kucoin",
        heartbeat_uptime=hand.uptime,
        connected=1,
    )
    with closing(Writer(path, feed)) as writer:
        quotes = received(
            quote("ETHUSDTM"), quote("OLDUSDTM"), quote("DEADM"), wall=hand.wall, uptime=hand.uptime
        )
        writer.write(feed, quotes)


def contract(symbol: str, status: ContractStatus, at: float) -> Contract:
    names = "kucoin", symbol, status, "FFWCSX", symbol, "USDT", 1.0
    return Contract(*names, None, 8, "exchange", None, None, at)


def test_without_a_store_or_a_feed_there_is_nothing(
    tmp_path: Path, hand: ManualClock, reading: FeedReader
) -> None:
    assert reading.read() == NOTHING
    with closing(Writer(tmp_path / "funding.db", feed_of())):
        assert reading.read() == NOTHING


def test_wait_that_the_exchange_has_asked_for_is_its_own(tmp_path: Path, hand: ManualClock) -> None:
    path, address = tmp_path / "funding.db", "wss://kucoin.example/push"
    write(path, hand)
    settings, _ = read({"FUNDING_DB": str(path), "FUNDING_KUCOIN_WS_URL": address})
    clock, compared = hand.clock(), LastComparison(problem="status 451")
    reader = feed_reader(settings, EXCHANGES["kucoin"], lambda: compared, clock)
    StatedWaits(path, clock).record(address, 90.0, "status 429")
    assert reader.read().stated_wait == 0.0, "it is connected"
    with closing(DurableConnection(path)) as store, store.transaction() as connection:
        connection.execute("UPDATE feed SET connected = 0")
    found = reader.read()
    assert found.stated_wait == pytest.approx(90.0)
    assert (found.program, found.last_comparison) == ("funding:ingest-kucoin", compared)
    carried = feed_reader(settings, EXCHANGES["binance-coinm"], lambda: None, clock)
    assert carried.read().program == ""


def test_feed_has_its_ages_and_counts_what_trades(
    tmp_path: Path, hand: ManualClock, reading: FeedReader
) -> None:
    path = tmp_path / "funding.db"
    write(path, hand)
    with closing(DurableConnection(path)) as store:
        Contracts(store).replace(
            "kucoin",
            [
                contract("ETHUSDTM", ContractStatus.TRADING, hand.wall),
                contract("OLDUSDTM", ContractStatus.TRADING, hand.wall),
                contract("DEADM", ContractStatus.CLOSED, hand.wall),
            ],
        )
    hand.advance(4.0)
    found = reading.read()
    assert found.feed is not None
    assert (found.heartbeat_age, found.last_frame_age) == (4.0, 4.0)
    assert (found.fresh, found.stale, found.answered) == (2, [], 4.0)
    assert found.newest == pytest.approx(4.0)
    hand.advance(180.0)
    found = reading.read()
    assert (found.fresh, found.stale) == (0, ["ETHUSDTM", "OLDUSDTM"])


def test_frame_of_another_boot_has_no_age(hand: ManualClock) -> None:
    feed = replace(feed_of(), last_frame_uptime=5.0)
    assert last_frame_age(feed, 9.0, "this boot") == 4.0
    assert last_frame_age(feed, 9.0, "another boot") is None
    assert last_frame_age(feed_of(), 9.0, "this boot") is None
