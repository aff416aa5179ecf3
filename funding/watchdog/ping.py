"""The dead man's ping: an address is asked every minute while the service is healthy, so that its
owner notices when all of it is gone, this program and this machine included."""

import logging
import threading
from dataclasses import replace

from funding import errors
from funding.model.event import Event, EventKind
from funding.notify.backend import BackendClient
from funding.runtime.clock import Clock
from funding.runtime.schedule import Every
from funding.runtime.worker import Worker
from funding.settings.secret import Secret
from funding.watchdog.audit_trail import SOURCE

log = logging.getLogger("alerts")

PING_SECONDS = 60.0
TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 1.0
LONGEST_REFUSAL_SECONDS = 86_400.0
"""What lasts longer is told as another one: who looks for it reads the last days alone."""


class Ping(Worker):
    """Asks `url` by GET in a thread of its own, at most once a minute, while `healthy` was called
    within the last `valid_seconds`.

    `refusal` is another event after each ping that was not taken, with the time since the first of
    them; it stays when pings are taken again. For another thread to store.
    """

    def __init__(
        self, url: Secret, backend: BackendClient, *, valid_seconds: float, clock: Clock
    ) -> None:
        super().__init__("ping", self._work)
        self._url = url
        self._backend = backend
        self._valid_seconds = valid_seconds
        self._clock = clock
        self._healthy_at = float("-inf")
        self._problem = ""
        self._refused_since = 0.0  # uptime
        self.refusal: Event | None = None

    def healthy(self) -> None:
        """The service is healthy now."""
        self._healthy_at = self._clock.uptime()

    def _work(self, stopping: threading.Event) -> None:
        every = Every(PING_SECONDS)
        while not stopping.wait(POLL_SECONDS):
            now = self._clock.uptime()
            if now - self._healthy_at <= self._valid_seconds and every.due(now):
                self._ping()
        self._backend.close()

    def _ping(self) -> None:
        try:
            status = self._backend.get(self._url.reveal(), {}).status
            problem = "" if 200 <= status < 300 else f"status {status}"
        except errors.PostError as error:
            problem = str(error)
        if problem:
            self._note(problem)
        if problem and not self._problem:
            log.warning("FUNDING_HEARTBEAT_URL takes no ping: %s; going on", problem)
        elif self._problem and not problem:
            log.info("FUNDING_HEARTBEAT_URL recovered")
        self._problem = problem

    def _note(self, problem: str) -> None:
        now, refusal = self._clock.uptime(), self.refusal
        lasts = now - self._refused_since
        if not self._problem or refusal is None or lasts > LONGEST_REFUSAL_SECONDS:
            kind, self._refused_since = EventKind.HEARTBEAT_REFUSED, now
            refusal, lasts = Event(self._clock.wall(), SOURCE, kind, problem[:500]), 0.0
        self.refusal = replace(refusal, duration_seconds=lasts)
