"""The newest quote of each contract, of those that takers send and a bucket keeps. Pure.

One thread offers, any number of threads ask.
"""

from typing import NamedTuple

from funding.model.feed import StoredQuote
from funding.model.quote import MAX_SYMBOLS, ceiling_ms, fold, supersedes
from funding.nats.clocks import TakerClocks
from funding.nats.messages import PublishedQuote

RETIRE_SECONDS = 86_400.0
"""As in a taker's store: a symbol that is not heard of for so long is gone."""


class _Held(NamedTuple):
    quote: PublishedQuote
    received: float  # uptime


class LatestQuotes:
    """Quotes by exchange and symbol; their ages are judged by `clocks`.

    A quote takes the place of another only as it does in a taker's store: never back in time,
    whoever sends it and by whichever way it comes.
    """

    def __init__(self, clocks: TakerClocks) -> None:
        self._clocks = clocks
        self._quotes: dict[str, dict[str, _Held]] = {}

    def offer(self, quote: PublishedQuote, *, wall: float, uptime: float) -> bool:
        """Whether `quote`, received now, is newer than what is held, and held from now on."""
        self._clocks.hear(quote.taker, quote.sent_at, uptime)
        held = self._quotes.setdefault(quote.exchange, {})
        symbol = fold(quote.symbol)
        before = held.get(symbol)
        if before is None:
            if len(held) >= MAX_SYMBOLS:
                return False
        else:
            latest = self._clocks.latest_wall(wall=wall, uptime=uptime)
            ceiling = ceiling_ms(quote.event_time, latest)
            if not supersedes(quote.event_time, before.quote.event_time, ceiling):
                return False
        held[symbol] = _Held(quote, uptime)
        return True

    def one(self, exchange: str, symbol: str, *, wall: float, uptime: float) -> StoredQuote | None:
        """The quote of `symbol`, whatever its ASCII case, with its age now."""
        held = self._quotes.get(exchange, {}).get(fold(symbol))
        return None if held is None else self._aged(held, wall, uptime)

    def all(self, exchange: str, *, wall: float, uptime: float) -> list[StoredQuote]:
        """Every quote of `exchange`, by symbol."""
        # A list is made of a dictionary in one step: the thread that offers does not come between.
        held = list(self._quotes.get(exchange, {}).values())
        found = [self._aged(each, wall, uptime) for each in held]
        return sorted(found, key=lambda each: each.symbol)

    def names(self) -> list[tuple[str, str]]:
        """(exchange, folded symbol) of all. For the thread that offers."""
        return [(exchange, symbol) for exchange, held in self._quotes.items() for symbol in held]

    def retire(self, uptime: float) -> list[tuple[str, str]]:
        """Let go of what was not heard of for a day; (exchange, symbol) of each. For the thread
        that offers."""
        gone = []
        for exchange, held in self._quotes.items():
            for symbol, each in list(held.items()):
                if uptime - each.received > RETIRE_SECONDS:
                    gone.append((exchange, each.quote.symbol))
                    del held[symbol]
        return gone

    def _aged(self, held: _Held, wall: float, uptime: float) -> StoredQuote:
        quote = held.quote
        since = self._clocks.seconds_since(
            quote.taker, quote.sent_at, held.received, wall=wall, uptime=uptime
        )
        return quote.stored(since)
