"""Whether this machine publishes an exchange: its leadership over NATS, heartbeats and claims.

# Facts
- What a client publishes on a subject to which it has subscribed comes back to it.
"""

import logging
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from funding import errors
from funding.nats import messages, subjects
from funding.publish.claims import Answer, Claim, Claims
from funding.publish.leadership import (
    LIVE_SECONDS,
    Data,
    Duty,
    Heartbeat,
    Leadership,
    Role,
    stream_age,
)

log = logging.getLogger("publish")

MOST_HEARD = 100
"""Heartbeats that wait at most: of 50 s, after a freeze."""
OWN_TERMS = 20
_WORDS = {
    Role.LEADER: "this machine publishes, term {}",
    Role.ACTING: "this machine publishes without a claim, as JetStream does not answer, term {}",
    Role.FOLLOWER: "this machine publishes no more",
}


class HeartbeatsConnection(Protocol):
    """What of a `Connection` is used here."""

    def subscribe(
        self, subject: str, callback: Callable[[str, bytes], None]
    ) -> Callable[[], None]: ...


class Leads:
    """The leadership of `exchange`, for the machine `taker`. For one thread."""

    def __init__(
        self, exchange: str, connection: HeartbeatsConnection, claims: Claims, *, taker: str
    ) -> None:
        self._exchange = exchange
        self._claims = claims
        self._leadership = Leadership(taker)
        self._own_terms: deque[int] = deque(maxlen=OWN_TERMS)
        self._heard: deque[bytes] = deque(maxlen=MOST_HEARD)
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._role = Role.FOLLOWER  # as it was told
        self._leader = ""
        connection.subscribe(subjects.feed(exchange), lambda _, body: self._heard.append(body))

    @property
    def term(self) -> int:
        """Under which this machine publishes, or has heard another one."""
        return self._leadership.term

    def tick(self, now: float, *, connected: bool, data: Data) -> Duty:
        """What to do at `now`."""
        while self._heard:
            self._hear(self._heard.popleft(), now)
        while not self._answers.empty():
            self._answers.get()(self._leadership, now)
        duty = self._leadership.tick(now, connected=connected, data=data)
        if duty.publish and self.term not in self._own_terms:
            self._own_terms.append(self.term)
        if duty.claim is not None:
            self._claims.ask(Claim(self._exchange, duty.claim, self._answers.put))
        self._tell()
        return duty

    def _hear(self, body: bytes, now: float) -> None:
        try:
            found = messages.decode_feed(body, self._exchange)
        except errors.NatsGarbled as error:
            self._claims.warn("garbled", f"{self._exchange}: {error}")
            return
        leadership = self._leadership
        if found.taker == leadership.taker:
            if found.term in self._own_terms:
                return  # our own, which comes back
            self._claims.warn(
                "name",
                f"another machine calls itself {found.taker}, too: give each a FUNDING_TAKER of"
                " its own",
            )
        live = stream_age(found.feed_at(now, 0.0), now) <= LIVE_SECONDS
        leadership.heard(now, Heartbeat(found.taker, found.term, live))
        is_followed = not leadership.publishes and leadership.term == found.term
        if is_followed and found.taker != self._leader:
            self._leader = found.taker
            log.info("%s: %s publishes, term %d", self._exchange, self._leader, self.term)

    def _tell(self) -> None:
        role = self._leadership.role
        if role is not self._role:
            if role is not Role.FOLLOWER:
                self._leader = ""
            self._role = role
            self._claims.tell(f"{self._exchange}: {_WORDS[role].format(self.term)}")
