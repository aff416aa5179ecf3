"""One symbol's mark price and funding at one event time, and when one quote replaces another."""

import functools
import re
from collections.abc import Iterable
from enum import StrEnum

import msgspec

MAX_SYMBOLS = 5_000
"""Symbols kept per exchange: five times what Binance lists (962 rows a second, 2026-10-07)."""

LONGEST_SYMBOL = 40
"""Characters of a symbol at most: twice the longest that was seen."""

BELIEVABLE_LEAD_MS = 1_000
"""How far a stored event time may lie ahead of both the exchange's and our own clock: at most one
tick, so the next good frame replaces a bad row."""


YEAR_HOURS = 8_760


class Source(StrEnum):
    """Where a stored quote came from; the words stand in the database."""

    WEBSOCKET = "websocket"
    REST = "rest"  # filled in while the stream was away


class Quote(msgspec.Struct, frozen=True, gc=False):
    """One symbol's row.

    `mark_price` and `index_price` are in the quote currency, `funding_rate` is a fraction per
    funding interval, `next_funding_time` and `event_time` are epoch milliseconds of the exchange.
    `funding_rate` is None where the contract has no funding or the exchange gave none;
    `next_funding_time` is None where no settlement is scheduled.
    """

    symbol: str
    mark_price: float
    index_price: float
    funding_rate: float | None
    next_funding_time: int | None
    event_time: int


def annualized(rate: float | None, interval_hours: int | None) -> float | None:
    """`rate`, a fraction per funding interval, as a fraction per year, without compounding. None
    where there is no rate, and where the interval is not known: to assume one may be 8 times off.
    """
    if rate is None or not interval_hours:
        return None
    # Without the noise of binary fractions; `round(…, 10)` takes thrice as long.
    return round(rate * YEAR_HOURS / interval_hours * 1e10) / 1e10


def supersedes(event_time: int, stored: int, ceiling: int) -> bool:
    """Whether a quote of `event_time` replaces one of event time `stored` (all in ms).

    Older and repeated event times do not. But a stored time beyond `ceiling` (see `ceiling_ms`)
    was never true: the next quote replaces it, or one bad row would freeze its symbol.
    `store/quote_table.py` has the same rule in SQL.
    """
    return event_time > stored or stored > ceiling


def ceiling_ms(frame_time: int, now_seconds: float) -> int:
    """The latest event time in ms to be believed beside a frame of `frame_time` at `now_seconds`.

    The later of the two clocks counts: with only the frame's, one late frame would let old
    quotes overwrite new ones; with only ours, a clock set back would stop all updates.
    """
    return max(frame_time, int(now_seconds * 1000)) + BELIEVABLE_LEAD_MS


_NO_NAME = re.compile(r"[\s/,?#%&+\\\"']")
_LOWER_CASE = re.compile(r"[a-z]")


@functools.lru_cache(maxsize=2 * MAX_SYMBOLS)
def is_symbol(text: str) -> bool:
    """Whether `text` may name a contract of Binance or KuCoin, which have no lower-case ASCII in
    symbols: `btcusdt` is not a symbol."""
    return is_mixed_symbol(text) and not _LOWER_CASE.search(text)


@functools.lru_cache(maxsize=2 * MAX_SYMBOLS)
def is_mixed_symbol(text: str) -> bool:
    """Whether `text` may name a contract, in any case (kPEPE, xyz:NVDA): in a URL, and in a list
    with commas."""
    return 0 < len(text) <= LONGEST_SYMBOL and text.isprintable() and not _NO_NAME.search(text)


def distinct(symbols: Iterable[str]) -> list[str]:
    """`symbols` without those that differ from an earlier one in ASCII case alone: lookups do not
    regard it, so the two would share a row."""
    found: dict[str, str] = {}
    for symbol in symbols:
        found.setdefault(fold(symbol), symbol)
    return list(found.values())


_ASCII_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


def fold(symbol: str) -> str:
    """`symbol` with ASCII letters in upper case and all others as they are.

    As SQLite's NOCASE compares: `str.upper` would also change `ß` or `ı`, and so name another
    symbol.
    """
    return symbol.upper() if symbol.isascii() else symbol.translate(_ASCII_UPPER)
