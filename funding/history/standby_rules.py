"""When REST stands in for the stream. Pure: no I/O, no clock.

It begins when the whole stream, or a class of symbols, was silent for `after` seconds, and ends
when the stream's own quotes are back. What counts is stored quotes, never the state of a socket:
it works the same whether the exchange, the network or ingest is away.

# Facts
(see exchanges/binance/stream.py)
- Symbols come in classes, each in frames of its own; the smallest has a sixth of all symbols.
- Single symbols fall silent without an outage, and REST is silent about them as well.
"""

import math
from collections.abc import Iterable
from enum import Enum

from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.model.silence import Silence

CALL_SECONDS = 15.0
SHARE = 0.05
"""Of the symbols: fewer silent ones are no class."""


class Step(Enum):
    """What is to be done now."""

    BEGIN = "begin"  # and call
    CALL = "call"
    END = "end"


class StandbyRule:
    """`update` with each look; with `after` 0 REST never stands in. `active`: it did when the
    program before this one ended."""

    def __init__(self, after: float, *, active: bool) -> None:
        self.active = active
        self._after = after
        self._lost_since: float | None = None
        self._called: float | None = None

    def update(self, silence: Silence, uptime: float) -> Step | None:
        """What is to be done at `uptime`, None for nothing."""
        if not self._after or not _is_lost(silence.silent + silence.unknown, silence.symbols):
            self._lost_since = self._called = None
            ended, self.active = self.active, False
            return Step.END if ended else None
        if self._lost_since is None:
            self._lost_since = uptime
        if not self.active:
            # Where nobody can tell for how long, it is counted from the first look: the stream is
            # given the time to begin.
            told = silence.silent and _is_lost(silence.silent, silence.symbols)
            if not told and uptime - self._lost_since < self._after:
                return None
            self.active, self._called = True, uptime
            return Step.BEGIN
        if self._called is None or uptime - self._called >= CALL_SECONDS:
            self._called = uptime
            return Step.CALL
        return None


def _is_lost(silent: int, symbols: int) -> bool:
    """Whether that is a class of symbols at least. Without any symbol nothing ever came."""
    return not symbols or silent >= max(1.0, SHARE * symbols)


def cause(silence: Silence) -> str:
    """Why it begins, in words."""
    if not silence.symbols:
        return "no quote has ever come"
    lost = silence.silent + silence.unknown
    if lost < silence.symbols:
        return f"{lost} of {silence.symbols} symbols are silent"
    return "the stream is silent" + (
        f" for {silence.newest:.0f} s" if silence.newest is not None else ""
    )


def storable(quotes: Iterable[Quote]) -> list[Quote]:
    """Those that the store takes: one bad row of a reply costs itself alone."""
    return [
        quote
        for quote in quotes
        if 0.0 < quote.mark_price < math.inf
        and 0.0 <= quote.index_price < math.inf
        and (quote.funding_rate is None or -1.0 < quote.funding_rate < 1.0)
        and quote.event_time > 0
    ]


def receipt(quote: Quote, feed: Feed, wall: float, uptime: float) -> float:
    """The uptime from which the age of `quote` counts, which came at `wall` and `uptime`: that of
    its event, where that is earlier. An exchange may give an old reply as if it were new.

    `feed` knows how the exchange's clock and ours differ, unless it has received nothing yet; then
    the wall clock must do.
    """
    event = quote.event_time / 1000
    late = wall - event if feed.least_delay is None else uptime - (event + feed.least_delay)
    return uptime - max(0.0, late)
