"""Asking, and putting up with no answer: what fails is told in the log, at a bounded rate.

# Facts
- REST refuses a symbol it does not know with status 400 and code -1121, an empty one with -1105,
  one of characters that no symbol has with -1100.
"""

import logging
import threading
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from funding import errors
from funding.client.service import ServiceQuote, ServiceQuotes
from funding.client.session import Session
from funding.client.tally import RunningSummary
from funding.comparison.pair import Comparison, alarms
from funding.exchanges.binance.rest import PremiumIndex
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle

log = logging.getLogger("client")

NO_SUCH_SYMBOL = (-1121, -1105, -1100)
COMPLAINT_SECONDS = 60.0

T = TypeVar("T")
W = TypeVar("W", ServiceQuote, ServiceQuotes)


class RestQuote(NamedTuple):
    """REST's word on one symbol: a reply, none for a symbol it does not have, or no answer."""

    reply: PremiumIndex | None
    answered: bool


class Sources:
    """Calls that never raise for what the outside world does. For any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seldom = Throttle(COMPLAINT_SECONDS)
        self._tally = RunningSummary()

    def heard(self, word: W) -> W:
        """`word` itself; a service that does not answer is told in the log."""
        if word.problem:
            self._complain("service", f"the service does not answer: {word.problem}")
        return word

    def rest_one(self, parts: Session, symbol: str) -> RestQuote:
        """REST's word on `symbol`; weight 1."""
        try:
            return RestQuote(parts.rest.premium_index(symbol), answered=True)
        except errors.RestRefused as error:
            if error.code in NO_SUCH_SYMBOL:
                return RestQuote(None, answered=True)
            self._complain("refused", f"REST: {error}")
        except errors.RestError as error:
            self._complain(type(error).__name__, f"REST: {error}")
        return RestQuote(None, answered=False)

    def rest_all(self, parts: Session) -> list[PremiumIndex] | None:
        """REST's word on all symbols, or None without an answer; weight 10."""
        try:
            return parts.rest.premium_indices()
        except errors.RestError as error:
            self._complain(type(error).__name__, f"REST: {error}")
        return None

    def verdict(self, parts: Session) -> tuple[tuple[float, str] | None, str]:
        """Time (Unix seconds) and word of the last stored report, and why it cannot be read."""
        try:
            return parts.book.last_validation(), ""
        except errors.StoreError as error:
            return None, f"it cannot be read ({error})"

    def store(self, parts: Session, rows: Sequence[Comparison]) -> None:
        """Store what was compared, and tell what is significant, and where the sums stand."""
        events = alarms(rows)
        parts.book.add(rows, events)
        for event in events:
            log.warning("significant: %s", event.detail)
        line = self._tally.add(rows)
        if line is not None:
            log.info("%s", line)

    def _complain(self, key: str, text: str) -> None:
        with self._lock:
            due = self._seldom(key, self._clock.uptime())
        if due:
            log.warning("%s", text)
