"""What a fault is, and the courses that faults take: how each begins, lasts and ends.

A course is a generator that is advanced some ten times a second. It ends when HTTP shows fresh data
of all symbols and health 200, and every program that was killed or stopped runs as a new process.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.soak.environment import APIS, INGEST, WATCHDOG, Environment
from harness.soak.speed import Speed

UNHEALTHY, STALE, NOT_READY = "503 unhealthy", "503 stale", "503 not ready"
UNREADABLE, MISSING, UNKNOWN = "503 store unavailable", "symbols missing", "404 unknown symbol"
LOST, REFUSED, LATE, FAILED = "lost", "refused", "late", "failed"
SILENT = frozenset({UNHEALTHY, STALE})
CUT = frozenset({LOST, LATE})
NEW_DATABASE = SILENT | {NOT_READY, UNREADABLE, MISSING, UNKNOWN, FAILED}
"""Outcomes that clients may meet while there is no data; while API processes end; while a new
database begins. `failed` is the error of sqlite3 for a file that is damaged or away."""

STOPS_PER_10_MINUTES = 2
"""Of one program: the watchdog's budget is 3 restarts in 10 minutes, then a person must look."""


@dataclass(slots=True)
class Fault:
    """One that happened; monotonic seconds. Recovery counts from `since`."""

    kind: "FaultKind"
    began: float
    since: float
    ended: float = 0.0
    killed: int = 0

    @property
    def seconds(self) -> float:
        """Until it had recovered."""
        return self.ended - self.since


Course = Callable[[Environment, Fault], Iterator[None]]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """`bound` gives the seconds until everything must have recovered. `deadly`: programs end by it.
    `aside`: others may happen meanwhile, only one of all of them `deadly`. `attempts` are the
    connection attempts it may take; `stops` the programs whose restart budget it draws on;
    `every` is the least time between two, in seconds; `destroys`: the database is lost by it."""

    name: str
    course: Course
    bound: Callable[[Speed], float]
    excuses: frozenset[str] = frozenset()
    deadly: bool = False
    aside: bool = False
    attempts: float = 0.0
    every: float = 0.0
    stops: tuple[str, ...] = ()
    destroys: bool = False


def _recovery(environment: Environment, fault: Fault) -> Iterator[None]:
    """Until everything is fresh; the time counts from now."""
    fault.since, sent = time.monotonic(), environment.exchange.last_sent()
    while not environment.is_fresh(sent):
        yield


def _lasting(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def posted(**faults: object) -> Course:
    """Faults of the exchange, in force until the service has recovered in spite of them."""

    def course(environment: Environment, fault: Fault) -> Iterator[None]:
        environment.exchange.fault(**faults)
        yield from _recovery(environment, fault)
        environment.exchange.fault(**dict.fromkeys(faults))

    return course


def outlasted(least: float, most: float, **faults: object) -> Course:
    """Faults of the exchange that stop the data; the time counts from their end."""

    def course(environment: Environment, fault: Fault) -> Iterator[None]:
        environment.exchange.fault(**faults)
        yield from _lasting(environment.chance.uniform(least, most))
        environment.exchange.fault(**dict.fromkeys(faults))
        yield from _recovery(environment, fault)

    return course


def harmless(least: float, most: float, **faults: object) -> Course:
    """Faults of the exchange that change nothing: data stay fresh while they are in force."""

    def course(environment: Environment, fault: Fault) -> Iterator[None]:
        environment.exchange.fault(**faults)
        end = time.monotonic() + environment.chance.uniform(least, most)
        worst = 0.0
        while time.monotonic() < end:
            yield from _recovery(environment, fault)
            worst = max(worst, time.monotonic() - fault.since)
        environment.exchange.fault(**dict.fromkeys(faults))
        fault.since = time.monotonic() - worst

    return course


def rest_fault(**faults: object) -> Course:
    """Faults of REST, in force until a request came or 15 seconds have passed."""

    def course(environment: Environment, fault: Fault) -> Iterator[None]:
        calls = environment.exchange.all_calls()
        environment.exchange.fault(**faults)
        end = time.monotonic() + 15
        while time.monotonic() < end and environment.exchange.all_calls() == calls:
            yield
        yield from _recovery(environment, fault)
        environment.exchange.fault(**dict.fromkeys(faults))

    return course


def frozen(environment: Environment, fault: Fault) -> Iterator[None]:
    """One symbol repeats its old row for a while."""
    symbol = environment.chance.choice(environment.oracle.symbols)
    environment.frozen.add(symbol)
    environment.exchange.fault(freeze_symbols=[symbol])
    yield from _lasting(environment.chance.uniform(5, 25))
    environment.exchange.fault(freeze_symbols=None)
    environment.frozen.discard(symbol)
    yield from _recovery(environment, fault)


def signalled(number: int, *programs: str, one: bool = False) -> Course:
    """A signal to `programs`, or to one of them, until they run as new processes."""

    def course(environment: Environment, fault: Fault) -> Iterator[None]:
        chosen = [environment.chance.choice(programs)] if one else programs
        while not (old := environment.signal(number, chosen)):
            yield
        sent = environment.exchange.last_sent()
        fault.since = time.monotonic()
        fault.killed = sum(name in APIS for name in old)
        while not (environment.are_replaced(old) and environment.is_fresh(sent)):
            yield

    return course


def database_damaged(how: str) -> Course:
    """The database is damaged or deleted, until a new ingest has put another in its place."""

    def course(environment: Environment, fault: Fault) -> Iterator[None]:
        old = {INGEST: environment.group.programs()[INGEST]}
        while not environment.damage(how):
            yield from _lasting(2)
        if how == "page":  # only the watchdog reads it: at its start, and every hour
            old |= environment.signal(signal.SIGKILL, [WATCHDOG])
        fault.since = time.monotonic()
        while not environment.are_replaced(old):
            yield
        sent = environment.exchange.last_sent()
        while not environment.is_fresh(sent):
            yield

    return course


def supervisord_killed(environment: Environment, fault: Fault) -> Iterator[None]:
    """supervisord is killed, and scripts/run started again once nothing is left of it."""
    os.kill(environment.group.supervisord_pid(), signal.SIGKILL)
    while not environment.group.has_ended() or environment.group.leftovers():
        yield
    environment.group.start()
    fault.killed = len(APIS)
    yield from _recovery(environment, fault)
