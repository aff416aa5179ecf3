#!/usr/bin/env python3
"""Measures all exchanges at once, over minutes or hours: `python -m harness.feeds`.

The whole group runs under supervisord with default settings, against the stand-in exchanges with
as many symbols as the real ones have. Of each program the CPU and the memory are read; of each
exchange the ticks that no quote was stored of, and how soon one quote can be read in the database.
With `--disturb` one exchange is frozen, dead and lying in turn, and the others should not notice.

# Facts
- Table `bar` counts the quotes of each symbol and minute: a minute without 60 lacks a tick, unless
  the stand-in itself came too late for one, which it counts.
- The stand-ins tick once a second, each at its own instant of it (`phase_ms`): Binance in a message
  for each class, the others in some 1,000. A delay from the tick on has their sending in it too.
"""

import argparse
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness import tables
from harness.bench.process_figures import cpu_seconds, machine, megabytes
from harness.group import Group, tree
from harness.processes import until
from harness.sim.venues.hyperliquid import Hyperliquid
from harness.sim.venues.kucoin import KuCoinPush
from harness.stand_in import StandIn, stand_in

EXCHANGES = ("binance", "binance-coinm", "kucoin", "hyperliquid", "backpack")
TICK_MS, MINUTE = 1_000, 60
POLL_SECONDS = 0.002
SETTLE_SECONDS = 20.0
"""From healthy to the first figure: subscribing takes the longest connection some 17 s."""
COURSES: Sequence[Mapping[str, object]] = (
    {"freeze": True},
    {"drop_connections": True, "abort": True},
    {"scale": 2.0},
)
"""Frozen, dead, lying."""
SHIFTED: Mapping[str, object] = {"skew_ms": 60_000}
"""How the stand-in for Binance lies: about the time."""

SYMBOL = (
    "SELECT symbol FROM quote WHERE exchange = ? AND funding_rate IS NOT NULL ORDER BY symbol"
    " LIMIT 1 OFFSET (SELECT count(*) / 2 FROM quote WHERE exchange = ?1"
    " AND funding_rate IS NOT NULL)"
)
MISSED = """
SELECT count(DISTINCT symbol), sum(quotes), min(quotes) FROM bar
WHERE exchange = ? AND period = 60 AND start >= ? AND start < ?
"""
EVENTS = """
SELECT kind, sum(count) FROM event WHERE at >= ? AND kind NOT IN ('start', 'stop', 'listed')
GROUP BY kind ORDER BY kind
"""


@dataclass(slots=True)
class Used:
    """What one program used: by pid, so that a restart shows."""

    pid: int
    cpu_at_start: float
    memory: list[float] = field(default_factory=list)
    cpu: float = 0.0
    restarts: int = 0

    def megabytes(self) -> tuple[str, str, str]:
        """At the start, at the end, at most."""
        first, last, most = self.memory[0], self.memory[-1], max(self.memory)
        return f"{first:.1f}", f"{last:.1f}", f"{most:.1f}"


class Delays:
    """How soon the quotes of one symbol of each exchange can be read: asked for all the time, in a
    thread of its own. Seconds since the tick, and since the quote was received."""

    def __init__(self, path: Path, symbols: Mapping[str, str]) -> None:
        self._path = path
        self._symbols = symbols
        self._stopping = threading.Event()
        self.after_tick: dict[str, list[float]] = {name: [] for name in symbols}
        self.after_receipt: dict[str, list[float]] = {name: [] for name in symbols}
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextmanager
    def measured(self) -> Iterator["Delays"]:
        """While the block runs."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            self._thread.join()

    def _run(self) -> None:
        rows = ", ".join(["(?, ?)"] * len(self._symbols))
        query = (
            "SELECT exchange, event_time, updated_at FROM quote"
            f" WHERE (exchange, symbol) IN (VALUES {rows})"
        )
        names = [word for pair in self._symbols.items() for word in pair]
        seen: dict[str, int] = {}
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as database:
            while not self._stopping.wait(POLL_SECONDS):
                with suppress(sqlite3.OperationalError):
                    found = database.execute(query, names).fetchall()
                    now = time.time()
                    for name, event_time, updated_at in found:
                        if seen.get(name, event_time) != event_time:
                            self.after_tick[name].append(now - tick_of(name, event_time))
                            self.after_receipt[name].append(now - updated_at)
                        seen[name] = event_time


def tick_of(exchange: str, event_time: int) -> float:
    """The instant (Unix seconds) at which the stand-in began to send. KuCoin's event time is the
    second that its price is of, and Hyperliquid's that of receipt."""
    if exchange == "kucoin":
        event_time += KuCoinPush.phase_ms
    elif exchange == "hyperliquid":
        phase = Hyperliquid.phase_ms
        event_time = (event_time - phase) // TICK_MS * TICK_MS + phase
    return event_time / 1_000


def share(values: Sequence[float], of: float) -> float:
    """The value that this share of `values` do not exceed; nan without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * of))] if ordered else float("nan")


def sample(group: Group, used: dict[str, Used]) -> None:
    """Read CPU and memory of every program now."""
    for name, pid in group.programs("RUNNING").items():
        with suppress(OSError):
            cpu, known = cpu_seconds(pid), used.get(name)
            if known is None:
                known = used[name] = Used(pid, cpu)
            elif known.pid != pid:
                known.pid, known.cpu_at_start = pid, cpu
                known.restarts += 1
            known.cpu = cpu - known.cpu_at_start
            known.memory.append(megabytes(pid))


def left_out(exchange: StandIn) -> dict[str, int]:
    """Ticks that each stand-in itself came too late for."""
    found = {name: exchange.order(f"{name}/state")["ticks_left_out"] for name in EXCHANGES[2:]}
    mine = exchange.order("state")["ticks_left_out"]
    return {"binance": mine, "binance-coinm": mine, **found}


def disturb(exchange: StandIn, name: str, at: float) -> None:
    """What happens to an exchange at `at`, a share of the whole time: each third a fault of half
    its length."""
    number, within = divmod(at * len(COURSES), 1)
    path = "faults" if name == "binance" else f"{name}/faults"
    exchange.order(path, "DELETE")
    if 0.25 <= within < 0.75 and number < len(COURSES):
        lies = name == "binance" and "scale" in COURSES[int(number)]
        exchange.order(path, "POST", SHIFTED if lies else COURSES[int(number)])


def run(seconds: float, disturbed: str) -> None:
    """Everything from the first process to the last line."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ff-")))
        exchange = stack.enter_context(stand_in(folder, count=()))
        settings = {
            "FUNDING_EXCHANGES": ",".join(EXCHANGES),
            "FUNDING_HYPERLIQUID_DEXES": "*",
            **exchange.venue_settings,
        }
        group = Group(stack.enter_context(tree()), exchange, settings)
        group.start()
        stack.callback(group.stop)
        group.wait_until_healthy()
        until(lambda: len(symbols_of(group)) == len(EXCHANGES), "quotes of all exchanges")
        time.sleep(SETTLE_SECONDS)
        print(f"{machine()}; {seconds / 60:g} minutes", flush=True)
        report(group, exchange, *watch(group, exchange, seconds, disturbed))


def symbols_of(group: Group) -> dict[str, str]:
    """One symbol of each exchange, from the middle of its list."""
    with suppress(sqlite3.Error):
        found = {name: group.rows(SYMBOL, name) for name in EXCHANGES}
        return {name: str(rows[0][0]) for name, rows in found.items() if rows}
    return {}


def watch(
    group: Group, exchange: StandIn, seconds: float, disturbed: str
) -> tuple[dict[str, Used], Delays, float, dict[str, int]]:
    """The figures of `seconds`; what is counted at the start, too."""
    used: dict[str, Used] = {}
    before, began, wall = left_out(exchange), time.monotonic(), time.time()
    with Delays(group.database, symbols_of(group)).measured() as delays:
        while (now := time.monotonic() - began) < seconds:
            sample(group, used)
            if disturbed:
                disturb(exchange, disturbed, now / seconds)
            time.sleep(min(10.0, max(0.1, seconds / 60), seconds - now))
        sample(group, used)
    return used, delays, wall, before


def report(
    group: Group,
    exchange: StandIn,
    used: Mapping[str, Used],
    delays: Delays,
    wall: float,
    before: Mapping[str, int],
) -> None:
    """The tables."""
    first, last = (int(wall) // MINUTE + 1) * MINUTE, int(time.time()) // MINUTE * MINUTE
    after = left_out(exchange)
    time.sleep(max(0.0, last + 10.0 - time.time()))  # its bars are stored 5 to 7 s after a minute
    programs = [
        (name, f"{each.cpu:.1f}", *each.megabytes(), each.restarts)
        for name, each in sorted(used.items())
    ]
    heads = ("program", "CPU, s", "MB at the start", "at the end", "at most", "restarts")
    print(tables.table(programs, heads, "github"), flush=True)
    rows = []
    for name in EXCHANGES:
        ((count, quotes, _),) = group.rows(MISSED, name, first, last)
        missed = count * (last - first) - (quotes or 0)
        late = [1_000 * share(delays.after_tick[name], of) for of in (0.5, 0.99)]
        own = [1_000 * share(delays.after_receipt[name], of) for of in (0.5, 0.99)]
        skipped = after[name] - before[name]
        rows.append((name, count, count * (last - first), missed, skipped,
                     *map(tables.number, (*late, *own))))  # fmt: skip
    columns = (
        *("exchange", "symbols", "quotes sent", "missed", "ticks not sent"),
        *("tick → readable, ms, p50", "p99", "received → readable, ms, p50", "p99"),
    )
    print(tables.table(rows, columns, "github"))
    print("events:", ", ".join(f"{kind} {count}" for kind, count in group.rows(EVENTS, wall)))


def main() -> int:
    """0 when it was measured."""
    parser = argparse.ArgumentParser(prog="python -m harness.feeds", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=5.0, help="how long (5)")
    choices = [name for name in EXCHANGES if name != "binance-coinm"]
    add("--disturb", choices=choices, default="", help="freeze, cut off and falsify this one")
    given = parser.parse_args()
    if words := tables.missing():
        parser.error(words)
    run(given.minutes * 60, given.disturb)
    return 0


if __name__ == "__main__":
    sys.exit(main())
