"""The thread that lets REST stand in for the stream of one exchange."""

import logging
import threading
from collections.abc import Callable

from funding import errors
from funding.history.standby import Standby
from funding.runtime.clock import Clock
from funding.runtime.logs import ThrottledWarnings
from funding.runtime.worker import Worker

log = logging.getLogger("standby")

STEP_SECONDS = 1.0
STORE_SECONDS = 5.0
LOG_SECONDS = 60.0


class StandbyWorker(Worker):
    """Steps what `open_standby` makes, which is called in this thread; `turned_at` is the uptime of
    its last step."""

    def __init__(self, exchange: str, open_standby: Callable[[], Standby], *, clock: Clock) -> None:
        super().__init__(f"standby-{exchange}", self._work)
        self.exchange = exchange
        self.turned_at = clock.uptime()
        self._open = open_standby
        self._clock = clock
        self._warn = ThrottledWarnings(log, LOG_SECONDS, clock.uptime)

    def _work(self, stopping: threading.Event) -> None:
        standby = self._open()
        pause = STEP_SECONDS
        while not stopping.wait(pause):
            self.turned_at = self._clock.uptime()
            try:
                standby.step()
                pause = STEP_SECONDS
            except errors.StoreError as error:
                pause = STORE_SECONDS
                if not isinstance(error, errors.StoreMissing):
                    self._warn(type(error).__name__, f"{self.exchange}: {error}")
