"""The service and REST as one thread of a client asks them. What fails is a warning in the log, at
most once a minute for each kind, and no exception.

# Facts
- REST refuses a symbol it does not know with status 400 and code -1121, an empty one with -1105,
  one of characters that no symbol has with -1100.
"""

from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

from funding import errors
from funding.client.service import Service, ServiceQuote, ServiceQuotes
from funding.client.usage import CallUsage, SharedUsage
from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.exchange import Exchange
from funding.model.event import Event, EventKind
from funding.model.quote import Quote, fold
from funding.rest.client import RestClient
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import Clock
from funding.runtime.deadline import Deadline
from funding.runtime.logs import ThrottledWarnings
from funding.settings.service import Settings

if TYPE_CHECKING:
    from funding.client.live_service import LiveService, WithinSeconds

NO_SUCH_SYMBOL = (-1121, -1105, -1100)
A = TypeVar("A", ServiceQuote, ServiceQuotes)


class RestQuote(NamedTuple):
    """REST's answer for one symbol: `reply` is None for a symbol it does not have, or where it has
    not `answered`."""

    reply: Quote | None
    answered: bool


class Sources:
    """Connections of their own, to one `exchange` and the service, for one thread at a time.
    `usage` is the whole client's, and so is `live`, which takes the place of the service.

    Nothing is opened before it is used. Each question ends with `deadline`, or `leaves` that many
    seconds for what comes after it.
    """

    def __init__(
        self,
        settings: Settings,
        exchange: Exchange,
        caller: str,
        clock: Clock,
        usage: SharedUsage,
        warn: ThrottledWarnings,
        live: "LiveService | None" = None,
    ) -> None:
        self.deadline = Deadline(None)
        self._leaves = 0.0
        self._warn = warn
        self._caller = caller
        self._clock = clock
        self._usage = CallUsage(usage, self._left)
        self._service: Service | WithinSeconds = (
            live.within(self._left)
            if live is not None
            else Service(
                settings.api_host,
                settings.api_port,
                timeout=self._left,
                uptime=clock.uptime,
                rest_host=rest_host(settings, exchange),
                exchange=exchange.name,
            )
        )
        # Binance answers for one symbol, at a tenth of the weight of all.
        self._other = (
            None
            if exchange is BINANCE
            else ExchangeClient(
                exchange,
                settings.options(exchange.name),
                caller,
                usage=self._usage,
                clock=clock,
                timeout=self._left,
            )
        )
        self._rest = RestClient(
            settings.rest_url,
            caller,
            usage=self._usage,
            budget=settings.rest_weight,
            clock=clock,
            timeout=self._left,
        )

    def service_quote(self, symbol: str, leaves: float = 0.0) -> ServiceQuote:
        """The service's answer for `symbol`."""
        self._leaves = leaves
        answer = self._service.quote(symbol)
        text = f"the service: {answer.problem}"
        if answer.wrong_symbol and self._warn("wrong symbol", text):
            event = Event(self._clock.wall(), self._caller, EventKind.WRONG_SYMBOL, text)
            self._usage.record(event)
        return self._warned(answer)

    def service_quotes_on(self, asset: str) -> ServiceQuotes:
        """The service's answer for all contracts on `asset`, of every exchange."""
        self._leaves = 0.0
        return self._warned(self._service.on_asset(asset))

    def service_quotes(self, leaves: float = 0.0) -> ServiceQuotes:
        """The service's answer for all symbols."""
        self._leaves = leaves
        return self._warned(self._service.quotes())

    def rest_quote(self, symbol: str, leaves: float = 0.0) -> RestQuote:
        """REST's answer for `symbol`; weight 1, or of all where the exchange is not Binance."""
        self._leaves = leaves
        if self._other is not None:
            replies = self.rest_quotes(leaves)
            found = (each for each in replies or () if fold(each.symbol) == symbol)
            return RestQuote(next(found, None), answered=replies is not None)
        try:
            return RestQuote(self._rest.premium_index(symbol).quote, answered=True)
        except errors.RestError as error:
            if isinstance(error, errors.RestRefused) and error.code in NO_SUCH_SYMBOL:
                return RestQuote(None, answered=True)
            self._warn(type(error).__name__, f"REST: {error}")
        return RestQuote(None, answered=False)

    def rest_quotes(self, leaves: float = 0.0) -> list[Quote] | None:
        """REST's answer for all symbols, None without one; weight 10."""
        self._leaves = leaves
        try:
            if self._other is not None:
                return self._other.snapshot()
            return [each.quote for each in self._rest.premium_indices()]
        except errors.RestError as error:
            self._warn(type(error).__name__, f"REST: {error}")
        return None

    def close(self) -> None:
        """Let go of the connections; the next call opens them again."""
        self._service.close()
        self._rest.close()
        if self._other is not None:
            self._other.close()

    def _left(self) -> float:
        return max(0.0, (self.deadline.left() or 0.0) - self._leaves)

    def _warned(self, answer: A) -> A:
        """`answer`, with a warning in the log where the service gave none."""
        if answer.problem:
            self._warn("service", f"the service does not answer: {answer.problem}")
        return answer


def rest_host(settings: Settings, exchange: Exchange) -> str:
    """The host of the REST interface of `exchange`."""
    return urlsplit(settings.options(exchange.name).rest_url).hostname or ""
