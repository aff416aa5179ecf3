"""When which fault may happen."""

from typing import Any

from harness.soak.catalogue import ALL
from harness.soak.chaos import Chaos
from harness.soak.environment import APIS, INGEST
from harness.soak.fault_courses import STOPS_PER_10_MINUTES, Fault


def chaos(done: list[Fault]) -> Chaos:
    nothing: Any = None
    return Chaos(nothing, print, lambda: None, lambda _now: None, done=done)


def may(done: list[Fault], name: str, now: float, attempts: float = 15.0) -> bool:
    kind = next(kind for kind in ALL if kind.name == name)
    return chaos(done)._may_begin(kind, now, attempts, True)


def test_no_more_faults_than_the_service_can_bear() -> None:
    stop = next(kind for kind in ALL if kind.stops == (INGEST,))
    stopped = [Fault(stop, at, at, at + 9) for at in (100.0, 200.0)]
    assert len(stopped) == STOPS_PER_10_MINUTES
    assert may(stopped[:1], stop.name, 300)
    assert not may(stopped, stop.name, 650)
    assert may(stopped, stop.name, 720), "the first is ten minutes ago"
    assert may([], "outage", 100)
    assert not may([], "outage", 100, attempts=8), "no attempts to spend"
    destroying = next(kind for kind in ALL if kind.destroys)
    destroyed = [Fault(destroying, 100, 100, 102)]
    assert not may(destroyed, "database truncated", 130)
    assert may(destroyed, "database truncated", 170)
    assert sum(set(kind.stops) == set(APIS) for kind in ALL) == 1
