"""The contracts that the exchange lists, as the watchdog stores them, and what has changed."""

from collections.abc import Iterable, Mapping

from funding import errors
from funding.exchanges.binance.contracts import contracts
from funding.health.findings import first_names
from funding.model.contract import Contract
from funding.model.event import Event, EventKind
from funding.rest.client import RestClient
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.quote_table import set_funding_intervals
from funding.store.reader import Reader
from funding.watchdog.audit_trail import SOURCE


def update_contracts(
    reader: Reader, store: DurableConnection, rest: RestClient, *, exchange: str, now: float
) -> None:
    """Ask for the contracts (weight 11), and store them and what has changed since the last time;
    `now` is Unix seconds. Raises `RestError`s and `StoreError`s."""
    listed = rest.contracts()
    if not listed:
        raise errors.RestGarbled("exchangeInfo lists no contract")
    infos, prices, quotes = rest.funding_intervals(), rest.premium_indices(), reader.all()
    quoted = [quote.symbol for quote in quotes] + [price.symbol for price in prices]
    after = contracts(exchange, listed, infos, quoted, now)
    hours = {each.symbol: each.funding_interval_hours for each in after}
    table = Contracts(store)
    with store.transaction():
        before = table.of(exchange)
        table.replace(exchange, after)
        Events(store).add(changes(before, after, now))
        known = [(q.symbol, hours.get(q.symbol)) for q in quotes if q.next_funding_time is not None]
        set_funding_intervals(store, exchange, [(name, each) for name, each in known if each])


def changes(before: Mapping[str, Contract], after: Iterable[Contract], now: float) -> list[Event]:
    """One event for each kind of change; none for the first list of all."""
    if not before:
        return []
    found: dict[str, list[str]] = {}
    present = {each.symbol: each for each in after}
    for symbol, contract in present.items():
        old = before.get(symbol)
        if old is None:
            found.setdefault(f"listed, {contract.status}", []).append(symbol)
        elif old.status != contract.status:
            found.setdefault(f"{old.status} → {contract.status}", []).append(symbol)
    gone = [symbol for symbol in before if symbol not in present]
    if gone:
        found["not listed any more"] = gone
    return [
        Event(now, SOURCE, EventKind.CONTRACT, f"{what}: {first_names(names)}", count=len(names))
        for what, names in found.items()
    ]
