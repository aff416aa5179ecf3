#!/usr/bin/env python3
"""What settled funding rates say: means, coverage, gaps, pinned rates and Z-scores.

Reads a CSV file of settled rates, or what this service has stored. A CSV has a column for the
symbol (symbol or coin), the time in ms (fundingTime_ms, fundingTime, calc_time or time) and the
rate (fundingRate or last_funding_rate). Intervals are told from the steps between settlements: a
column of intervals is often made of these, gaps included.
"""

import csv
import itertools
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from tabulate import tabulate  # noqa: E402

from funding import errors, startup  # noqa: E402
from funding.model.settlement import REGULAR, StoredSettlement  # noqa: E402
from funding.statistics.study import Study, Totals, study, totals  # noqa: E402
from funding.store.durable import DurableConnection  # noqa: E402

_SYMBOL = ("symbol", "coin", "instrument")
_TIME = ("fundingTime_ms", "fundingTime", "funding_time", "calc_time", "time")
_RATE = ("fundingRate", "last_funding_rate", "rate")


def read_csv(path: Path) -> Iterator[StoredSettlement]:
    """The settled rates in a CSV file, as they come."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        names = reader.fieldnames or ()
        symbol, time, rate = (
            next((name for name in candidates if name in names), None)
            for candidates in (_SYMBOL, _TIME, _RATE)
        )
        if time is None or rate is None:
            raise ValueError(f"{path} needs a column of times and one of rates: see --help")
        for row in reader:
            yield StoredSettlement(
                "file",
                row[symbol] if symbol else path.stem,
                int(row[time]),
                row.get("rateType") or REGULAR,
                float(row[rate]),
                None,
                None,
                "file",
            )


def read_store(path: Path, exchange: str) -> Iterator[StoredSettlement]:
    """The settled rates of `exchange` that the service has stored."""
    store = DurableConnection(path)
    columns = ", ".join(StoredSettlement._fields)
    select = f"SELECT {columns} FROM funding_rate WHERE exchange = ? ORDER BY symbol, funding_time"
    for row in store.rows(select, (exchange,)):
        yield StoredSettlement(*row)
    store.close()


def studies(
    rows: Iterator[StoredSettlement], days: float, since: int, until: int, symbols: Sequence[str]
) -> list[Study]:
    """One of each symbol between two times in ms, in the order of their names."""
    chosen = (
        row
        for row in rows
        if since <= row.funding_time < until and (not symbols or row.symbol in symbols)
    )
    groups = itertools.groupby(sorted(chosen, key=lambda row: row.symbol), lambda row: row.symbol)
    found = (study(symbol, list(group), days) for symbol, group in groups)
    return [each for each in found if each is not None]


def as_text(found: Sequence[Study], in_all: Totals | None, days: float) -> str:
    """The table of symbols, their gaps, and what holds for all."""
    heads = ("symbol", "settled", "from", "to", "hours", "mean % a year", "positive %", "pinned %")
    more = ("coverage %", "holes", "missed", "missing h", "of h")
    rows = [
        (
            each.symbol,
            each.count,
            day(each.first),
            day(each.last),
            "/".join(map(str, each.intervals)),
            f"{each.mean * 876_000:.2f}",
            f"{each.positive * 100:.2f}",
            "" if each.pinned is None else f"{each.pinned * 100:.1f}",
            f"{each.coverage * 100:.1f}",
            sum(gap.is_hole for gap in each.gaps),
            sum(not gap.is_hole for gap in each.gaps),
            each.missing_hours,
            each.hours,
        )
        for each in found
    ]
    text = tabulate(rows, headers=(*heads, *more), tablefmt="simple", disable_numparse=True)
    if in_all is None:
        return f"{text}\n\nNo Z-score: too few settlements, or too little coverage."
    return (
        f"{text}\n\n{in_all.scores} settlements against the {days:g} days before each:"
        f" |Z| > 2 in {in_all.above_high * 100:.1f} %, > 3 in {in_all.above_extreme * 100:.1f} %,"
        f" largest {in_all.largest:.0f};\nno deviation {in_all.no_deviation} times;"
        f" {in_all.extreme_mostly_pinned * 100:.0f} % of |Z| > 3 where more than half of the"
        " rates were pinned."
    )


def against_numpy(found: Sequence[Study]) -> str:
    """The largest difference of our mean and deviation, over all rates of each symbol."""
    try:
        numpy = import_module("numpy")
    except ImportError:
        return "numpy is not installed"
    worst = 0.0
    for each in found:
        rates = numpy.array(each.rates)
        mean, deviation = float(rates.mean()), float(rates.std(ddof=1))
        if each.deviation and deviation:
            worst = max(worst, abs(each.mean - mean) / deviation)
            worst = max(worst, abs(each.deviation - deviation) / deviation)
    return f"numpy {numpy.__version__}: the largest difference is {worst:.1e} of a deviation"


def list_gaps(found: Sequence[Study]) -> str:
    """Each gap on a line."""
    return "\n".join(
        f"{each.symbol}: {gap.missing} settlement{'s' * (gap.missing > 1)} missing"
        f" ({gap.hours} h) between {moment(gap.after_time)} and {moment(gap.before_time)}"
        for each in found
        for gap in each.gaps
    )


def day(time_ms: int) -> str:
    return moment(time_ms)[:10]


def moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(text: str) -> int:
    """A UTC day or ISO time as epoch ms."""
    at = datetime.fromisoformat(text)
    return round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 2 an argument is wrong or there is nothing to study."""
    parser = startup.parser("study.py", "What settled funding rates say: see docs/history.md.")
    add = parser.add_argument
    add("csv", nargs="?", type=Path, metavar="CSV", help="without one: what the service stored")
    add("--days", type=float, default=30.0, help="before each settlement, for its Z-score (30)")
    add("--since", type=milliseconds, default=0, help="from this UTC day or ISO time on")
    add("--until", type=milliseconds, default=1 << 62, help="up to this one, not included")
    add("--symbols", type=lambda text: text.split(","), default=(), help="only these, with commas")
    add("--exchange", default="binance", help="of what the service stored (binance)")
    add("--numpy", action="store_true", help="compare with numpy's arithmetic")
    add("--gaps", action="store_true", help="list each gap")
    options = parser.parse_args(arguments)
    try:
        if options.csv:
            rows = read_csv(options.csv)
        else:
            rows = read_store(startup.begin("study", sys.stderr).db, options.exchange)
        found = studies(rows, options.days, options.since, options.until, options.symbols)
    except (OSError, ValueError, errors.StoreError) as error:
        print(f"study.py: {error}", file=sys.stderr)
        return 2
    if not found:
        print("study.py: no settled rates there", file=sys.stderr)
        return 2
    print(as_text(found, totals(found), options.days))
    if options.numpy:
        print(f"\n{against_numpy(found)}")
    if options.gaps:
        print(f"\n{list_gaps(found)}")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `study.py | head` ends as any command does
    sys.exit(main())
