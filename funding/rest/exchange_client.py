"""Asks any exchange through its interface: one `RestClient` for each of its hosts."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from funding.errors import RestGarbled
from funding.exchanges.exchange import Conversation, Exchange, Options, Reply, Request, converse
from funding.model.contract import Contract
from funding.model.event import Event, EventKind
from funding.model.quote import LONGEST_SYMBOL, Quote
from funding.model.settlement import Settlement
from funding.rest.client import RestClient
from funding.rest.limiter import UsageStore
from funding.runtime.clock import Clock
from funding.runtime.logs import printable

T = TypeVar("T")


class ExchangeClient:
    """The REST interface of `exchange`, counted in `usage` by the name of the `caller`.

    `budget` is the weight per minute for the whole group, where that is not the exchange's own.
    For one thread, as its `usage` is. Every method raises `RestError`s and, from `usage`,
    `StoreError`s; no single answer is waited for longer than `timeout` seconds.
    """

    def __init__(
        self,
        exchange: Exchange,
        options: Options,
        caller: str,
        *,
        usage: UsageStore,
        clock: Clock,
        budget: int | None = None,
        timeout: float | Callable[[], float] = 10.0,
    ) -> None:
        self._exchange = exchange
        self.host = urlsplit(options.rest_url).hostname or ""
        self.rest = exchange.rest(options)
        self._caller = caller
        self._usage = usage
        self._clock = clock
        self._budget = budget if budget is not None else exchange.limits.own
        self._timeout = timeout
        self._clients: dict[str, RestClient] = {}

    @property
    def published_seconds(self) -> float:
        """How long after its time a settled rate is answered, at the earliest."""
        return self._exchange.published_seconds

    def contracts(self) -> list[Contract]:
        """All contracts."""
        return self.ask(self.rest.contracts(self._clock.wall()))

    def history(self, symbol: str, since_ms: int, until_ms: int) -> list[Settlement]:
        """The settled rates of `symbol` in that time, oldest first."""
        return self.ask(self.rest.history(symbol, since_ms, until_ms))

    def snapshot(self) -> list[Quote]:
        """The quotes of all contracts."""
        return self.ask(self.rest.snapshot())

    def one(self, symbol: str) -> Quote:
        """The quote of `symbol`; that of another one is `RestGarbled`, and an event."""
        found = self.ask(self.rest.one(symbol))
        if found.symbol == symbol:
            return found
        self.close()  # what else comes on this connection may be another's, too
        text = f"the quote of {symbol}: the reply is of {printable(found.symbol[:LONGEST_SYMBOL])}"
        event = Event(self._clock.wall(), self._caller, EventKind.WRONG_SYMBOL, text)
        self._usage.record(event)
        raise RestGarbled(text)

    def ask(self, conversation: Conversation[T]) -> T:
        """The result of `conversation`, whose requests are made."""
        return converse(conversation, self.answer)

    def close(self) -> None:
        """Let go of the connections; the next call opens them again."""
        for client in self._clients.values():
            client.close()

    def answer(self, request: Request) -> Reply:
        """The answer to one request."""
        parts = urlsplit(request.url)
        address = f"{parts.scheme}://{parts.netloc}"
        client = self._clients.get(address)
        if client is None:
            client = self._clients[address] = RestClient(
                address,
                self._caller,
                usage=self._usage,
                budget=self._budget,
                clock=self._clock,
                timeout=self._timeout,
                limits=self._exchange.limits,
            )
        return client.ask(request)
