"""The tables of settled rates: what is there twice, what was asked for, and gaps."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.model.contract import ContractStatus
from funding.model.settlement import Announced, Asked, Settlement, StoredGap
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.settlements import Settlements
from tests.support.clock import rows
from tests.support.store import HOUR_MS, NOW_MS, contract, feed_of, quote, received, writing


@pytest.fixture
def store(path: Path) -> Iterator[DurableConnection]:
    feed = feed_of()
    with writing(path, feed) as writer, closing(DurableConnection(path)) as made:
        names = ("BTCUSDT", "DEADUSDT", "NEWUSDT", "UNLISTED")
        dated = quote("BTCUSDT_260925", rate=None, settles=None)
        writer.write(feed, received(dated, *(quote(name) for name in names)))
        listed = [
            contract("BTCUSDT")._replace(listed_time=7),
            contract("DEADUSDT", ContractStatus.SETTLING),
            contract("NEWUSDT", hours=None),
            contract("BTCUSDT_260925", hours=None),
        ]
        Contracts(made).replace("binance", listed)
        yield made


@pytest.fixture
def table(store: DurableConnection) -> Settlements:
    return Settlements(store, "binance")


def settled(*hours: int, symbol: str = "BTCUSDT", rate: float = 1e-4) -> list[Settlement]:
    return [Settlement(symbol, NOW_MS + each * HOUR_MS, rate) for each in hours]


def test_nothing_is_stored_twice_and_nothing_changes_later(table: Settlements) -> None:
    assert table.add(settled(0, 8)) == 2
    assert table.add(settled(0, 8, 16, rate=0.5)) == 1
    assert [each.rate for each in table.since("BTCUSDT", 0)] == [1e-4, 1e-4, 0.5]
    assert [each.interval_hours for each in table.since("BTCUSDT", NOW_MS + 1)] == [None, None]


def test_exchanges_are_apart(store: DurableConnection, table: Settlements) -> None:
    other = Settlements(store, "kucoin")
    other.record("BTCUSDT", settled(0), Asked(1, 2), 5.0)
    assert table.since("BTCUSDT", 0) == []
    assert (table.asked(), other.asked()) == ({}, {"BTCUSDT": Asked(1, 2)})


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (Asked(50, 99), Asked(50, 200)),
        (Asked(50, 98), Asked(100, 200)),
        (Asked(201, 300), Asked(100, 300)),
        (Asked(202, 300), Asked(100, 200)),
        (Asked(120, 130), Asked(100, 200)),
        (Asked(0, 999), Asked(0, 999)),
    ],
)
def test_what_was_asked_for_grows_only_where_it_touches(
    table: Settlements, more: Asked, expected: Asked
) -> None:
    for asked in (Asked(100, 200), more):
        table.record("BTCUSDT", [], asked, 5.0)
    assert table.asked() == {"BTCUSDT": expected}
    assert table.asked_of("BTCUSDT") == expected
    assert table.asked_of("ETHUSDT") is None


@pytest.mark.parametrize(("hours", "extends"), [(8, True), (16, False), (0, False)])
def test_the_next_settlement_extends_it(table: Settlements, hours: int, extends: bool) -> None:
    table.record("BTCUSDT", [], Asked(0, NOW_MS), 5.0)
    at = NOW_MS + hours * HOUR_MS + 30
    table.extend([("BTCUSDT", at if hours else NOW_MS - 5, 8)], 6.0)
    assert table.asked()["BTCUSDT"].until_ms == (at if extends else NOW_MS)


def test_what_trades_and_has_funding_is_announced(table: Settlements) -> None:
    assert table.announced() == [
        Announced("BTCUSDT", NOW_MS + HOUR_MS, 8, 0.00001864, "BTC", 7),
        Announced("NEWUSDT", NOW_MS + HOUR_MS, None, 0.00001864, "BTC", None),
    ]


def test_newest_settlement_of_each_contract(table: Settlements) -> None:
    table.add([*settled(0, 8), *settled(4, symbol="NEWUSDT"), *settled(4, symbol="OTHER")])
    assert (table.newest("OTHER"), table.newest("NONE")) == (NOW_MS + 4 * HOUR_MS, None)
    assert table.last_times() == {
        "BTCUSDT": NOW_MS + 8 * HOUR_MS, "NEWUSDT": NOW_MS + 4 * HOUR_MS,
    }  # fmt: skip


def test_gaps_keep_when_they_were_found(path: Path, table: Settlements) -> None:
    first, second = StoredGap(10, 20, 1, 100.0), StoredGap(30, 40, 2, 100.0)
    table.set_gaps("BTCUSDT", [first, second], [])
    later = StoredGap(10, 25, 2, 200.0)
    table.set_gaps("BTCUSDT", [later], [second])
    assert table.gaps() == {"BTCUSDT": [later]}
    assert rows(path, "SELECT found_at, asked_at FROM funding_gap") == [(100.0, 200.0)]


def test_intervals_are_set_by_time_and_type(table: Settlements) -> None:
    table.add([*settled(0), settled(0)[0]._replace(rate_type="Special")])
    table.set_intervals("BTCUSDT", {(NOW_MS, "Regular"): 8})
    table.set_intervals("BTCUSDT", {})
    assert {each.rate_type: each.interval_hours for each in table.since("BTCUSDT", 0)} == {
        "Regular": 8,
        "Special": None,
    }
