"""What is sent over one connection, and when: subscriptions in turn, and keep-alives. Pure.

`now` is uptime in seconds.
"""

from collections import deque
from collections.abc import Collection

from funding.exchanges.exchange import Opening
from funding.exchanges.frame import Frame

CONFIRM_SECONDS = 5.0
"""How long a suspect's subscription is waited for before the next one is sent."""
LONGEST_WAIT = 1.0
_SHORT_WAIT = 0.05


class Session:
    """Ask `due` for what is to be sent, `wait` for how long to receive meanwhile, and `note` each
    frame. A topic is confirmed by its acknowledgement or its first quote.

    `suspects` may end the connection: each of their subscriptions is sent when all before it are
    confirmed, so that it is known which one it was.
    """

    def __init__(self, opening: Opening, now: float, suspects: Collection[str] = ()) -> None:
        self._keep_alive = opening.keep_alive
        self._between = opening.message_seconds
        self._pending = deque(opening.subscriptions)
        self._suspects = frozenset(suspects)
        self._welcomed = not opening.welcomed
        self._unconfirmed: dict[str, None] = {}
        self._next_at = self._sent_at = now
        self._ping_at = now + opening.keep_alive.every if opening.keep_alive else float("inf")
        self._pings = 0

    def due(self, now: float) -> list[bytes]:
        """The messages to be sent at `now`."""
        messages = []
        if self._welcomed and self._pending and now >= self._next_at and self._is_clear(now):
            subscription = self._pending.popleft()
            messages.append(subscription.message)
            self._unconfirmed.update(dict.fromkeys(subscription.topics))
            self._sent_at, self._next_at = now, now + self._between
        if self._keep_alive is not None and now >= self._ping_at:
            self._pings += 1
            self._ping_at = now + self._keep_alive.every
            messages.append(self._keep_alive.message(self._pings))
        return messages

    def wait(self, now: float) -> float:
        """Seconds for which there is nothing to be sent, unless a message changes that."""
        until = min(now + LONGEST_WAIT, self._ping_at)
        if self._welcomed and self._pending:
            until = min(until, max(self._next_at, now + _SHORT_WAIT * self._next_is_suspect()))
        return max(0.001, until - now)

    def note(self, frame: Frame) -> None:
        """Take note of what has come."""
        if frame.welcome:
            self._welcomed = True
        if self._unconfirmed:
            for topic in frame.acknowledged:
                self._unconfirmed.pop(topic, None)
            for quote in frame.quotes:
                self._unconfirmed.pop(quote.symbol, None)

    def unconfirmed(self) -> tuple[str, ...]:
        """The topics that were subscribed to without an answer, in the order sent."""
        return tuple(self._unconfirmed)

    def _next_is_suspect(self) -> bool:
        return not self._suspects.isdisjoint(self._pending[0].topics)

    def _is_clear(self, now: float) -> bool:
        """Whether the next subscription may be sent; what has not answered by then never will."""
        if not self._unconfirmed or not self._next_is_suspect():
            return True
        if now - self._sent_at < CONFIRM_SECONDS:
            return False
        self._unconfirmed.clear()
        return True
