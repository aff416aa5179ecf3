"""Kills writers at random moments, and judges what the store holds then.

Three writers, as in the group, write one database side by side. One of them is killed while the
others go on, or all at once; each is started again where it was, until enough were killed.
"""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.durability.writers import (
    ALERTS,
    COMPARED,
    EVENT_EVERY,
    FIRST_MS,
    ROLES,
    SYMBOLS,
    TARGETS,
)
from harness.processes import Process, module, start
from tests.support.clock import rows

LONGEST_SECONDS = 0.15
"""Between two kills; most are closer together, many of a writer that has just started."""

_EVENTS = "SELECT CAST(detail AS INTEGER) FROM event WHERE source = 'ingest'"
PARTS: dict[str, dict[str, int]] = {
    "ingest": {_EVENTS: 1},
    "watchdog": {
        "SELECT skew_ms FROM comparison WHERE source = 'watchdog'": COMPARED,
        "SELECT CAST(detail AS INTEGER) FROM event WHERE source = 'watchdog'": 1,
    },
    "consumer": {
        "SELECT CAST(key AS INTEGER) FROM alert": ALERTS,
        "SELECT CAST(body ->> '$.text' AS INTEGER) FROM outbox": ALERTS * len(TARGETS),
    },
}
"""By role: queries that give the commit number of each stored row, and the rows of a commit."""
FRAME = """
SELECT count(DISTINCT event_time), count(*), coalesce(max(event_time), ?1) - ?1,
    coalesce(CAST(max(mark_price) AS INTEGER), 0), coalesce((SELECT frames FROM feed), 0)
FROM quote
"""


@dataclass
class Writer:
    """One process of a writer, whose first commit has the number `first`."""

    role: str
    first: int
    process: Process
    log: Path

    def kill(self) -> list[int]:
        """The commits that it had acknowledged when it was killed."""
        assert self.process.stdout is not None
        self.process.send_signal(signal.SIGKILL)
        acknowledged = self.process.stdout.read().split()
        self.process.stdout.close()
        by_itself = f"{self.role} ended by itself: {self.log.read_text('utf-8')}"
        assert self.process.wait() == -signal.SIGKILL, by_itself
        return [int(line) for line in acknowledged]


@dataclass
class Kills:
    """Kills, acknowledged commits by role, and commits that are present but not acknowledged."""

    kills: int = 0
    acknowledged: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 0))
    unacknowledged: int = 0

    def __add__(self, other: "Kills") -> "Kills":
        acknowledged = {role: self.acknowledged[role] + other.acknowledged[role] for role in ROLES}
        return Kills(
            self.kills + other.kills, acknowledged, self.unacknowledged + other.unacknowledged
        )

    def __str__(self) -> str:
        by_role = self.acknowledged
        events = by_role["ingest"] // EVENT_EVERY + by_role["watchdog"]
        return (
            f"of {by_role['watchdog'] * COMPARED:,} comparisons,"
            f" {by_role['consumer'] * ALERTS:,} alerts, {events:,} events and"
            f" {by_role['ingest']:,} frames 0 lost;"
            f" {self.unacknowledged} more were whole and not acknowledged"
        )


def kill_writers(path: Path, kills: int, seed: int, *sabotage: str) -> Kills:
    """Kill `kills` writers of the database at `path`; AssertionError for what is lost or torn.

    `sabotage` are arguments of the writers that make them wrong."""
    draw, result = random.Random(seed), Kills()
    with _writers(path, sabotage) as alive:
        while result.kills < kills:
            chosen = list(ROLES) if draw.random() < 0.2 else [draw.choice(list(ROLES))]
            time.sleep(draw.random() ** 3 * LONGEST_SECONDS)
            for role, acknowledged in [(role, alive[role].kill()) for role in chosen]:
                first = alive[role].first
                last = _judge(path, role, first, acknowledged)
                result.kills += 1
                result.acknowledged[role] += len(acknowledged)
                result.unacknowledged += last + 1 - first - len(acknowledged)
                alive[role] = _started(role, path, last + 1, sabotage)
    for role in ROLES:
        stored_commits(path, role, 1)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    return result


@contextmanager
def _writers(path: Path, sabotage: tuple[str, ...]) -> Iterator[dict[str, Writer]]:
    alive = {role: _started(role, path, 1, sabotage) for role in ROLES}
    try:
        yield alive
    finally:
        for writer in alive.values():
            if writer.process.returncode is None:
                writer.kill()


def _started(role: str, path: Path, first: int, sabotage: tuple[str, ...]) -> Writer:
    """A new writer that is about to open the store."""
    command = module("harness.durability.writers", role, path, first, *sabotage)
    log = path.with_name(f"{role}.log")
    process = start(command, log, piped=True)
    assert process.stdout is not None
    assert process.stdout.read(6) == b"ready\n", f"{role} does not start"
    return Writer(role, first, process, log)


def _judge(path: Path, role: str, first: int, acknowledged: list[int]) -> int:
    """All commits that a killed writer acknowledged must be there; the number of its last."""
    last = first + len(acknowledged)
    assert acknowledged == list(range(first, last))
    found = stored_commits(path, role, first)
    lost = set(acknowledged) - found
    assert not lost, f"{role}: {sorted(lost)} were acknowledged and are lost"
    assert found <= {*acknowledged, last}, f"{role}: more than one commit that was not acknowledged"
    return max(found, default=first - 1)


def stored_commits(path: Path, role: str, first: int) -> set[int]:
    """The stored commits of `role` from `first` on, each of which must be whole."""
    if not path.exists() or not rows(path, "SELECT 1 FROM sqlite_schema LIMIT 1"):
        return set()
    found: list[set[int]] = []
    for select, many in PARTS[role].items():
        counted = (
            f"WITH part(number) AS ({select})"
            " SELECT number, count(*) FROM part WHERE number >= ? GROUP BY number"
        )
        part = dict(rows(path, counted, first))
        torn = {number: count for number, count in part.items() if count != many}
        assert not torn, f"{role}: of {many} rows of a commit there are {torn}"
        found.append(set(part))
    assert all(part == found[0] for part in found), (
        f"{role}: rows without the others of their commit"
    )
    return found[0] if role != "ingest" else set(range(first, _frame(path, first, found[0]) + 1))


def _frame(path: Path, first: int, events: set[int]) -> int:
    """The number of the stored frame; all quotes are of it, the events of it and those before."""
    ((times, symbols, number, price, feed),) = rows(path, FRAME, FIRST_MS)
    assert (times, symbols) in ((1, len(SYMBOLS)), (0, 0)), "half a frame"
    assert number == price
    assert feed in (0, number), "a frame without its feed row"  # 0: of one that has just started
    wanted = {each for each in range(first, number + 1) if each % EVENT_EVERY == 0}
    assert events == wanted, f"frame {number} has the events {sorted(events)}"
    return int(number)
