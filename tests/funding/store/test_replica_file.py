"""A replica's rows: as readers of a taker's store find them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from funding.model.contract import Contract, ContractStatus
from funding.model.feed import StoredQuote
from funding.store import asset_reader, history_reader, trail_reader
from funding.store.reader import WITNESSED, Reader
from funding.store.replica_file import LACKING, Changes, Received, ReplicaFile
from tests.funding.replica.test_trail import COMPARISON, EVENT, SIGNAL
from tests.support.clock import ManualClock, feed_at, rows

CLOCK = ManualClock()
VALUES = (91_000.5, 90_999.5, 0.0001, 1_764_748_800_000, 1_764_725_610_000, CLOCK.wall, 2.0)
QUOTE = StoredQuote("binance", "BTCUSDT", *VALUES, z_score=1.5, percentile=80.0, zone="normal")
CONTRACT = Contract(
    *("binance", "BTCUSDT", ContractStatus.TRADING, "PERPETUAL", "BTC", "USDT", 1.0, None),
    *(8, "exchange", 0.02, -0.02, CLOCK.wall),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "replica.db"


@pytest.fixture
def file(path: Path) -> Iterator[ReplicaFile]:
    with closing(ReplicaFile(path)) as made:
        yield made


@pytest.fixture
def reader(path: Path, file: ReplicaFile) -> Reader:
    file.write(Changes(feeds=[feed_at(CLOCK.clock())]))
    return Reader(path, "binance", CLOCK.clock())


def test_a_quote_has_the_age_that_it_came_with(file: ReplicaFile, reader: Reader) -> None:
    file.write(Changes(quotes=[Received(QUOTE, CLOCK.uptime - 2.0)]))
    assert reader.one("btcusdt") == QUOTE
    later = msgspec.structs.replace(QUOTE, mark_price=7.0)
    file.write(Changes(quotes=[Received(later, CLOCK.uptime - 2.0)]))
    assert reader.all() == [later]


def test_a_quote_of_unknown_age_is_stale(file: ReplicaFile, reader: Reader) -> None:
    file.write(Changes(quotes=[Received(QUOTE, None)]))
    assert reader.all()[0].age_seconds == float("inf")


@pytest.mark.parametrize("listed", [False, True])
def test_what_the_contract_says_comes_with_the_contract(
    file: ReplicaFile, reader: Reader, *, listed: bool
) -> None:
    """And an interval that only was witnessed comes with the quote."""
    told = msgspec.structs.replace(QUOTE, funding_interval_hours=4, interval_source=WITNESSED)
    contracts = [CONTRACT] if listed else []
    file.write(Changes(quotes=[Received(told, CLOCK.uptime)], contracts=contracts))
    found = reader.one("BTCUSDT")
    assert found is not None
    of_it = (found.status, found.funding_interval_hours, found.interval_source)
    assert of_it == ((ContractStatus.TRADING, 8, "exchange") if listed else (None, 4, WITNESSED))


def test_an_interval_of_the_exchange_does_not_stand_for_a_witnessed_one(
    file: ReplicaFile, reader: Reader
) -> None:
    """Its contract may come a moment later than the quote."""
    told = msgspec.structs.replace(QUOTE, funding_interval_hours=8, interval_source="exchange")
    file.write(Changes(quotes=[Received(told, CLOCK.uptime)]))
    found = reader.one("BTCUSDT")
    assert found is not None
    assert (found.funding_interval_hours, found.interval_source) == (None, None)


def test_what_is_gone_is_gone(file: ReplicaFile, reader: Reader) -> None:
    file.write(Changes(quotes=[Received(QUOTE, CLOCK.uptime)], contracts=[CONTRACT]))
    assert asset_reader.contracts(reader) == [CONTRACT]
    gone = [("binance", "btcusdt")]
    file.write(Changes(gone_quotes=gone, gone_contracts=gone))
    assert (reader.all(), asset_reader.contracts(reader)) == ([], [])


def test_rows_of_the_trail_have_the_numbers_of_their_messages(
    file: ReplicaFile, reader: Reader
) -> None:
    trail = Changes(signals=[(11, SIGNAL)], events=[(12, EVENT)], comparisons=[(13, COMPARISON)])
    file.write(trail)
    file.write(trail)  # what comes twice is there once
    assert history_reader.signals(reader, None, 0.0, 9) == [(11, SIGNAL)]
    assert trail_reader.events(reader, 0.0, (), None, 9) == [(12, EVENT)]
    assert trail_reader.comparisons(reader, "BTCUSDT", 0.0, 9) == [(13, COMPARISON)]


def test_what_is_too_old_goes(file: ReplicaFile, path: Path) -> None:
    file.write(Changes([], [], [], [(11, SIGNAL)], [(12, EVENT)], [(13, COMPARISON)]))
    counts = "SELECT (SELECT count(*) FROM signal), (SELECT count(*) FROM event),"
    counts += " (SELECT count(*) FROM comparison)"
    file.prune(SIGNAL.at, COMPARISON.compared_at)
    assert rows(path, counts) == [(1, 1, 1)]
    file.prune(EVENT.at, COMPARISON.compared_at + 0.1)
    assert rows(path, counts) == [(0, 1, 0)]


def test_what_the_tables_refuse_costs_itself_alone(file: ReplicaFile, reader: Reader) -> None:
    """A taker of another version may send it again and again."""
    bad = msgspec.structs.replace(QUOTE, symbol="BAD", mark_price=-1.0)
    odd = COMPARISON._replace(explained=7)
    file.write(
        Changes(
            quotes=[Received(bad, None), Received(QUOTE, CLOCK.uptime - 2.0)],
            contracts=[CONTRACT._replace(multiplier=0.0)],
            comparisons=[(1, odd), (2, COMPARISON)],
        )
    )
    file.write(Changes(quotes=[Received(msgspec.structs.replace(QUOTE, mark_price=-1.0), None)]))
    assert reader.all() == [QUOTE]
    assert asset_reader.contracts(reader) == []
    assert trail_reader.comparisons(reader, "BTCUSDT", 0.0, 9) == [(2, COMPARISON)]


def test_what_lacks_is_named(path: Path, file: ReplicaFile) -> None:
    tables = {name for (name,) in rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert tables > LACKING
    travels = {"quote", "feed", "contract", "signal", "event", "comparison"}
    assert not LACKING & travels
