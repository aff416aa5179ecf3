"""Minutes and the hours that they add up to."""

from contextlib import closing
from pathlib import Path

from funding.model.bar import Bar
from funding.store.bar_table import last_minute
from tests.support.clock import rows
from tests.support.store import plainly, writing

HOUR = 1_764_000_000


def minute(start: int, close: float = 5.0, *, symbol: str = "BTCUSDT", quotes: int = 2) -> Bar:
    return Bar(
        "binance", symbol, 60, HOUR + start * 60, 4.0, close + 1, close - 2, close, 9.0, 0.1, quotes
    )


def stored(path: Path, period: int) -> list[Bar]:
    found = rows(path, f"SELECT * FROM bar WHERE period = {period} ORDER BY start, symbol")
    return [Bar(*row) for row in found]


def test_minutes_of_two_hours(path: Path) -> None:
    with writing(path) as writer:
        writer.write_bars("binance", [minute(61, 8.0), minute(59, 7.0), minute(58)], 0, 0)
    assert [bar.start for bar in stored(path, 60)] == [
        HOUR + 58 * 60,
        HOUR + 59 * 60,
        HOUR + 61 * 60,
    ]
    one, two = stored(path, 3_600)
    assert one == Bar("binance", "BTCUSDT", 3_600, HOUR, 4.0, 8.0, 3.0, 7.0, 9.0, 0.1, 4)
    assert (two.start, two.close, two.quotes) == (HOUR + 3_600, 8.0, 2)


def test_second_part_of_a_minute_is_put_to_the_first(path: Path) -> None:
    with writing(path) as writer:
        writer.write_bars("binance", [minute(0, 5.0)], 0, 0)
        writer.write_bars("binance", [minute(0, 9.0)._replace(rate_close=None)], 0, 0)
    (bar,) = stored(path, 60)
    assert bar[4:] == (4.0, 10.0, 3.0, 9.0, 9.0, None, 4)
    assert stored(path, 3_600)[0][4:] == bar[4:]


def test_old_bars_of_this_exchange_are_deleted(path: Path) -> None:
    with writing(path) as writer:
        other = minute(1)._replace(exchange="kucoin")
        writer.write_bars("kucoin", [other], 0, 0)
        writer.write_bars("binance", [minute(1), minute(5)], HOUR + 180.5, HOUR + 1)
        assert [(bar.exchange, bar.start) for bar in stored(path, 60)] == [
            ("kucoin", HOUR + 60), ("binance", HOUR + 300),
        ]  # fmt: skip
        assert [bar.exchange for bar in stored(path, 3_600)] == ["kucoin"]


def test_many_old_bars_are_deleted_five_periods_at_a_time(path: Path) -> None:
    """As after a shorter setting: one DELETE of all would hold the write lock for seconds."""
    left = []
    with writing(path) as writer:
        writer.write_bars("binance", [minute(n) for n in (*range(25), 70, 71)], 0, 0)
        for _ in range(5):
            writer.write_bars("binance", [], HOUR + 71 * 60, 0)
            left.append(len(stored(path, 60)))
    assert left == [22, 17, 12, 7, 2]


def test_newest_minute(path: Path) -> None:
    with writing(path) as writer:
        assert writer.last_minute("binance") is None
        writer.write_bars("binance", [minute(1), minute(5)], 0, 0)
        assert writer.last_minute("binance") == HOUR + 300
        with closing(plainly(path)) as plain:
            assert last_minute(plain, "kucoin") is None


def test_a_minute_of_all_symbols_is_a_few_pages_of_wal(path: Path) -> None:
    with writing(path) as writer:
        for start in range(3):
            before = Path(f"{path}-wal").stat().st_size
            bars = [minute(start, symbol=f"S{n:04}USDT") for n in range(960)]
            writer.write_bars("binance", bars, 0, 0)
    assert before
    with writing(path) as writer:
        writer.write_bars("binance", [minute(3, symbol=f"S{n:04}USDT") for n in range(960)], 0, 0)
        assert Path(f"{path}-wal").stat().st_size < 100 * 4_096
