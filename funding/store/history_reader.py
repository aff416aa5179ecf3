"""Settled rates, bars and signals as readers see them. Every answer is bounded, the newest rows
first where there are more."""

from typing import NamedTuple

from funding.model.bar import Bar
from funding.model.settlement import StoredSettlement
from funding.model.signal import Signal
from funding.store.bar_table import BARS_OF_SYMBOL
from funding.store.reader import Reader

_SETTLED = f"""
SELECT {", ".join(StoredSettlement._fields)} FROM funding_rate
WHERE symbol = ?1 AND exchange = ?2 AND funding_time >= ?3
ORDER BY funding_time DESC, rate_type DESC LIMIT ?4
"""
_GAPS = """
SELECT after_time, before_time, missing FROM funding_gap
WHERE symbol = ?1 AND exchange = ?2 AND before_time >= ?3 ORDER BY after_time LIMIT ?4
"""
_ASKED = "SELECT from_time, until_time FROM backfill WHERE exchange = ?1 AND symbol = ?2"
_SIGNALS = f"""
SELECT id, {", ".join(Signal._fields)} FROM signal
WHERE at >= ?1 AND (?2 IS NULL OR exchange = ?2) ORDER BY at DESC, id DESC LIMIT ?3
"""
_NEWEST_SIGNAL = "SELECT coalesce(max(id), 0) FROM signal"
_SIGNALS_AFTER = f"""
SELECT id, {", ".join(Signal._fields)} FROM signal WHERE id > ? ORDER BY id LIMIT 1000
"""
_LISTED = "SELECT symbol FROM contract WHERE exchange = ?1 AND symbol = ?2"


class Gap(NamedTuple):
    """`missing` settlements between two that there are, epoch ms."""

    after_time: int
    before_time: int
    missing: int


class Asked(NamedTuple):
    """The span, in epoch ms, of which the exchange was asked for all settled rates."""

    from_time: int
    until_time: int


def settled_rates(reader: Reader, symbol: str, since_ms: int, limit: int) -> list[StoredSettlement]:
    """The newest `limit` settled rates since then, oldest first."""
    rows = reader.rows(_SETTLED, (symbol, reader.exchange, since_ms, limit))
    return [StoredSettlement(*row) for row in reversed(rows)]


def gaps(reader: Reader, symbol: str, since_ms: int, limit: int) -> list[Gap]:
    """The gaps that end after then, oldest first."""
    return [Gap(*row) for row in reader.rows(_GAPS, (symbol, reader.exchange, since_ms, limit))]


def asked(reader: Reader, symbol: str) -> Asked | None:
    """What the exchange was asked for; None where it was not."""
    rows = reader.rows(_ASKED, (reader.exchange, symbol))
    return Asked(*rows[0]) if rows else None


def bars(reader: Reader, symbol: str, period: int, since: float, limit: int) -> list[Bar]:
    """The newest `limit` bars of `period` seconds that begin at `since` or later, oldest first."""
    rows = reader.rows(BARS_OF_SYMBOL, (symbol, reader.exchange, period, since, limit))
    return [Bar(*row) for row in reversed(rows)]


def signals(
    reader: Reader, exchange: str | None, since: float, limit: int
) -> list[tuple[int, Signal]]:
    """The newest `limit` signals since then with their id, newest first; `exchange` None: of all
    exchanges."""
    rows = reader.rows(_SIGNALS, (since, exchange, limit))
    return [(number, Signal(*row)) for number, *row in rows]


def newest_signal(reader: Reader) -> int:
    """The id of the newest signal, of whichever exchange; 0 without any."""
    return int(reader.rows(_NEWEST_SIGNAL, ())[0][0])


def signals_after(reader: Reader, last: int) -> list[tuple[int, Signal]]:
    """The first thousand that came after the one with the id `last`, of all exchanges."""
    return [(number, Signal(*row)) for number, *row in reader.rows(_SIGNALS_AFTER, (last,))]


def stored_name(reader: Reader, symbol: str) -> str | None:
    """The name of `symbol` as it is stored, where it has a quote or is listed."""
    quote = reader.one(symbol)
    if quote is not None:
        return quote.symbol
    rows = reader.rows(_LISTED, (reader.exchange, symbol))
    return str(rows[0][0]) if rows else None
