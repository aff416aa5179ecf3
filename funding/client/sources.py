"""The service and REST as one thread of a client asks them. What fails is a warning in the log, at
most once a minute for each kind, and no exception.

# Facts
- REST refuses a symbol it does not know with status 400 and code -1121, an empty one with -1105,
  one of characters that no symbol has with -1100.
"""

import logging
from typing import NamedTuple

from funding import errors
from funding.client.recorder import Recorder
from funding.client.service import Service, ServiceQuote, ServiceQuotes
from funding.client.usage import ClientUsage, Unstored
from funding.exchanges.binance.rest import PremiumIndex
from funding.rest.client import RestClient
from funding.runtime.clock import Clock
from funding.runtime.deadline import Deadline
from funding.runtime.logs import Throttle
from funding.settings.service import Settings

log = logging.getLogger("client")

NO_SUCH_SYMBOL = (-1121, -1105, -1100)
COMPLAINT_SECONDS = 60.0


class RestQuote(NamedTuple):
    """REST's answer for one symbol: `reply` is None for a symbol it does not have, or where it has
    not `answered`."""

    reply: PremiumIndex | None
    answered: bool


class Shared(NamedTuple):
    """What the sources of all threads of a client have in common."""

    settings: Settings
    caller: str
    clock: Clock
    recorder: Recorder
    unstored: Unstored
    throttle: Throttle


class Sources:
    """Connections of their own, for one thread at a time. Nothing is opened before it is used; no
    question outlasts `deadline`."""

    def __init__(self, shared: Shared) -> None:
        settings, self._clock = shared.settings, shared.clock
        self._throttle = shared.throttle
        self.deadline = Deadline(None)
        self._service = Service(
            settings.api_host, settings.api_port, timeout=self._left, uptime=shared.clock.uptime
        )
        self._rest = RestClient(
            settings.rest_url,
            shared.caller,
            usage=ClientUsage(shared.recorder, shared.unstored, self._left),
            budget=settings.rest_weight,
            clock=shared.clock,
            timeout=self._left,
        )

    def service_quote(self, symbol: str) -> ServiceQuote:
        """The service's answer for `symbol`."""
        answer = self._service.quote(symbol)
        self._complain_of_service(answer.problem)
        return answer

    def service_quotes(self) -> ServiceQuotes:
        """The service's answer for all symbols."""
        answer = self._service.quotes()
        self._complain_of_service(answer.problem)
        return answer

    def rest_quote(self, symbol: str) -> RestQuote:
        """REST's answer for `symbol`; weight 1."""
        try:
            return RestQuote(self._rest.premium_index(symbol), answered=True)
        except errors.RestError as error:
            if isinstance(error, errors.RestRefused) and error.code in NO_SUCH_SYMBOL:
                return RestQuote(None, answered=True)
            self._complain_of_rest(error)
        return RestQuote(None, answered=False)

    def rest_quotes(self) -> list[PremiumIndex] | None:
        """REST's answer for all symbols, None without one; weight 10."""
        try:
            return self._rest.premium_indices()
        except errors.RestError as error:
            self._complain_of_rest(error)
        return None

    def close(self) -> None:
        """Let go of the connections; the next call opens them again."""
        self._service.close()
        self._rest.close()

    def _left(self) -> float:
        return self.deadline.left() or 0.0

    def _complain_of_service(self, problem: str) -> None:
        if problem and self._throttle("service", self._clock.uptime()):
            log.warning("the service does not answer: %s", problem)

    def _complain_of_rest(self, error: errors.RestError) -> None:
        if self._throttle(type(error).__name__, self._clock.uptime()):
            log.warning("REST: %s", error)
