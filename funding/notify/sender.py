"""Sends the posts of the outbox: each at least once, under a key by which twice counts as once.

A post is marked when its target has answered 2xx. What other answers mean (401 and 403 are a wrong
key, which a person will mend):

| answer | then |
|---|---|
| none, 3xx, 401, 403, 408, 425, 429, 5xx | the target fails: all of its posts wait |
| any other 4xx | it refuses this post, which alone waits, longer each time |

Delays double, with jitter, up to a minute for a target and an hour for a post; Retry-After counts
where it is longer, up to an hour. A post at which the target failed ten times waits for a minute
and comes after the posts with fewer attempts: perhaps the target fails only at it and others like
it. A post is removed for its age alone.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from funding import errors
from funding.model.alert import STUCK_ATTEMPTS
from funding.notify.backend import BackendClient, Reply
from funding.notify.targets import Target
from funding.runtime.backoff import delays
from funding.runtime.clock import Clock
from funding.runtime.worker import Worker
from funding.store.outbox import Due, OutboxStore

log = logging.getLogger("outbox")

TARGET_SECONDS = 60.0
POST_SECONDS = 3_600.0
OTHERS_FIRST_SECONDS = 5.0
SEND_SECONDS = 20.0
"""For one attempt: a backend that is slow with a hundred samples does take them."""
LEASE_SECONDS = 30.0
"""Longer than one attempt takes: until then nobody else sends a post that was taken."""
IDLE_SECONDS = 1.0
_TARGET_FAILS = frozenset({401, 403, 408, 425, 429})


class Delivery:
    """Sends the posts of `consumer` to one target. For one thread, as its `store` is."""

    def __init__(
        self,
        consumer: str,
        target: Target,
        *,
        store: OutboxStore,
        backend: BackendClient,
        clock: Clock,
        uniform: Callable[[float, float], float],
    ) -> None:
        self._consumer = consumer
        self._target = target
        self._store = store
        self._backend = backend
        self._clock = clock
        self._uniform = uniform
        self._delays: Iterator[float] | None = None  # while the target fails
        self._not_before = float("-inf")

    def send_next(self) -> bool:
        """Send one post if one may be sent now; whether another may follow at once."""
        now = self._clock.wall()
        if self._clock.uptime() < self._not_before:
            return False
        post = self._store.take(self._consumer, self._target.name, now, now + LEASE_SECONDS)
        if post is None:
            return False
        try:
            reply = self._backend.post(*self._target.request(post))
        except errors.PostError as error:
            self._target_failed(post, str(error), 0.0)
            return False
        return self._answered(post, reply)

    @property
    def waiting(self) -> int:
        """Posts that are not sent yet."""
        return self._store.waiting(self._consumer, self._target.name)[0]

    def _answered(self, post: Due, reply: Reply) -> bool:
        status = reply.status
        if 200 <= status < 300:
            self._accepted(post)
        elif status < 400 or status >= 500 or status in _TARGET_FAILS:
            self._target_failed(post, f"status {status}", reply.retry_after)
            return False
        else:
            self._refused(post, reply)
        return True

    def _accepted(self, post: Due) -> None:
        self._store.sent(post.id, self._clock.wall())
        if self._delays is not None:
            log.info("%s recovered", self._target.name)
        self._delays, self._not_before = None, float("-inf")

    def _refused(self, post: Due, reply: Reply) -> None:
        step = min(POST_SECONDS, TARGET_SECONDS * 2 ** min(post.attempts - 1, 10))
        wait = max(self._uniform(0.6 * step, step), reply.retry_after)
        problem = f"status {reply.status}"
        self._store.failed(post.id, problem, self._clock.wall() + wait)
        if post.attempts == 1:
            log.error(
                "%s refuses a post to %s: %s; kept, retrying",
                *(self._target.name, post.path, problem),
            )

    def _target_failed(self, post: Due, problem: str, retry_after: float) -> None:
        first = self._delays is None
        self._delays = self._delays or delays(TARGET_SECONDS, self._uniform)
        wait = max(next(self._delays), retry_after)
        self._not_before = self._clock.uptime() + wait
        # Released at once: the wait is the target's, and its own alone is stored (see backend).
        stuck = post.attempts >= STUCK_ATTEMPTS
        aside = max(TARGET_SECONDS, wait + OTHERS_FIRST_SECONDS) if stuck else 0.0
        self._store.failed(post.id, problem, self._clock.wall() + aside)
        if first:
            log.warning("%s: %s; posts wait, retrying", self._target.name, problem)


class Sender(Worker):
    """A `Delivery` in a thread of its own, so that a target that hangs delays no other one.

    The thread opens it by `open_delivery`. A failure of the store ends the thread, too.
    """

    def __init__(
        self,
        name: str,
        open_delivery: Callable[[], AbstractContextManager[Delivery]],
        *,
        failed: Callable[[], None],
    ) -> None:
        super().__init__(f"sender {name}", self._send, failed=failed)
        self._open_delivery = open_delivery
        self._wake = threading.Event()

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def stop(self, seconds: float | None = None) -> None:
        """End the thread after the post under way; with `seconds`, wait so long for that."""
        self.stopping.set()
        self._wake.set()
        super().stop(seconds)

    def _send(self, stopping: threading.Event) -> None:
        with self._open_delivery() as delivery:
            while True:
                self._wake.clear()  # before `stopping` is read, so that no stop is missed
                if stopping.is_set():
                    return
                if not delivery.send_next():
                    self._wake.wait(IDLE_SECONDS)
