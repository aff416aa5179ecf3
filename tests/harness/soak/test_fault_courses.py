"""The courses of faults against a scripted environment."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.soak.catalogue import at_most
from harness.soak.environment import INGEST
from harness.soak.fault_courses import Course, Fault, FaultKind, posted, rest_fault, signalled


class Scripted:
    """In place of an environment: fresh, replaced and asked as the test says."""

    def __init__(self) -> None:
        self.exchange = self
        self.active: list[dict[str, object]] = []
        self.fresh_since: list[int] = []
        self.is_fresh_now = self.is_replaced = False
        self.pids: dict[str, int] = {}
        self.rest_calls = 0

    def fault(self, **faults: object) -> None:
        self.active.append(faults)

    def last_sent(self) -> int:
        return 77

    def all_calls(self) -> int:
        return self.rest_calls

    def is_fresh(self, since: int) -> bool:
        self.fresh_since.append(since)
        return self.is_fresh_now

    def signal(self, _number: int, _programs: object) -> dict[str, int]:
        return self.pids

    def are_replaced(self, _old: object) -> bool:
        return self.is_replaced


@pytest.fixture
def scripted() -> Any:
    return Scripted()


def begun(course: Course, environment: Any) -> tuple[Iterator[None], Fault]:
    fault = Fault(FaultKind("a fault", course, at_most(1)), 1.0, 1.0)
    return course(environment, fault), fault


def test_a_posted_fault_lasts_until_data_are_fresh(scripted: Any) -> None:
    steps, fault = begun(posted(abort=True), scripted)
    next(steps)
    next(steps)
    assert scripted.active == [{"abort": True}]
    assert set(scripted.fresh_since) == {77}, "newer than what was sent when it began"
    assert fault.since > 1.0
    scripted.is_fresh_now = True
    assert list(steps) == []
    assert scripted.active[-1] == {"abort": None}


def test_a_rest_fault_lasts_until_rest_was_asked(scripted: Any) -> None:
    scripted.is_fresh_now = True
    steps, _ = begun(rest_fault(rest_status=500), scripted)
    next(steps)
    next(steps)
    scripted.rest_calls = 1
    assert list(steps) == []
    assert scripted.active == [{"rest_status": 500}, {"rest_status": None}]


@pytest.mark.parametrize(
    "missing",
    [
        lambda s: setattr(s, "is_fresh_now", False),
        lambda s: setattr(s, "is_replaced", False),
        lambda s: setattr(s, "pids", {}),
    ],
    ids=["fresh data", "a new process", "a process to signal"],
)
def test_a_signalled_program_must_be_replaced_and_data_fresh(
    scripted: Any, missing: Callable[[Any], None]
) -> None:
    scripted.is_fresh_now = scripted.is_replaced = True
    scripted.pids = {INGEST: 5}
    assert list(begun(signalled(9, INGEST), scripted)[0]) == []
    missing(scripted)
    steps, fault = begun(signalled(9, INGEST), scripted)
    next(steps)
    next(steps)
    assert fault.killed == 0, "no API process was"
