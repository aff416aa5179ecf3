"""What must hold after all faults: no step back, nothing acknowledged lost."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from harness.machines import observed
from harness.machines.observed import Kept, Trail
from harness.machines.scene import Scene
from harness.machines.takers import Taker
from harness.processes import until
from harness.tables import Criterion, verdict

DRAINED_SECONDS = 60.0
TIMES = {"signal": "at", "event": "at", "comparison": "compared_at"}
MARK = "SELECT done FROM consumer WHERE name = ?"
SIGNALS = """
SELECT id, exchange, symbol, kind, zone, direction, event_time, detail FROM signal WHERE id <= ?
"""


def mark(taker: Taker, table: str) -> int:
    """The id of the last row of `table` that the stream has acknowledged."""
    with suppress(sqlite3.Error):
        rows = taker.rows(MARK, f"publish-{table}")
        return int(rows[0][0]) if rows else 0
    return 0


def _drained(taker: Taker) -> Callable[[], bool]:
    """Whether nothing waits that is older than a moment."""
    last = {
        table: int(taker.rows(f"SELECT coalesce(max(id), 0) FROM {table}")[0][0]) for table in TIMES
    }
    return lambda: all(mark(taker, table) >= last[table] for table in last)


def _marks(scene: Scene) -> dict[tuple[str, str], int]:
    takers = scene.takers.values()
    return {(taker.name, table): mark(taker, table) for taker in takers for table in TIMES}


def missing(scene: Scene, stream: list[Kept]) -> int:
    """How many rows that takers hold for acknowledged now are not in `stream`."""
    marks = _marks(scene)
    return sum(
        len(_judge(stream, taker, table, marks[taker.name, table]).missing)
        for taker in scene.takers.values()
        for table in TIMES
    )


def trail(scene: Scene) -> list[Criterion]:
    """Every row that is told to be acknowledged is in the stream, and none waits for ever."""
    found = []
    for taker in scene.takers.values():
        began = time.monotonic()
        good = False
        with suppress(AssertionError):
            until(_drained(taker), "all rows are acknowledged", DRAINED_SECONDS)
            good = True
        took = time.monotonic() - began
        words = f"after {took:.1f} s" if good else f"not within {DRAINED_SECONDS:g} s"
        found.append(Criterion(f"{taker.name}: all rows acknowledged", verdict(good), words))
    marks = _marks(scene)
    stream = scene.stream()
    for taker in scene.takers.values():
        for table in TIMES:
            judged = _judge(stream, taker, table, marks[taker.name, table])
            good = not judged.missing and not judged.twice
            name = f"{taker.name}: trail of {table}s"
            found.append(Criterion(name, verdict(good, judged.acknowledged > 0), str(judged)))
    return found


def _judge(stream: list[Kept], taker: Taker, table: str, last: int) -> Trail:
    if table == "signal":
        rows = taker.rows(SIGNALS, last)
        return observed.signals(stream, [(number, tuple(rest)) for number, *rest in rows])
    statement = f"SELECT id, {TIMES[table]} FROM {table} WHERE id <= ?"
    return observed.trail(stream, table, taker.name, taker.rows(statement, last))


def order(scene: Scene) -> list[Criterion]:
    """No reader saw a quote go back, nor did the bucket."""
    found = []
    for kind in ("client", "api"):
        steps = observed.steps_back(scene.lines(kind))
        quotes = sum(line["kind"] == "quote" for line in scene.lines(kind))
        found.append(_order(f"{kind}: quotes go back", steps, f"of {quotes:,} quotes"))
    lines = scene.lines("bucket")
    values = sum(line["kind"] == "value" for line in lines)
    found.append(
        _order("bucket: values go back", observed.values_back(lines), f"of {values:,} values")
    )
    return found


def _order(name: str, steps: list[observed.Step], of: str) -> Criterion:
    details = tuple(map(str, steps[:5]))
    return Criterion(name, verdict(not steps), f"{len(steps)} {of}", details)


def duplicates(scene: Scene) -> Iterable[str]:
    """Plain messages that readers pass over, in words."""
    lines = scene.lines("raw")
    quotes = sum(line["kind"] == "quote" for line in lines)
    back = len(observed.steps_back(lines))
    yield (
        f"of {quotes:,} plain messages {observed.both_at_once(lines)} were sent by both takers,"
        f" {observed.sent_twice(lines)} twice by one, {back} came after a newer one"
    )
