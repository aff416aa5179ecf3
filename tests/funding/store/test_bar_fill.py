"""Minutes from REST, and the hours that they change."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.model.bar import HOUR, MINUTE, Bar
from funding.store.bar_fill import BarFill, Hole
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


def add_quote(store: DurableConnection, symbol: str) -> None:
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO quote (exchange, symbol, mark_price, index_price, event_time, updated_at)"
            " VALUES ('binance', ?, 1, 1, 1, 1)",
            (symbol,),
        )


def test_hole_is_filled_and_its_hour_made_again(path: Path, store: DurableConnection) -> None:
    with store.transaction() as connection:
        add_bars(connection, [bar(0, 10.0), bar(3, 13.0), bar(3, 99.0, symbol="B")])
    fill = BarFill(store, "binance")
    fill.fill(Hole("A", START, START, 0), [bar(n, 20.0 + n, quotes=0) for n in range(1, 4)])
    columns = "start, open, high, low, close, index_close, rate_close, quotes"
    found = rows(path, f"SELECT {columns} FROM bar WHERE symbol = 'A' AND period = 60")
    assert [(row[0] - START) // MINUTE for row in found] == [0, 1, 2, 3]
    assert [row[-1] for row in found] == [60, 0, 0, 60], "what ingest wrote stays"
    assert START % HOUR == 0
    assert rows(path, f"SELECT {columns} FROM bar WHERE symbol = 'A' AND period = 3600") == [
        (START, 10.0, 23.0, 9.0, 13.0, 13.5, 1e-4, 120)
    ]
    assert fill.oldest() == START
    assert BarFill(store, "kucoin").oldest() is None


def test_holes_are_minutes_without_a_bar_or_with_few_quotes(
    path: Path, store: DurableConnection
) -> None:
    for name in "ABCD":
        add_quote(store, name)
    whole = [bar(n, 10.0, symbol=name) for name in "AB" for n in range(9)]
    rare = [bar(n, 10.0, symbol="C", quotes=4) for n in range(9)]
    with store.transaction() as connection:
        add_bars(connection, [*whole, *rare])
        connection.execute("DELETE FROM bar WHERE symbol = 'A' AND period = 60 AND start IN (?, ?)",
            (START + 2 * MINUTE, START + 6 * MINUTE))  # fmt: skip
        connection.execute("UPDATE bar SET quotes = 42 WHERE symbol = 'B' AND start = ?",
            (START + 3 * MINUTE,))  # fmt: skip
        connection.execute("UPDATE bar SET quotes = 0 WHERE symbol = 'B' AND start = ?",
            (START + 4 * MINUTE,))  # fmt: skip
    fill = BarFill(store, "binance")
    last = START + 8 * MINUTE
    assert fill.holes(START, last, START) == {
        "A": Hole("A", START + 2 * MINUTE, START + 6 * MINUTE, 45),
        "B": Hole("B", START + 3 * MINUTE, START + 3 * MINUTE, 43),
        "D": Hole("D", START, last, 0),
    }
    assert fill.holes(START + 7 * MINUTE, last, START).keys() == {"D"}
    hole = fill.holes(START, last, START)["B"]
    fill.fill(hole, [bar(n, 99.0, quotes=0, symbol="B") for n in range(9)])
    assert fill.holes(START, last, START).keys() == {"A", "D"}


def test_bar_of_few_quotes_is_replaced_and_keeps_its_rate(
    path: Path, store: DurableConnection
) -> None:
    with store.transaction() as connection:
        add_bars(connection, [bar(0, 10.0, quotes=20), bar(1, 11.0, quotes=50)])
    new = [bar(0, 20.0, quotes=0), bar(1, 20.0, quotes=0)]
    BarFill(store, "binance").fill(Hole("A", START, START, 20), new)
    columns = "open, high, low, close, index_close, rate_close, quotes"
    assert rows(path, f"SELECT {columns} FROM bar WHERE period = 60") == [
        (20.0, 21.0, 19.0, 20.0, 10.5, 1e-4, 0),
        (11.0, 12.0, 10.0, 11.0, 11.5, 1e-4, 50),
    ]
    assert rows(path, "SELECT open, close, quotes FROM bar WHERE period = 3600") == [
        (20.0, 11.0, 50)
    ]
