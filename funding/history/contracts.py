"""Which contracts an exchange lists, as the store keeps them."""

from collections.abc import Callable

from funding import errors
from funding.history.contract_rules import carried, changes
from funding.model.contract import Contract
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.quote_table import set_funding_intervals, take_scores_back
from funding.store.reader import Reader


def update_contracts(
    reader: Reader, store: DurableConnection, fetch: Callable[[], list[Contract]], now: float
) -> dict[str, Contract]:
    """Ask with `fetch` for the contracts of the exchange of `reader`, and store them and what has
    changed since the last time; `now` is Unix seconds. Returns those that are stored, by symbol.

    Raises `RestError`s and `StoreError`s.
    """
    listed = fetch()
    if not listed:
        raise errors.RestGarbled(f"{reader.exchange} lists no contract")
    quotes = reader.all()
    table = Contracts(store)
    with store.transaction():
        before = table.of(reader.exchange)
        after = carried(before, listed, now)
        table.replace(reader.exchange, after)
        Events(store).add(changes(before, after, now))
        hours = {each.symbol: each.funding_interval_hours for each in after}
        known = [(q.symbol, hours.get(q.symbol)) for q in quotes if q.next_funding_time is not None]
        set_funding_intervals(
            store, reader.exchange, [(name, each) for name, each in known if each]
        )
        take_scores_back(store, reader.exchange)
    return {each.symbol: each for each in after}
