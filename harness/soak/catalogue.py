"""The catalogue: every fault of the soak, what it excuses, and when it must have recovered.

The bounds are those that the documentation states, as they follow from the settings.
"""

import random
import signal
from collections.abc import Callable, Iterator, Sequence

from harness.soak.environment import APIS, INGEST, PROGRAMS, WATCHDOG
from harness.soak.fault_courses import (
    CUT,
    NEW_DATABASE,
    REFUSED,
    SILENT,
    STALE,
    FaultKind,
    database_damaged,
    frozen,
    harmless,
    outlasted,
    posted,
    rest_fault,
    signalled,
    supervisord_killed,
)
from harness.soak.speed import Speed


def at_most(stated: float) -> Callable[[Speed], float]:
    """A bound that no setting changes."""
    return lambda _pace: stated


def stalled(speed: Speed) -> float:
    """The silence is noticed, the connection replaced: 8 s by default."""
    return speed.stall + speed.tick + 2


def reconnected(speed: Speed) -> float:
    """After an outage: the next attempt, at most 5 s away, and the next tick: up to 6 s."""
    return 5 + speed.tick + 1


def next_tick(speed: Speed) -> float:
    """Nothing has to be noticed: the next frame of each class, and some time for a busy machine."""
    return 2 * speed.tick + 2


def reset(speed: Speed) -> float:
    """2 s in 99 of 100 cases by default; 3 s for the others."""
    return speed.tick + 2


def restarted_by_guard(speed: Speed) -> float:
    """The watchdog's round and half a minute, two ticks of supervisord of 5 s, a new process."""
    return speed.check + 30 + 2 * 5 + 10


def _exchange() -> Iterator[FaultKind]:
    yield FaultKind("stall", posted(silence_open=True), stalled, SILENT, attempts=2)
    yield FaultKind("half-open", posted(half_open=True), stalled, SILENT, attempts=2)
    yield FaultKind(
        "silent for seconds", outlasted(1, 6, silence=True), reconnected, SILENT, attempts=6
    )
    yield FaultKind(
        "same frame for seconds", outlasted(1, 6, freeze=True), reconnected, SILENT, attempts=6
    )
    yield FaultKind(
        "one class silent", outlasted(1, 6, silence_classes=["tradfi"]), reconnected, SILENT
    )
    yield FaultKind("reset", posted(abort=True), reset, SILENT, attempts=2)
    close = {"code": 1001, "reason": ""}
    yield FaultKind("close 1001", posted(close=close), reset, SILENT, attempts=2)
    yield FaultKind(
        "server shutdown announced", posted(server_shutdown=True), reset, SILENT, attempts=2
    )
    yield FaultKind("poison", harmless(2, 8, poison=True), next_tick)
    yield FaultKind("garbage", harmless(2, 8, garbage=True), next_tick)
    yield FaultKind("tickers between", harmless(2, 8, ticker_poison=True), next_tick)
    refuse = {"refuse": True, "abort": True}
    yield FaultKind("outage", outlasted(1, 4, **refuse), reconnected, SILENT, attempts=8)
    hang = {"handshake_hang": True, "abort": True}
    yield FaultKind("handshakes hang", outlasted(1, 4, **hang), reconnected, SILENT, attempts=4)
    yield FaultKind(
        "message of 9 MiB", outlasted(1, 2, oversize=True), reconnected, SILENT, attempts=5
    )
    yield FaultKind("one symbol frozen", frozen, next_tick, frozenset({STALE}), aside=True)


def _rest() -> Iterator[FaultKind]:
    kinds: dict[str, dict[str, object]] = {
        "500": {"rest_status": 500},
        "hangs": {"rest_hang": 20},
        "429": {"rest_status": 429, "rest_retry_after": 2},
        "418": {"rest_status": 418, "rest_ban_seconds": 5},
        "451": {"rest_status": 451, "rest_retry_after": 2},
        "garbage": {"rest_garbage": True},
    }
    for name, faults in kinds.items():
        yield FaultKind(f"REST {name}", rest_fault(**faults), next_tick, aside=True)


def _machine() -> Iterator[FaultKind]:
    kill, stop = signal.SIGKILL, signal.SIGSTOP
    yield FaultKind("ingest kill -9", signalled(kill, INGEST), at_most(4), SILENT, deadly=True)
    yield FaultKind(
        "ingest SIGSTOP",
        signalled(stop, INGEST),
        at_most(15),
        SILENT,
        deadly=True,
        stops=(INGEST,),
    )
    yield FaultKind("API kill -9", signalled(kill, *APIS, one=True), at_most(5), CUT, deadly=True)
    yield FaultKind(
        "API SIGSTOP",
        signalled(stop, *APIS, one=True),
        at_most(15),
        CUT,
        deadly=True,
        stops=APIS,
    )
    yield FaultKind("watchdog kill -9", signalled(kill, WATCHDOG), at_most(5), deadly=True)
    yield FaultKind(
        "watchdog SIGSTOP",
        signalled(stop, WATCHDOG),
        restarted_by_guard,
        deadly=True,
        aside=True,
        every=180,
    )
    yield FaultKind(
        "all programs kill -9",
        signalled(kill, *PROGRAMS),
        at_most(5),
        SILENT | CUT,
        deadly=True,
        every=30,
    )
    yield FaultKind(
        "supervisord kill -9, started again",
        supervisord_killed,
        at_most(10),
        SILENT | CUT | {REFUSED},
        deadly=True,
        every=300,
    )


def _database() -> Iterator[FaultKind]:
    seconds = {"deleted": 6, "truncated": 6, "pages": 6, "overwritten": 10, "page": 20}
    names = {"pages": "all pages but the first", "page": "one page of comparisons"}
    for how, bound in seconds.items():
        name = names.get(how, how)
        yield FaultKind(
            f"database {name}",
            database_damaged(how),
            at_most(bound),
            NEW_DATABASE,
            deadly=True,
            destroys=True,
            every=120,
        )


ALL: tuple[FaultKind, ...] = (*_exchange(), *_rest(), *_machine(), *_database())


def shuffled(kinds: Sequence[FaultKind], chance: random.Random) -> list[FaultKind]:
    """Each once, in random order."""
    return chance.sample(kinds, len(kinds))
