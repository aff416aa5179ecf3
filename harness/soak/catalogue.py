"""The catalogue: every fault of the soak, what it excuses, and by when all must be well again.

The bounds are those that the README states, as they follow from the settings.
"""

import random
import signal
from collections.abc import Callable, Iterator, Sequence

from harness.soak.faults import (
    ANEW,
    CUT,
    REFUSED,
    SILENT,
    STALE,
    Kind,
    beheaded,
    frozen,
    in_spite,
    posted,
    rest,
    ruined,
    signalled,
    until_over,
)
from harness.soak.pace import Pace
from harness.soak.scene import APIS, INGEST, PROGRAMS, WATCHDOG


def at_most(stated: float) -> Callable[[Pace], float]:
    """A bound that no setting changes."""
    return lambda _pace: stated


def stalled(pace: Pace) -> float:
    """The silence is noticed, the connection replaced: 8 s by default."""
    return pace.stall + pace.tick + 2


def back(pace: Pace) -> float:
    """After an outage: the next attempt, at most 5 s away, and the next tick: up to 6 s."""
    return 5 + pace.tick + 1


def next_tick(pace: Pace) -> float:
    """Nothing needs to be noticed: the next frame of each class, and a busy machine's moment."""
    return 2 * pace.tick + 2


def reset(pace: Pace) -> float:
    """2 s in 99 of 100 cases by default; 3 s for the others."""
    return pace.tick + 2


def guarded(pace: Pace) -> float:
    """The watchdog's round and half a minute, supervisord's tick of 5 s, and a new process."""
    return pace.check + 30 + 2 * 5 + 10


def _exchange() -> Iterator[Kind]:
    yield Kind("stall", posted(silence_open=True), stalled, SILENT, attempts=2)
    yield Kind("half-open", posted(half_open=True), stalled, SILENT, attempts=2)
    yield Kind("silent for seconds", until_over(1, 6, silence=True), back, SILENT, attempts=6)
    yield Kind("same frame for seconds", until_over(1, 6, freeze=True), back, SILENT, attempts=6)
    yield Kind("one class silent", until_over(1, 6, silence_classes=["tradfi"]), back, SILENT)
    yield Kind("reset", posted(abort=True), reset, SILENT, attempts=2)
    close = {"code": 1001, "reason": ""}
    yield Kind("close 1001", posted(close=close), reset, SILENT, attempts=2)
    yield Kind("server shutdown told", posted(server_shutdown=True), reset, SILENT, attempts=2)
    yield Kind("poison", in_spite(2, 8, poison=True), next_tick)
    yield Kind("garbage", in_spite(2, 8, garbage=True), next_tick)
    yield Kind("tickers between", in_spite(2, 8, ticker_poison=True), next_tick)
    refuse = {"refuse": True, "abort": True}
    yield Kind("outage", until_over(1, 4, **refuse), back, SILENT, attempts=8)
    hang = {"handshake_hang": True, "abort": True}
    yield Kind("handshakes hang", until_over(1, 4, **hang), back, SILENT, attempts=4)
    yield Kind("message of 9 MiB", until_over(1, 2, oversize=True), back, SILENT, attempts=5)
    yield Kind("one symbol frozen", frozen, next_tick, frozenset({STALE}), aside=True)


def _rest() -> Iterator[Kind]:
    kinds: dict[str, dict[str, object]] = {
        "500": {"rest_status": 500},
        "hangs": {"rest_hang": 20},
        "429": {"rest_status": 429, "rest_retry_after": 2},
        "418": {"rest_status": 418, "rest_ban_seconds": 5},
        "451": {"rest_status": 451, "rest_retry_after": 2},
        "garbage": {"rest_garbage": True},
    }
    for name, faults in kinds.items():
        yield Kind(f"REST {name}", rest(**faults), next_tick, aside=True)


def _machine() -> Iterator[Kind]:
    kill, stop = signal.SIGKILL, signal.SIGSTOP
    yield Kind("ingest kill -9", signalled(kill, INGEST), at_most(4), SILENT, deadly=True)
    yield Kind(
        "ingest SIGSTOP", signalled(stop, INGEST), at_most(15), SILENT, deadly=True,
        stops=(INGEST,),
    )  # fmt: skip
    yield Kind("API kill -9", signalled(kill, *APIS, one=True), at_most(5), CUT, deadly=True)
    yield Kind(
        "API SIGSTOP", signalled(stop, *APIS, one=True), at_most(15), CUT, deadly=True,
        stops=APIS,
    )  # fmt: skip
    yield Kind("watchdog kill -9", signalled(kill, WATCHDOG), at_most(5), deadly=True)
    yield Kind(
        "watchdog SIGSTOP", signalled(stop, WATCHDOG), guarded, deadly=True, aside=True, every=180,
    )  # fmt: skip
    yield Kind(
        "all programs kill -9", signalled(kill, *PROGRAMS), at_most(5), SILENT | CUT, deadly=True,
        every=30,
    )  # fmt: skip
    yield Kind(
        "supervisord kill -9, begun again", beheaded, at_most(10), SILENT | CUT | {REFUSED},
        deadly=True, every=300,
    )  # fmt: skip


def _database() -> Iterator[Kind]:
    seconds = {"deleted": 6, "truncated": 6, "pages": 6, "overwritten": 10, "page": 20}
    names = {"pages": "all pages but the first", "page": "one page of comparisons"}
    for how, bound in seconds.items():
        name = names.get(how, how)
        yield Kind(
            f"database {name}", ruined(how), at_most(bound), ANEW, deadly=True, ruins=True,
            every=120,
        )  # fmt: skip


ALL: tuple[Kind, ...] = (*_exchange(), *_rest(), *_machine(), *_database())


def dealt(kinds: Sequence[Kind], chance: random.Random) -> list[Kind]:
    """Each once, in some order."""
    return chance.sample(kinds, len(kinds))
