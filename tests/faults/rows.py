"""The rows that run with short settings: ticks of 0.2 s, stalls after 1 s, a look each half
second. `QUICK` is the half that every run of the tests proves."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from harness.group import Group
from harness.processes import until
from tests.faults.catalogue import (
    API,
    HISTORY,
    INGEST,
    WATCHDOG,
    Cause,
    Fault,
    damaged,
    flows,
    is_restful,
    killed,
    posted,
    removed,
    stopped_between_transactions,
)

NEW_INGEST = frozenset({INGEST})
LOST = ("disconnect", "the connection was lost")
CLOSED = ("disconnect", "the exchange closed the connection (closed with code {})")
ASIDE = ("database-damaged", "the old one is funding-damaged-20")


@contextmanager
def tradfi_silent(service: Group) -> Iterator[None]:
    """One of the two classes stops, after ingest has seen that there are two."""
    until(lambda: service.rows("SELECT frames FROM feed")[0][0] > 10, "three frames of each")
    with service.exchange.faults(silence_classes=["tradfi"]):
        yield


@contextmanager
def stopped_by_an_operator(service: Group) -> Iterator[None]:
    """supervisorctl stop, then start when the row is over."""
    assert service.supervisorctl("stop", "funding:ingest").returncode == 0
    yield
    assert service.supervisorctl("start", "funding:ingest").returncode == 0


def is_left_stopped(service: Group) -> bool:
    """Whether supervisord shows ingest as STOPPED."""
    return "STOPPED" in service.supervisorctl("status", "funding:ingest").stdout


def refused(service: Group) -> bool:
    """Whether there were attempts, and not too many."""
    return 1 <= int(service.rows("SELECT reconnects FROM feed")[0][0]) < 75


def asked(**faults: object) -> Cause:
    """Faults of REST, which the watchdog has met."""

    @contextmanager
    def cause(service: Group) -> Iterator[None]:
        with service.exchange.faults(**faults):
            before = service.exchange.calls()
            until(lambda: service.exchange.calls() > before, "REST is asked", 60)
            yield

    return cause


REST: dict[str, dict[str, object]] = {
    "500": {"rest_status": 500},
    "hangs": {"rest_hang": 60},
    "429": {"rest_status": 429, "rest_retry_after": 2},
    "418": {"rest_status": 418, "rest_ban_seconds": 5},
    "451": {"rest_status": 451},
}
"""The last two end in pauses that outlast the fault."""

QUICK = [
    Fault(
        "SIGSTOP of ingest and of one API process",
        killed(signal.SIGSTOP, INGEST, API, one=True),
        goal=15,
        noticed=("kill", "funding:ingest"),
        replaced=frozenset({INGEST, API}),
    ),
    Fault(
        "kill -9 of ingest",
        killed(signal.SIGKILL, INGEST),
        goal=4,
        noticed=("crash", "funding:ingest"),
        replaced=NEW_INGEST,
    ),
    Fault(
        "kill -9 of history",
        killed(signal.SIGKILL, HISTORY),
        goal=1,
        noticed=("crash", "funding:history"),
        replaced=frozenset({HISTORY}),
    ),
    Fault("stall", posted(silence_open=True), goal=3, noticed=("stall", "no newer mark price")),
    Fault(
        "one class silent",
        tradfi_silent,
        goal=2,
        noticed=("class-silent", "not replaced again"),
        lasts=True,
        holds=flows("main"),
    ),
    Fault(
        "close 1001",
        posted(close={"code": 1001, "reason": ""}),
        goal=2,
        noticed=(CLOSED[0], CLOSED[1].format(1001)),
    ),
    Fault("reset", posted(abort=True), goal=2, noticed=LOST),
    Fault("poison", posted(poison=True), goal=1, lasts=True, seconds=1, holds=flows("main")),
    Fault(
        "database deleted",
        removed,
        goal=6,
        noticed=("start", "pid"),
        replaced=NEW_INGEST,
    ),
    Fault(
        "database corrupted: all pages but the first",
        damaged(4096),
        goal=6,
        noticed=ASIDE,
        replaced=NEW_INGEST,
    ),
    Fault(
        "an operator's stop is respected",
        stopped_by_an_operator,
        goal=4,
        noticed=("stop", "after"),
        replaced=NEW_INGEST,
        lasts=True,
        seconds=2,
        holds=is_left_stopped,
    ),
]

SLOW = [
    Fault(
        "silence: no connection gets data",
        posted(silence=True),
        goal=3,
        noticed=("stall", "connected but no mark price"),
        lasts=True,
    ),
    Fault(
        "freeze: the same frame again and again",
        posted(freeze=True),
        goal=3,
        noticed=("stall", "no newer mark price"),
        lasts=True,
    ),
    Fault("half-open", posted(half_open=True), goal=3, noticed=("stall", "no newer mark price")),
    *(
        Fault(
            f"close {code}",
            posted(close={"code": code, "reason": ""}),
            goal=2,
            noticed=LOST if code == 1006 else (CLOSED[0], CLOSED[1].format(code)),
        )
        for code in (1000, 1006, 1008)
    ),
    Fault(
        "refuse for 30 s",
        posted(refuse=True, abort=True),
        goal=7,
        noticed=("connect-failed", "status 503"),
        lasts=True,
        seconds=30,
        holds=refused,
    ),
    Fault("garbage for 60 s", posted(garbage=True), 1, lasts=True, seconds=60, holds=flows("main")),
    Fault("poison for 60 s", posted(poison=True), 1, lasts=True, seconds=60, holds=flows("main")),
    Fault(
        "messages of 9 MiB for 20 s",
        posted(oversize=True),
        goal=7,
        noticed=("disconnect", "too large"),
        lasts=True,
        seconds=20,
    ),
    Fault(
        "kill -9 of both API processes",
        killed(signal.SIGKILL, API),
        goal=1,
        noticed=("crash", "api:api_00"),
        replaced=frozenset({API}),
        all_new=True,
    ),
    Fault(
        "SIGSTOP of both API processes",
        killed(signal.SIGSTOP, API),
        goal=1,
        noticed=("kill", "api:api_01"),
        replaced=frozenset({API}),
        all_new=True,
    ),
    Fault(
        "kill -9 of the watchdog",
        killed(signal.SIGKILL, WATCHDOG),
        goal=1,
        noticed=("crash", "funding:watchdog"),
        replaced=frozenset({WATCHDOG}),
    ),
    Fault(
        "SIGSTOP of the watchdog",
        stopped_between_transactions(WATCHDOG),
        goal=1,
        noticed=("kill", "hung watchdog"),
        replaced=frozenset({WATCHDOG}),
        patience=90,
    ),
    Fault(
        "kill -9 of all programs at once",
        killed(signal.SIGKILL, INGEST, API, WATCHDOG),
        goal=5,
        noticed=("start", "pid"),
        replaced=frozenset({INGEST, API, WATCHDOG}),
        all_new=True,
    ),
    Fault(
        "SIGSTOP of all programs at once",
        killed(signal.SIGSTOP, INGEST, API, WATCHDOG),
        goal=75,
        noticed=("kill", "hung watchdog"),
        replaced=frozenset({INGEST, API, WATCHDOG}),
        all_new=True,
        patience=90,
    ),
    *(
        Fault(f"REST {name}", asked(**faults), 1, lasts=True, seconds=3, holds=is_restful)
        for name, faults in REST.items()
    ),
    Fault(
        "database truncated",
        damaged(None),
        goal=6,
        noticed=ASIDE,
        replaced=NEW_INGEST,
    ),
    Fault(
        "database overwritten whole",
        damaged(0),
        goal=10,
        noticed=ASIDE,
        replaced=NEW_INGEST,
    ),
]
