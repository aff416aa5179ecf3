"""One REST call of an exchange, by whichever thread: for the few that ingest makes."""

from contextlib import closing
from pathlib import Path

from funding.exchanges.exchange import Exchange, Options, Reply, Request
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import Clock
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage


class OneCall:
    """Opens the database and the connection for each call, and closes them."""

    def __init__(
        self, path: Path, exchange: Exchange, options: Options, caller: str, clock: Clock
    ) -> None:
        self._path = path
        self._exchange = exchange
        self._options = options
        self._caller = caller
        self._clock = clock

    def __call__(self, request: Request) -> Reply:
        """The answer to `request`. Raises `RestError`s and `StoreError`s."""
        with closing(DurableConnection(self._path)) as store:
            usage = RestUsage(store, self._exchange.name)
            client = ExchangeClient(
                self._exchange, self._options, self._caller, usage=usage, clock=self._clock
            )
            with closing(client):
                return client.answer(request)
