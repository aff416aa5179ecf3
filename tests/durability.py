"""Kills writers at random instants, and judges what the store then holds.

Three writers, as in the group, write one database side by side. One of them dies while the others
go on, or all die at once; each is begun anew where it was, until enough have died.
"""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT
from tests.durability_writer import (
    ALERTS,
    COMPARED,
    EVENT_EVERY,
    FIRST_MS,
    ROLES,
    SYMBOLS,
    TARGETS,
)
from tests.support.clock import rows
from tests.support.processes import environment

LONGEST_SECONDS = 0.15
"""Between two deaths; most are closer together, many of a writer that has just been begun."""

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
"""Per role: the number of its commit of each row it has stored, and how many rows a commit has."""
FRAME = """
SELECT count(DISTINCT event_time), count(*), coalesce(max(event_time), ?1) - ?1,
    coalesce(CAST(max(mark_price) AS INTEGER), 0), coalesce((SELECT frames FROM feed), 0)
FROM quote
"""


@dataclass
class Writer:
    """One life of a writer, whose first commit is to be number `first`."""

    role: str
    first: int
    process: subprocess.Popen[bytes]

    def kill(self) -> list[int]:
        """The commits that it had told of when it died."""
        assert self.process.stdout is not None
        self.process.send_signal(signal.SIGKILL)
        told = self.process.stdout.read().split()
        self.process.stdout.close()
        assert self.process.wait() == -signal.SIGKILL, f"{self.role} ended by itself"
        return [int(line) for line in told]


@dataclass
class Toll:
    """Deaths, commits told of and present by role, and present ones that nobody was told of."""

    kills: int = 0
    told: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 0))
    untold: int = 0

    def __add__(self, other: "Toll") -> "Toll":
        told = {role: self.told[role] + other.told[role] for role in ROLES}
        return Toll(self.kills + other.kills, told, self.untold + other.untold)

    def __str__(self) -> str:
        told = self.told
        return (
            f"of {told['watchdog'] * COMPARED:,} comparisons, {told['consumer'] * ALERTS:,} alerts,"
            f" {told['ingest'] // EVENT_EVERY + told['watchdog']:,} events and"
            f" {told['ingest']:,} frames 0 lost;"
            f" {self.untold} more were whole and not told of"
        )


def kill_writers(path: Path, kills: int, seed: int, *sabotage: str) -> Toll:
    """Kill `kills` writers of the database at `path`; AssertionError for what is lost or torn."""
    draw, toll = random.Random(seed), Toll()
    with _writers(path, sabotage) as alive:
        while toll.kills < kills:
            chosen = list(ROLES) if draw.random() < 0.2 else [draw.choice(list(ROLES))]
            time.sleep(draw.random() ** 3 * LONGEST_SECONDS)
            for role, told in [(role, alive[role].kill()) for role in chosen]:
                first = alive[role].first
                last = _judge(path, role, first, told)
                toll.kills += 1
                toll.told[role] += len(told)
                toll.untold += last + 1 - first - len(told)
                alive[role] = _begun(role, path, last + 1, sabotage)
    for role in ROLES:
        held(path, role, 1)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    return toll


@contextmanager
def _writers(path: Path, sabotage: tuple[str, ...]) -> Iterator[dict[str, Writer]]:
    alive = {role: _begun(role, path, 1, sabotage) for role in ROLES}
    try:
        yield alive
    finally:
        for writer in alive.values():
            if writer.process.returncode is None:
                writer.kill()


def _begun(role: str, path: Path, first: int, sabotage: tuple[str, ...]) -> Writer:
    """A new writer that is about to open the store."""
    command = [sys.executable, "-m", "tests.durability_writer", role, str(path), str(first)]
    process = subprocess.Popen(
        [*command, *sabotage],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdout is not None
    assert process.stdout.read(6) == b"begun\n", f"{role} does not begin"
    return Writer(role, first, process)


def _judge(path: Path, role: str, first: int, told: list[int]) -> int:
    """Whether all that a dead writer told of is there; the number of its last commit."""
    last = first + len(told)
    assert told == list(range(first, last))
    found = held(path, role, first)
    lost = set(told) - found
    assert not lost, f"{role}: {sorted(lost)} were told of and are lost"
    assert found <= {*told, last}, f"{role}: more than one commit that nobody was told of"
    return max(found, default=first - 1)


def held(path: Path, role: str, first: int) -> set[int]:
    """The commits of `role` from `first` on, each of which must be whole."""
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
    assert all(part == found[0] for part in found), f"{role}: rows without their others"
    return found[0] if role != "ingest" else set(range(first, _frame(path, first, found[0]) + 1))


def _frame(path: Path, first: int, events: set[int]) -> int:
    """The number of the stored frame: all quotes and the events are of it and the ones before."""
    ((times, symbols, number, price, feed),) = rows(path, FRAME, FIRST_MS)
    assert (times, symbols) in ((1, len(SYMBOLS)), (0, 0)), "half a frame"
    assert number == price
    assert feed in (0, number), "a frame without its feed row"  # 0: of one that has just begun
    wanted = {each for each in range(first, number + 1) if each % EVENT_EVERY == 0}
    assert events == wanted, f"frame {number} has the events {sorted(events)}"
    return int(number)
