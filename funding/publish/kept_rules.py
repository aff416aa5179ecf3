"""When a value of a bucket replaces another. Pure: `wall` gives Unix seconds."""

from collections.abc import Callable
from dataclasses import dataclass

from funding.errors import NatsGarbled
from funding.model.contract import Contract
from funding.model.quote import ceiling_ms, supersedes
from funding.nats import messages
from funding.nats.messages import PublishedQuote

GONE_SECONDS = 86_400.0
"""A symbol without a quote for so long is dead: as in the store, and at readers."""


@dataclass(frozen=True, slots=True)
class QuoteRules:
    """A quote never goes back in time, whichever taker has it."""

    wall: Callable[[], float]

    def is_newer(self, key: str, ours: bytes, theirs: bytes) -> bool:
        """Whether `ours` has the later event time, or is what the same taker says later of it."""
        here, there = _quote(ours, key), _quote(theirs, key)
        if here is None or there is None:
            return here is not None  # readers would refuse it
        if here.event_time == there.event_time:
            return here.taker == there.taker and here.sent_at > there.sent_at
        ceiling = ceiling_ms(here.event_time, self.wall())
        return supersedes(here.event_time, there.event_time, ceiling)

    def is_gone(self, key: str, theirs: bytes) -> bool:
        """Whether nobody has heard of it for a day."""
        there = _quote(theirs, key)
        return there is None or self.wall() - there.updated_at > GONE_SECONDS


@dataclass(frozen=True, slots=True)
class ContractRules:
    """A contract is as who asked the exchange last has heard it."""

    def is_newer(self, key: str, ours: bytes, theirs: bytes) -> bool:
        """Whether the exchange told `ours` later, or at the same time."""
        here, there = _contract(ours, key), _contract(theirs, key)
        if here is None or there is None:
            return here is not None
        return here.checked_at >= there.checked_at

    def is_gone(self, key: str, theirs: bytes) -> bool:  # noqa: ARG002 (as `Rules` has it)
        """Whoever has asked the exchange has all of its contracts."""
        return True


def _quote(body: bytes, key: str) -> PublishedQuote | None:
    try:
        return messages.decode_quote(body, key)
    except NatsGarbled:
        return None


def _contract(body: bytes, key: str) -> Contract | None:
    try:
        return messages.decode_contract(body, key)
    except NatsGarbled:
        return None
