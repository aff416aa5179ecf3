"""KuCoin: what is known of each contract's funding, which comes apart from its prices. Pure.

# Facts
(venue profile of 2026-09-22 by a public project)
- Rates come once a minute and mark prices once a second, in messages of their own.
- At a settlement the old estimate is shown with the new time for 5 to 20 s, and then the rate that
  was charged for about a minute: all of it is shown as it was told.
- Intervals change within days, and so does the phase without the interval: the next time is taken
  as told, and never derived.
"""

from typing import NamedTuple

from funding.model.quote import MAX_SYMBOLS

OUTDATED_MS = 300_000
"""A rate is not shown beside a price that is this much younger: five that should have come since
have not."""


class Funding(NamedTuple):
    """The rate and the next funding time (ms) of a contract, as told at `at_ms`."""

    rate: str | float | None
    due_ms: int | None
    at_ms: int


_UNKNOWN = Funding(None, None, 0)


class Rates:
    """The latest of each contract. Threads of several connections may call it."""

    def __init__(self) -> None:
        self._known: dict[str, Funding] = {}

    def learn(self, symbol: str, new: Funding) -> None:
        """Take `new`. A feed that does not tell the next funding time leaves the known one."""
        known = self._known.get(symbol)
        if known is None and len(self._known) >= MAX_SYMBOLS:
            return
        if new.due_ms is None and known is not None:
            new = new._replace(due_ms=known.due_ms)
        self._known[symbol] = new

    def of(self, symbol: str, at_ms: int) -> Funding:
        """What may be shown beside a price of `at_ms`."""
        known = self._known.get(symbol, _UNKNOWN)
        return known if at_ms - known.at_ms <= OUTDATED_MS else _UNKNOWN
