"""Sending what the outbox holds: at least once each, under a key by which twice is once.

A post is marked when its target has answered 2xx. What another answer means (401 and 403 are a
wrong key, which a person will mend):

| answer | then |
|---|---|
| none, 3xx, 401, 403, 408, 425, 429, 5xx | the target is unwell: all of its posts wait |
| any other 4xx | it will not have this one, which alone waits, longer each time |

Delays double, with jitter, up to a minute for a target and an hour for a post; Retry-After counts
where it is longer, up to an hour. A post at which the target was unwell ten times steps aside for a
minute, and behind all that were tried less: it, and others like it, may be all that the target
fails at. Nothing is thrown away but by age.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from funding import errors
from funding.model.alert import LONGEST_WAIT_SECONDS, STUCK_ATTEMPTS, TELEGRAM
from funding.notify.backend import BackendClient, Reply
from funding.runtime.backoff import delays
from funding.runtime.clock import Clock
from funding.settings.consumers import ConsumerSettings
from funding.settings.secret import Secret
from funding.store.durable import DurableConnection
from funding.store.outbox import Due, OutboxStore

log = logging.getLogger("outbox")

TARGET_SECONDS = 60.0
POST_SECONDS = 3_600.0
OTHERS_FIRST_SECONDS = 5.0
SEND_SECONDS = 20.0
"""For one attempt: a backend that is slow with a hundred samples has taken them all the same."""
LEASE_SECONDS = 30.0
"""Longer than one attempt takes: until then a post that was taken is nobody else's."""
IDLE_SECONDS = 1.0
_UNWELL = frozenset({401, 403, 408, 425, 429})


class Target(NamedTuple):
    """Where posts go. `address` has no secret in it; `key` goes into a header, or for Telegram
    into the path, with `chat` in the body."""

    name: str
    address: str
    key: Secret
    chat: Secret = Secret("")

    def request(self, post: Due) -> tuple[str, dict[str, str], bytes]:
        """Address, headers and body that carry `post`."""
        if self.name == TELEGRAM:
            path = f"{self.address}/bot{self.key.reveal()}/sendMessage"
            return path, {}, _with_chat(post.body, self.chat.reveal())
        headers = {"X-API-Key": self.key.reveal(), "Idempotency-Key": post.idempotency_key}
        return self.address + post.path, headers, post.body.encode()


def targets(settings: ConsumerSettings) -> list[Target]:
    """Those that are configured."""
    found = [
        Target("backend", settings.volspike_api_url, settings.volspike_api_key),
        Target("backend-dev", settings.volspike_api_url_dev, settings.volspike_api_key_dev),
        Target(TELEGRAM, settings.telegram_url, settings.telegram_token, settings.chat_id),
    ]
    return [target for target in found if target.address and target.key]


class Outbox:
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
        self._delays: Iterator[float] | None = None
        self._not_before = float("-inf")

    def turn(self) -> bool:
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
        return self._settle(post, reply)

    @property
    def waiting(self) -> int:
        """Posts that are not sent yet."""
        return self._store.waiting(self._consumer, self._target.name)[0]

    def _settle(self, post: Due, reply: Reply) -> bool:
        status = reply.status
        if 200 <= status < 300:
            self._store.sent(post.id, self._clock.wall())
            if self._delays is not None:
                log.info("%s answers again", self._target.name)
            self._delays, self._not_before = None, float("-inf")
            return True
        if status < 400 or status >= 500 or status in _UNWELL:
            self._target_failed(post, f"status {status}", reply.retry_after)
            return False
        step = min(POST_SECONDS, TARGET_SECONDS * 2 ** min(post.attempts - 1, 10))
        wait = max(self._uniform(0.6 * step, step), min(reply.retry_after, LONGEST_WAIT_SECONDS))
        self._store.failed(post.id, f"status {status}", self._clock.wall() + wait)
        if post.attempts == 1:
            log.error(
                "%s refuses %s with status %d: kept, tried again",
                self._target.name,
                post.path,
                status,
            )
        return True

    def _target_failed(self, post: Due, problem: str, retry_after: float) -> None:
        first = self._delays is None
        self._delays = self._delays or delays(TARGET_SECONDS, self._uniform)
        wait = max(next(self._delays), min(retry_after, LONGEST_WAIT_SECONDS))
        self._not_before = self._clock.uptime() + wait
        # Released at once: the wait is the target's, and another start of this program has none.
        stuck = post.attempts >= STUCK_ATTEMPTS
        aside = max(TARGET_SECONDS, wait + OTHERS_FIRST_SECONDS) if stuck else 0.0
        self._store.failed(post.id, problem, self._clock.wall() + aside)
        if first:
            log.warning("%s: %s; posts wait and are tried again", self._target.name, problem)


class Sender(threading.Thread):
    """An `Outbox` in a thread of its own, so that a target that hangs delays nobody else.

    `make` is called in the thread. A defect, or a store that fails, is left in `failure` for the
    main thread to raise, which `failed` tells of it.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], tuple[Outbox, DurableConnection]],
        failed: Callable[[], None],
    ) -> None:
        super().__init__(name=f"sender {name}", daemon=True)
        self._make = make
        self._failed = failed
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self.failure: BaseException | None = None

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread after the post that it sends now; `join` waits for that."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """The thread's life."""
        try:
            outbox, store = self._make()
            while not self._stopping.is_set():
                self._wake.clear()
                if not outbox.turn():
                    self._wake.wait(IDLE_SECONDS)
            store.close()
        except BaseException as error:  # noqa: BLE001 (raised again in the main thread)
            self.failure = error
            self._failed()


def _with_chat(body: str, chat: str) -> bytes:
    fields: Mapping[str, object] = msgspec.json.decode(body)
    return msgspec.json.encode({"chat_id": chat, **fields})
