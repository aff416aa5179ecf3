"""Symbols that came or went in the period: what neither side has yet, or has any longer, nobody
can compare.

# Facts
- Each comparison of everything has a row of whatever either side has. A symbol without a row was
  on neither, and its listing is seen by its first row.
- The service keeps the last quote of a delisted contract for ever, REST does not: from then on
  every comparison has a row with our old price alone.
"""

from collections.abc import Iterator

from validation.read.facts import Facts
from validation.rules import MARK

CAME_SHARE, WENT_SHARE = 0.06, 0.1
"""Of the symbols known; when more of them come or go, something else has happened."""
ENDED_SECONDS = 180
"""So much newer than REST's first silence the last quote of a delisted contract may be."""


def _gone(facts: Facts) -> Iterator[tuple[str, float]]:
    for symbol, track in facts.tally.tracks[MARK].items():
        quoted = facts.quotes.times.get(symbol)
        latest = min(track.gone_at, facts.period.until - 2 * ENDED_SECONDS) + ENDED_SECONDS
        if track.gone and quoted is not None and quoted <= latest:
            yield symbol, track.gone_at


def departed(facts: Facts) -> dict[str, float]:
    """Symbols that both sides lack at the end, and since when (Unix seconds) REST does; none when
    they are too many. One that either side still has, or had again, is not among them."""
    found = dict(_gone(facts))
    return found if len(found) <= WENT_SHARE * len(facts.known) else {}


def _begun(facts: Facts) -> dict[str, int]:
    """Symbols that were compared, but not from the first hour on, and since which hour."""
    tracks = facts.tally.tracks[MARK].items()
    first = {s: (track.hours & -track.hours).bit_length() - 1 for s, track in tracks if track.hours}
    late = {symbol: hour for symbol, hour in first.items() if hour}
    return late if len(late) <= CAME_SHARE * len(facts.known) else {}


def absent_hours(facts: Facts) -> int:
    """Cells (symbol, hour) in which neither side can have been compared: whole hours before a
    symbol came, and all from the one in which it went."""
    hours = facts.period.hours
    went = (
        max(0, hours - max(0, int((at - facts.period.first) / 3_600)))
        for at in departed(facts).values()
    )
    return sum(min(hour, hours) for hour in _begun(facts).values()) + sum(went)
