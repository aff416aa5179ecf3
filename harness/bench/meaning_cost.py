"""What Z-scores, signals and bars cost ingest: beside a version before them, in one run.

    python -m harness.bench.meaning_cost --beside FOLDER     # a checkout with a .venv

Both ingest programs listen to one stand-in, of which nearly every rate changes each second; ours
has statistics of every symbol. CPU is read in windows, so that both see the same frames. Then a
frame is sent to each in turn until the API shows it. Two figures are of this process alone: a frame
of 745 rows scored, and the memory for 1,300 contracts.
"""

import argparse
import gc
import json
import re
import statistics
import sys
import tempfile
import time
import tracemalloc
from array import array
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import apsw

from funding.ingest.meaning import Meaning
from funding.ingest.track import Remembered
from funding.model.contract import ContractStatus
from funding.model.quote import Quote
from funding.statistics.score import Normal, Scorer, normal
from funding.statistics.window import QUANTILES
from harness.bench.contenders import BEFORE, Checkout
from harness.bench.figures import OURS
from harness.bench.prepared_frames import build
from harness.bench.process_figures import cpu_seconds, machine, written
from harness.bench.rows import visibility
from harness.processes import running, until
from harness.stand_in import stand_in

_BASE = 1.25e-5  # 1 bp per 8 h, per hour
_SAMPLE = [_BASE + (step - QUANTILES // 2) * 1e-8 for step in range(QUANTILES)]
_CONTRACT = """
INSERT OR REPLACE INTO contract (exchange, symbol, status, base_asset, quote_asset, multiplier,
    funding_interval_hours, checked_at)
SELECT exchange, symbol, 'TRADING', symbol, 'USDT', 1, 8, 1 FROM quote
"""
_STATISTICS = """
INSERT OR REPLACE INTO funding_stats (exchange, symbol, mean, deviation, count, coverage, pinned,
    since, computed_at, quantiles)
SELECT exchange, symbol, funding_rate / 8, 1e-6, 90, 1, 0.5, 0, 1, ? FROM quote
WHERE funding_rate IS NOT NULL
"""
_LAST_DIGIT = re.compile(rb'("r":"[-0-9.]{9,})\d')
_SCORED = "SELECT count(z_score) FROM quote"


def add_statistics(path: Path) -> None:
    """Let every symbol in the store have statistics, as the history program would."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.set_busy_timeout(5_000)
        with connection:
            connection.execute(_CONTRACT)
            connection.execute(_STATISTICS, (json.dumps(_SAMPLE),))


def count(path: Path, statement: str) -> int:
    """What `statement` counts."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        connection.set_busy_timeout(5_000)
        return int(str(connection.execute(statement).get))


def has_rows(path: Path, statement: str, least: int) -> bool:
    """Whether `statement` counts as many, in a store that is there and has its tables."""
    try:
        return path.exists() and count(path, statement) >= least
    except apsw.SQLError:
        return False


def listening(checkouts: Sequence[Checkout], folder: Path, windows: int) -> dict[str, list[float]]:
    """The share of a core that each takes, in percent, window by window."""
    shares: dict[str, list[float]] = {each.name: [] for each in checkouts}
    with ExitStack() as stack:
        at = stack.enter_context(stand_in(folder, count=()))
        pids = {}
        for each in checkouts:
            path = folder / f"{each.name}.db"
            settings = {"FUNDING_DB": path, "FUNDING_WS_URL": at.ws_url, "FUNDING_SUPERVISOR": path}
            settings |= {"FUNDING_REST_URL": at.rest_url}
            log = folder / f"{each.name}.log"
            program = running(each.program("ingest.py"), log, cwd=each.root, settings=settings)
            pids[each.name] = stack.enter_context(program).pid
            until(partial(has_rows, path, "SELECT count(*) FROM quote", 900), f"quotes: {log}")
        ours = folder / f"{OURS}.db"
        add_statistics(ours)
        until(partial(has_rows, ours, _SCORED, 800), "scores")
        before = {name: written(pid).handed for name, pid in pids.items()}
        began = time.monotonic()
        for _ in range(windows):
            start = {name: cpu_seconds(pid) for name, pid in pids.items()}
            at_start = time.monotonic()
            time.sleep(5.0)
            for name, pid in pids.items():
                used = cpu_seconds(pid) - start[name]
                shares[name].append(100 * used / (time.monotonic() - at_start))
        hours = (time.monotonic() - began) / 3_600
        for name, pid in pids.items():
            print(f"  {name}: {(written(pid).handed - before[name]) / hours / 1e6:.0f} MB an hour")
    return shares


def seen(checkouts: Sequence[Checkout], folder: Path, trials: int) -> dict[str, list[float]]:
    """Milliseconds from the send of a frame until the API shows it."""
    frames = [_LAST_DIGIT.sub(rb"\g<1>%d" % digit, build()[0]) for digit in (3, 7)]
    with ExitStack() as stack:
        watched = [stack.enter_context(visibility.ours(folder, each)) for each in checkouts]
        event_time = int(time.time() * 1000) - 3_600_000
        for one in watched:
            until(partial(one.trial, frames[0], event_time), one.name)
        add_statistics(folder / f"{OURS}.db")
        for number in range(trials + 5):
            for one in watched:
                event_time += 1_000
                one.measure(frames[number % 2], event_time)
                time.sleep(0.01)
        print(f"  {count(folder / f'{OURS}.db', _SCORED)} rows of ours have a score")
        return {one.name: one.times[5:] for one in watched}


def frame_of(symbols: Sequence[str], second: int) -> dict[str, tuple[Quote, float, float]]:
    """A frame in which every rate is another than a second before."""
    at = 1_764_000_000_000 + second * 1_000
    rates = (8 * _SAMPLE[(number + second) % QUANTILES] for number in range(len(symbols)))
    return {
        name: (Quote(name, 100.0 + second, 100.0, rate, 1 << 41, at), at / 1000, float(second))
        for name, rate in zip(symbols, rates, strict=True)
    }


def known() -> Normal:
    """What is normal for a symbol."""
    return normal(ContractStatus.TRADING, 8, _BASE, 1e-6, array("d", _SAMPLE), None)


def scored() -> tuple[float, float]:
    """CPU ms for the Z-scores of 745 rates, and for all that a frame of them means; medians."""
    names = [f"S{number}USDT" for number in range(745)]
    usual, meaning = known(), Meaning("binance")
    for name in names:
        meaning.set_normal(name, usual, trades=True)
    scorers = [Scorer(usual) for _ in names]
    alone, whole = [], []
    for second in range(1, 200):
        frame = frame_of(names, second)
        began = time.process_time()
        for scorer, (quote, _, _) in zip(scorers, frame.values(), strict=True):
            scorer.score(quote.funding_rate)
        alone.append(time.process_time() - began)
        began = time.process_time()
        meaning.take(frame, 1 << 60)
        whole.append(time.process_time() - began)
        meaning.written()
        meaning.finished.clear()
    return statistics.median(alone) * 1e3, statistics.median(whole) * 1e3


def memory(contracts: int = 1_300, seconds: int = 3_600) -> float:
    """MB for so many contracts, after some time of moving rates."""
    names = [f"S{number}USDT" for number in range(contracts)]
    gc.collect()
    tracemalloc.start()
    rows = [Remembered(name, 1.0, 1.0, 1e-4, 1 << 41, 1, 0.5, 50.0, 0) for name in names]
    meaning = Meaning("binance", (), rows)
    for name in names:
        meaning.set_normal(name, known(), trades=True)
    for second in range(0, seconds, 15):
        meaning.take(frame_of(names, second), 1 << 60)
        meaning.written()
        meaning.finished.clear()
    del rows
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken / 1e6


def main() -> int:
    """Exit code 0."""
    parser = argparse.ArgumentParser(prog="meaning_cost", description=__doc__)
    parser.add_argument("--beside", type=Path, metavar="FOLDER", help="the version before")
    parser.add_argument("--windows", type=int, default=12, help="of five seconds each (12)")
    parser.add_argument("--trials", type=int, default=300, help="frames to each (300)")
    given = parser.parse_args()
    checkouts = [Checkout(), *([Checkout(BEFORE, given.beside.resolve())] if given.beside else [])]
    print(machine())
    alone, whole = scored()
    print(f"745 Z-scores: {alone:.2f} ms; all that the frame means: {whole:.2f} ms")
    print(f"memory for 1,300 contracts: {memory():.2f} MB")
    with tempfile.TemporaryDirectory(prefix="fb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shares = listening(checkouts, folder, given.windows)
        for who, each in shares.items():
            print(f"ingest, % of a core: {who} {statistics.median(each):.2f}, most {max(each):.2f}")
        if given.beside:
            pairs = zip(shares[OURS], shares[BEFORE], strict=True)
            print(f"  ratio {statistics.median(a / b for a, b in pairs):.2f}")
        (folder / "seen").mkdir()
        for who, times in seen(checkouts, folder / "seen", given.trials).items():
            cuts = statistics.quantiles(times, n=100)
            print(f"frame sent → readable, ms: {who} p50 {cuts[49]:.2f}, p99 {cuts[98]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
