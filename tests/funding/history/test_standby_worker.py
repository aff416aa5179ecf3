"""The thread of the standby."""

from typing import cast

import pytest

from funding import errors
from funding.history.standby import Standby
from funding.history.standby_worker import StandbyWorker
from harness.processes import until
from tests.support.clock import ManualClock


class Steps:
    """A standby that fails first."""

    def __init__(self, *problems: Exception) -> None:
        self.problems = list(problems)
        self.count = 0

    def step(self) -> None:
        self.count += 1
        if self.problems:
            raise self.problems.pop(0)


def started(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> StandbyWorker:
    for name in ("STEP_SECONDS", "STORE_SECONDS"):
        monkeypatch.setattr(f"funding.history.standby_worker.{name}", 0.01)
    clock = ManualClock().clock()
    worker = StandbyWorker("binance", lambda: cast("Standby", steps), clock=clock)
    worker.start()
    return worker


def test_it_steps_on_after_a_store_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(errors.StoreMissing("f", "none"), errors.StoreLocked("f", "locked"))
    worker = started(steps, monkeypatch)
    until(lambda: steps.count > 4, "steps")
    worker.check()
    worker.stop(30)
    assert not worker.is_alive()


def test_a_defect_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = started(Steps(ZeroDivisionError()), monkeypatch)
    worker.join(30)
    with pytest.raises(ZeroDivisionError):
        worker.check()
