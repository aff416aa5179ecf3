"""The exchanges that the API serves, by name; the first is the one meant where none is named."""

from collections.abc import Callable, Collection, Mapping
from math import inf
from typing import NamedTuple

from funding.api.parameters import ALL_EXCHANGES, exchange
from funding.health.verdict import Limits
from funding.nats.asking import Answer
from funding.store.reader import Reader


class ServedExchange(NamedTuple):
    """What is stored of one exchange, when that is healthy, and the highest rate per hour that it
    can have. Where the store is a replica, `link` says why it may not hold the present; "" for
    nothing."""

    reader: Reader
    limits: Limits
    rate_cap_hourly: float = inf
    link: Callable[[], str] = lambda: ""


class Served:
    """At least one exchange. For one thread, as the readers are.

    `lacking` are the tables of the store that are empty because they do not travel to a replica;
    `elsewhere` gives what an API that has them answers to a path, or raises `NatsError`.
    """

    def __init__(
        self,
        exchanges: Mapping[str, ServedExchange],
        lacking: Collection[str] = (),
        elsewhere: Callable[[str], Answer] | None = None,
    ) -> None:
        self.lacking = frozenset(lacking)
        self.elsewhere = elsewhere
        self._exchanges = dict(exchanges)
        self._default = self._exchanges[next(iter(exchanges))]
        self.names = tuple(exchanges)
        self.one = exchange(self.names)
        self.many = exchange(self.names, many=True)

    def of(self, name: str | None) -> ServedExchange:
        """The exchange `name`."""
        return self._default if name is None else self._exchanges[name]

    def health_rule(self, name: str | None) -> str:
        """By which rule the watchdog records when the data of exchange `name` was unhealthy."""
        return "data" if name in (None, self.names[0]) else str(name)

    def asked(self, name: str | None) -> list[ServedExchange]:
        """The exchange `name`, or all of them for `*`."""
        return list(self._exchanges.values()) if name == ALL_EXCHANGES else [self.of(name)]

    def address(self, name: str | None) -> str:
        """The host of the stream of exchange `name`; "" where there is none, or several."""
        return "" if name == ALL_EXCHANGES else self.of(name).reader.address
