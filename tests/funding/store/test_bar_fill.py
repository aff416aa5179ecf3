"""Minutes from REST, and the hours that they change."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.model.bar import HOUR, MINUTE, Bar
from funding.store.bar_fill import BarFill
from funding.store.bar_table import add_bars
from funding.store.durable import DurableConnection
from tests.support.clock import rows
from tests.support.store import writing

START = 1_764_000_000


@pytest.fixture
def store(path: Path) -> Iterator[DurableConnection]:
    with writing(path), closing(DurableConnection(path)) as made:
        yield made


def bar(minute: int, price: float, *, quotes: int = 60, symbol: str = "A") -> Bar:
    index, rate = (price + 0.5, 1e-4) if quotes else (None, None)
    start, prices = START + minute * MINUTE, (price, price + 1, price - 1, price)
    return Bar("binance", symbol, MINUTE, start, *prices, index, rate, quotes)


def test_hole_is_filled_and_its_hour_made_again(path: Path, store: DurableConnection) -> None:
    with store.transaction() as connection:
        add_bars(connection, [bar(0, 10.0), bar(3, 13.0), bar(3, 99.0, symbol="B")])
    fill = BarFill(store, "binance")
    fill.fill("A", [bar(n, 20.0 + n, quotes=0) for n in range(1, 4)])
    columns = "start, open, high, low, close, index_close, rate_close, quotes"
    found = rows(path, f"SELECT {columns} FROM bar WHERE symbol = 'A' AND period = 60")
    assert [(row[0] - START) // MINUTE for row in found] == [0, 1, 2, 3]
    assert [row[-1] for row in found] == [60, 0, 0, 60], "what ingest wrote stays"
    assert START % HOUR == 0
    assert rows(path, f"SELECT {columns} FROM bar WHERE symbol = 'A' AND period = 3600") == [
        (START, 10.0, 23.0, 9.0, 13.0, 13.5, 1e-4, 120)
    ]
    assert fill.counts(START + MINUTE) == {
        START + MINUTE: 1, START + 2 * MINUTE: 1, START + 3 * MINUTE: 2,
    }  # fmt: skip
    assert fill.oldest() == START
    assert BarFill(store, "kucoin").oldest() is None
