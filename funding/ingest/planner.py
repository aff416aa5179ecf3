"""Asks the exchange now and then which connections there should be.

In a thread of its own: REST may take seconds, and ingest writes every moment.
"""

import logging
import threading
from collections.abc import Callable

from funding.errors import RestError, StoreError
from funding.exchanges.exchange import Plan, Reply, Request, Stream, converse
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle
from funding.runtime.worker import Worker

log = logging.getLogger("ingest")

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 30.0
LOG_AGAIN_SECONDS = 60.0


class FixedPlan:
    """The plan of an exchange that needs not be asked."""

    def __init__(self, plan: Plan) -> None:
        self.latest: Plan | None = plan

    def replan(self) -> None:
        """It stays the same."""

    def check(self) -> None:
        """It cannot fail."""

    def stop(self, seconds: float | None = None) -> None:
        """There is nothing to stop."""


def plans_of(
    stream: Stream,
    *,
    ask: Callable[[Request], Reply],
    clock: Clock,
    changed: Callable[[], None],
) -> "FixedPlan | Planner":
    """The plans of `stream`: a thread that asks, unless there is nothing to ask."""
    conversation = stream.plan(clock.wall())
    try:
        next(conversation)
    except StopIteration as stop:
        return FixedPlan(stop.value)
    conversation.close()
    planner = Planner(stream, ask=ask, clock=clock, changed=changed)
    planner.start()
    return planner


class Planner(Worker):
    """Keeps `latest`, the last plan of `stream`, None before the first.

    `ask` makes one REST call in this thread; `changed` is called in it after each plan.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        ask: Callable[[Request], Reply],
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        super().__init__("planner", self._plan_for_ever, failed=changed)
        self.latest: Plan | None = None
        self._stream = stream
        self._ask = ask
        self._clock = clock
        self._changed = changed
        self._wanted = threading.Event()
        self._throttle = Throttle(LOG_AGAIN_SECONDS)

    def replan(self) -> None:
        """Ask at once."""
        self._wanted.set()

    def stop(self, seconds: float | None = None) -> None:
        """Ask no more."""
        self.stopping.set()
        self._wanted.set()
        super().stop(seconds)

    def _plan_for_ever(self, stopping: threading.Event) -> None:
        retry = FIRST_RETRY_SECONDS
        while not stopping.is_set():
            self._wanted.clear()
            try:
                plan = converse(self._stream.plan(self._clock.wall()), self._ask)
            except (RestError, StoreError) as error:
                if self._throttle("plan", self._clock.uptime()):
                    log.warning("which contracts there are is not known: %s", error)
                self._wanted.wait(max(retry, getattr(error, "retry_after_seconds", 0.0)))
                retry = min(2 * retry, LONGEST_RETRY_SECONDS)
            else:
                retry = FIRST_RETRY_SECONDS
                self.latest = plan
                self._changed()
                self._wanted.wait(plan.seconds)
