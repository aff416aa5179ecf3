"""How large the database becomes: days of rows, written by the store's own code in minutes.

python -m harness.bench.week --symbols 520 --days 7

Written as the programs write: bars of a minute and the hours they add up to, all symbols compared
with REST every ten minutes, one of them each minute, settled rates every 4 or 8 hours, accounts of
REST calls; and deleted as they delete. Quotes are replaced, so one frame an hour stands for all.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
from tabulate import tabulate

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.model.bar import MINUTE, Bar
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.model.settlement import Settlement
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.rest_usage import Calls, RestUsage
from funding.store.settlements import Settlements
from funding.store.writer import Writer

BEGIN = 1_764_720_000
"""A midnight, in Unix seconds."""
DAY, COMPARE_ALL, HOUR = 86_400, 600, 3_600
MINUTE_BAR_DAYS, HOUR_BAR_DAYS, COMPARISON_DAYS = 2, 400, 14
"""What the settings say by default."""
CALLS = (("watchdog", "premiumIndex"), ("watchdog", "depth"), ("history", "fundingRate"))
MEGABYTE = 1e6


def _bars(symbols: list[str], at: int) -> Iterator[Bar]:
    for number, symbol in enumerate(symbols):
        price = 1.0 + number + at % 997 / 997
        yield Bar(
            "binance", symbol, MINUTE, at, price, price * 1.001, price * 0.999, price * 1.0003,
            price * 1.0001, 0.0001 * (at % 7), 60,
        )  # fmt: skip


def _comparisons(symbols: list[str], at: int) -> Iterator[Comparison]:
    for number, symbol in enumerate(symbols):
        for field in Field:
            value = (1.0 + number) / 7
            yield Comparison(
                float(at), "watchdog", "binance", symbol, field, value, value * 1.00001, 0.001,
                1_234, Outcome.MATCH, at * 1_000, None,
            )  # fmt: skip


def _quotes(symbols: list[str], at: int) -> Iterator[tuple[Quote, float, float]]:
    for symbol in symbols:
        quote = Quote(symbol, 1.5, 1.6, 0.0001, (at + HOUR) * 1_000, at * 1_000)
        yield quote, float(at), float(at - BEGIN)


def fill(path: Path, count: int, days: int) -> Iterator[tuple[int, float]]:
    """Write `days` of `count` symbols; the day and the size of the file in MB at the end of
    each."""
    symbols = [f"SYM{number:04d}USDT" for number in range(count)]
    feed = Feed("binance", "fstream.example", 1, "boot", float(BEGIN), 0.0)
    with closing(Writer(path, feed)) as writer:
        durable = DurableConnection(path)
        compared, usage = Comparisons(durable), RestUsage(durable)
        settled = Settlements(durable, "binance")
        for at in range(BEGIN, BEGIN + days * DAY, MINUTE):
            if at % HOUR == 0:
                writer.write(feed, _quotes(symbols, at))
                due = [s for n, s in enumerate(symbols) if at % ((4, 8)[n % 2] * HOUR) == 0]
                settled.add(Settlement(symbol, at * 1_000, 0.0001, 1.5) for symbol in due)
                usage.prune(at - COMPARISON_DAYS * DAY)
                writer.prune_events(at - COMPARISON_DAYS * DAY)
            keep = at - MINUTE_BAR_DAYS * DAY, at - HOUR_BAR_DAYS * DAY
            writer.write_bars("binance", _bars(symbols, at), *keep)
            if at % COMPARE_ALL == 0:
                minutes = range(at, at + COMPARE_ALL, MINUTE)
                compared.add(row for each in minutes for row in _comparisons(symbols[:1], each))
                compared.add(_comparisons(symbols, at))
                usage.add(Calls(each // MINUTE, *call, 1, 1) for each in minutes for call in CALLS)
                compared.prune(at - COMPARISON_DAYS * DAY)
                writer.checkpoint()
            if (at + MINUTE - BEGIN) % DAY == 0:
                writer.checkpoint()
                yield (at + MINUTE - BEGIN) // DAY, path.stat().st_size / MEGABYTE


def tables(path: Path, least_bytes: int = 200_000) -> list[tuple[str, int, float]]:
    """Each table with its rows, and its size with its indexes in MB; the largest first."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        sizes: list[Any] = connection.execute(
            "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name)"
            " GROUP BY 1 HAVING sum(pgsize) > ? ORDER BY 2 DESC",
            (least_bytes,),
        ).fetchall()
        count = "SELECT count(*) FROM "
        return [
            (str(name), int(connection.execute(f"{count}{name}").get), size / MEGABYTE)
            for name, size in sizes
        ]


def main() -> int:
    """Always exit code 0."""
    parser = argparse.ArgumentParser(prog="harness.bench.week", description=__doc__)
    parser.add_argument("--symbols", type=int, default=520)
    parser.add_argument("--days", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="week-") as folder:
        path, began = Path(folder) / "funding.db", time.monotonic()
        print(f"{given.symbols} symbols")
        for day, size in fill(path, given.symbols, given.days):
            print(f"day {day}: {size:,.0f} MB ({time.monotonic() - began:.0f} s)", flush=True)
        print(tabulate(tables(path), ("table", "rows", "MB"), floatfmt=",.1f", intfmt=","))
    return 0


if __name__ == "__main__":
    sys.exit(main())
