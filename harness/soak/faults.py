"""What a fault is, and the courses that faults take: how each begins, lasts and is over.

A course is a generator that is advanced some ten times a second; it ends when fresh data of all
symbols and health 200 are seen over HTTP, and what was killed or stopped is new.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.soak.pace import Pace
from harness.soak.scene import APIS, INGEST, WATCHDOG, Scene

UNHEALTHY, STALE, NOT_READY = "503 unhealthy", "503 stale", "503 not ready"
UNREADABLE, MISSING, UNKNOWN = "503 store unavailable", "symbols missing", "404 unknown symbol"
LOST, REFUSED, LATE, FAILED = "lost", "refused", "late", "failed"
SILENT = frozenset({UNHEALTHY, STALE})
CUT = frozenset({LOST, LATE})
ANEW = SILENT | {NOT_READY, UNREADABLE, MISSING, UNKNOWN, FAILED}
"""What clients may meet while there is no data; while API processes end; while a new database
begins. `failed` is what sqlite3 says of a file that is damaged or away."""

STOPS_PER_10_MINUTES = 2
"""Of one program: the watchdog's budget is 3 restarts in 10 minutes, then a person must look."""


@dataclass(slots=True)
class Injury:
    """One fault that happened; monotonic seconds. Recovery counts from `since`."""

    kind: "Kind"
    began: float
    since: float
    ended: float = 0.0
    killed: int = 0

    @property
    def seconds(self) -> float:
        """Until it had recovered."""
        return self.ended - self.since


Course = Callable[[Scene, Injury], Iterator[None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """`bound` gives seconds until it must have recovered. `deadly`: programs end by it.
    `aside`: others may happen meanwhile, only one of all of them `deadly`. `attempts` are the
    connection attempts it may take; `stops` the programs whose restart budget it draws on;
    `every` is the least time between two, in seconds; `ruins`: the database is lost by it."""

    name: str
    course: Course
    bound: Callable[[Pace], float]
    excuses: frozenset[str] = frozenset()
    deadly: bool = False
    aside: bool = False
    attempts: float = 0.0
    every: float = 0.0
    stops: tuple[str, ...] = ()
    ruins: bool = False


def _after(scene: Scene, injury: Injury) -> Iterator[None]:
    """From now on it counts, until all is fresh."""
    injury.since, sent = time.monotonic(), scene.exchange.last_sent()
    while not scene.fresh(sent):
        yield


def _lasting(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def posted(**faults: object) -> Course:
    """Faults of the exchange that are in force until all is well in spite of them."""

    def course(scene: Scene, injury: Injury) -> Iterator[None]:
        scene.exchange.fault(**faults)
        yield from _after(scene, injury)
        scene.exchange.fault(**dict.fromkeys(faults))

    return course


def until_over(least: float, most: float, **faults: object) -> Course:
    """Faults of the exchange that stop the data; it counts from their end."""

    def course(scene: Scene, injury: Injury) -> Iterator[None]:
        scene.exchange.fault(**faults)
        yield from _lasting(scene.chance.uniform(least, most))
        scene.exchange.fault(**dict.fromkeys(faults))
        yield from _after(scene, injury)

    return course


def in_spite(least: float, most: float, **faults: object) -> Course:
    """Faults that change nothing: data are fresh again and again while they are in force."""

    def course(scene: Scene, injury: Injury) -> Iterator[None]:
        scene.exchange.fault(**faults)
        end = time.monotonic() + scene.chance.uniform(least, most)
        worst = 0.0
        while time.monotonic() < end:
            yield from _after(scene, injury)
            worst = max(worst, time.monotonic() - injury.since)
        scene.exchange.fault(**dict.fromkeys(faults))
        injury.since = time.monotonic() - worst

    return course


def rest(**faults: object) -> Course:
    """Faults of REST, until it was asked or for a quarter of a minute."""

    def course(scene: Scene, injury: Injury) -> Iterator[None]:
        calls = scene.exchange.calls()
        scene.exchange.fault(**faults)
        end = time.monotonic() + 15
        while time.monotonic() < end and scene.exchange.calls() == calls:
            yield
        yield from _after(scene, injury)
        scene.exchange.fault(**dict.fromkeys(faults))

    return course


def frozen(scene: Scene, injury: Injury) -> Iterator[None]:
    """One symbol repeats its old row; then it goes on."""
    symbol = scene.chance.choice(scene.oracle.symbols)
    scene.frozen.add(symbol)
    scene.exchange.fault(freeze_symbols=[symbol])
    yield from _lasting(scene.chance.uniform(5, 25))
    scene.exchange.fault(freeze_symbols=None)
    scene.frozen.discard(symbol)
    yield from _after(scene, injury)


def signalled(number: int, *programs: str, one: bool = False) -> Course:
    """A signal to `programs`, or to one of them, until they are other processes."""

    def course(scene: Scene, injury: Injury) -> Iterator[None]:
        chosen = [scene.chance.choice(programs)] if one else programs
        while not (old := scene.kill(number, chosen)):
            yield
        sent = scene.exchange.last_sent()
        injury.since = time.monotonic()
        injury.killed = sum(name in APIS for name in old)
        while not (scene.renewed(old) and scene.fresh(sent)):
            yield

    return course


def ruined(how: str) -> Course:
    """The database is damaged or gone, until another is in its place: by a new ingest."""

    def course(scene: Scene, injury: Injury) -> Iterator[None]:
        old = {INGEST: scene.group.pids()[INGEST]}
        while not scene.damage(how):
            yield from _lasting(2)
        if how == "page":  # nobody reads it until the watchdog reads all: each hour, and at first
            old |= scene.kill(signal.SIGKILL, [WATCHDOG])
        injury.since = time.monotonic()
        while not scene.renewed(old):
            yield
        sent = scene.exchange.last_sent()
        while not scene.fresh(sent):
            yield

    return course


def beheaded(scene: Scene, injury: Injury) -> Iterator[None]:
    """supervisord is killed, and scripts/run begun again once nothing is left of it."""
    os.kill(scene.group.supervisor(), signal.SIGKILL)
    while not scene.group.has_ended() or scene.group.leftovers():
        yield
    scene.group.start()
    injury.killed = len(APIS)
    yield from _after(scene, injury)
