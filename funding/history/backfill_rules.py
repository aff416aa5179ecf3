"""What of the past has not been asked for, in which order, and in which pieces. No clock."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from funding.model.settlement import Announced, Asked

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PIECE_ROWS = 900
"""Of one question: one page of Binance, and what a death costs at most."""
FIRST_ASSETS = ("BTC", "ETH")


class Piece(NamedTuple):
    """One question: the settlements of `symbol` between two times, both included."""

    symbol: str
    since_ms: int
    until_ms: int


def importance(contract: Announced) -> tuple[float, str]:
    """A key to sort by: the great ones first, then those that pay most."""
    if contract.base_asset in FIRST_ASSETS:
        return FIRST_ASSETS.index(contract.base_asset) - 10.0, contract.symbol
    return -abs(contract.rate or 0.0) / (contract.interval or 8), contract.symbol


def pieces(
    wanted: Iterable[Announced], asked: Mapping[str, Asked], since_ms: int, until_ms: int
) -> Iterator[Piece]:
    """The questions about the history from `since_ms`, or the listing, to `until_ms`: the newest
    piece of every symbol before any older one, each touching what was asked for before."""
    waiting = [
        list(_pieces(each, asked.get(each.symbol), since_ms, until_ms))
        for each in sorted(wanted, key=importance)
    ]
    for place in range(max(map(len, waiting), default=0)):
        yield from (each[place] for each in waiting if place < len(each))


def _pieces(
    wanted: Announced, asked: Asked | None, since_ms: int, until_ms: int
) -> Iterator[Piece]:
    interval_ms = (wanted.interval or 1) * HOUR_MS
    length = PIECE_ROWS * interval_ms
    since_ms = max(since_ms, wanted.listed_time or 0)
    if asked is not None:
        # What is newer than that, from there on, so that no hole is left when it is stopped.
        start = asked.until_ms + 1
        while start <= until_ms - interval_ms:  # the next one has been due
            end = min(start + length - 1, until_ms)
            yield Piece(wanted.symbol, start, end)
            start = end + 1
        until_ms = asked.from_ms - 1
    while until_ms - since_ms >= HOUR_MS:
        start = max(since_ms, until_ms - length + 1)
        yield Piece(wanted.symbol, start, until_ms)
        until_ms = start - 1


def answered(piece: Piece, newest_ms: int | None, now_ms: int, known: Asked | None = None) -> Asked:
    """What is known after the answer to `piece`, whose newest settlement is `newest_ms`.

    A settlement may be published a day late: what is newer than the newest one is asked for again,
    except before what is `known` already, where its absence is a gap (see `gap_rules`).
    """
    is_before = known is not None and known.from_ms - 1 <= piece.until_ms <= known.until_ms
    if piece.until_ms < now_ms - DAY_MS or is_before:
        return Asked(piece.since_ms, piece.until_ms)
    until = newest_ms if newest_ms is not None else min(piece.until_ms, now_ms - DAY_MS)
    return Asked(piece.since_ms, max(piece.since_ms, until))
