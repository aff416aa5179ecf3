"""What each connection subscribes to, and what is left out because it ends the connection. Pure.

# Facts
- Hyperliquid ends the whole connection for one unknown coin, without a word (see its package). Only
  what its own list has is subscribed to, but a coin may vanish between the list and the message.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from funding.exchanges.exchange import Plan

EXCLUDED_SECONDS = 3_600.0
MOST_SUSPECTS = 200


class Share(NamedTuple):
    """The topics of one connection, the suspects last."""

    topics: Sequence[str]
    suspects: frozenset[str]


class Topics:
    """The present plan, less the topics that were found to end connections."""

    def __init__(self) -> None:
        self._plan = Plan(())
        self._suspects: dict[str, None] = {}
        self._excluded: dict[str, float] = {}

    @property
    def count(self) -> int:
        """How many connections there should be."""
        return len(self._plan.connections)

    def apply(self, plan: Plan) -> list[int]:
        """Go by `plan` from now on; the connections that lack a topic which it has."""
        before = self._plan.connections
        self._plan = plan
        return [
            number
            for number, topics in enumerate(plan.connections)
            if number < len(before) and not set(topics) <= set(before[number])
        ]

    def of(self, number: int, now: float) -> Share:
        """What connection `number` subscribes to at `now` (uptime); nothing where it is not wanted
        any more."""
        if number >= self.count:
            return Share((), frozenset())
        wanted = [
            topic
            for topic in self._plan.connections[number]
            if now >= self._excluded.get(topic, now)
        ]
        suspects = frozenset(topic for topic in wanted if topic in self._suspects)
        good = [topic for topic in wanted if topic not in suspects]
        return Share([*good, *(topic for topic in wanted if topic in suspects)], suspects)

    def ended(self, unconfirmed: Sequence[str], now: float) -> str | None:
        """A connection ended while these had no answer: the one that has ended it, where that is
        known, and which is left out for an hour."""
        if len(unconfirmed) == 1 and unconfirmed[0] in self._suspects:
            del self._suspects[unconfirmed[0]]
            self._excluded[unconfirmed[0]] = now + EXCLUDED_SECONDS
            return unconfirmed[0]
        self._suspects.update(dict.fromkeys(unconfirmed[:MOST_SUSPECTS]))
        for topic in list(self._suspects)[:-MOST_SUSPECTS]:
            del self._suspects[topic]
        return None

    def planned(self, now: float) -> list[str]:
        """All that is subscribed to."""
        return [topic for number in range(self.count) for topic in self.of(number, now).topics]

    def missing(self, now: float) -> Mapping[str, str]:
        """What is not followed at `now`, with the reason."""
        out = [topic for topic, until in self._excluded.items() if now < until]
        return {**self._plan.missing, **dict.fromkeys(out, "it ended the connection")}
