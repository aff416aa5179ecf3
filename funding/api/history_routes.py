"""The routes of what was: settled rates, bars, signals. Each answers a table that is bounded."""

from http import HTTPStatus
from itertools import accumulate
from typing import TYPE_CHECKING

import msgspec

from funding.api.parameters import ALL_EXCHANGES, FORMAT, MAX_SHOWN, choice, time, whole
from funding.api.responses import Response, refusal, table
from funding.api.router import About, Route
from funding.api.served import Served
from funding.api.tables import CutTable, SymbolTable
from funding.model.bar import HOUR, MINUTE
from funding.model.settlement import StoredSettlement
from funding.model.signal import Signal
from funding.runtime.clock import Clock
from funding.store import history_reader

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MAX_DAYS = 400
DEFAULT_DAYS = 30
MAX_ROWS = 10_000
"""400 days of settlements each hour are 9,600."""
DEFAULT_SIGNALS = 1_000
DAY = 86_400.0
DEFAULT_SPAN = {MINUTE: DAY, HOUR: 30 * DAY}
"""How far back bars of a period go, where `since` does not say."""

DAYS = whole("days", 1, MAX_DAYS)
PERIOD = choice("period", str(MINUTE), str(HOUR))
SINCE = time("since")
LIMIT = whole("limit", 1, MAX_ROWS)


class SettledRow(msgspec.Struct, rename="camel"):
    """One settled rate; `cumulative_rate` is the sum of the rates up to this one."""

    funding_time: int
    funding_rate: float
    rate_type: str
    mark_price: float | None
    funding_interval_hours: int | None
    cumulative_rate: float
    source: str


class GapRow(msgspec.Struct, rename="camel"):
    """`missing` settlements between two times, epoch ms."""

    after_time: int
    before_time: int
    missing: int


class BarRow(msgspec.Struct, rename="camel"):
    """One bar; `start` is Unix seconds."""

    start: int
    open: float
    high: float
    low: float
    close: float
    index_close: float | None
    rate_close: float | None
    quotes: int


class SignalRow(msgspec.Struct, rename="camel"):
    """One signal: the columns of `Signal` without its target; `at` is Unix seconds, `event_time`
    epoch milliseconds of the exchange."""

    id: int
    at: float
    exchange: str
    symbol: str
    kind: str
    zone: str | None
    direction: str
    rate: float | None
    z_score: float | None
    detail: str
    count: int
    event_time: int | None


class History(SymbolTable[SettledRow], rename="camel"):
    """Settled rates, oldest first: see docs/client.md."""

    days: int
    cumulative_rate: float
    gaps: list[GapRow]
    asked_from: int | None
    asked_until: int | None


class Bars(SymbolTable[BarRow]):
    """Bars of `period` seconds, oldest first."""

    period: int


HISTORY = About("Settled rates, oldest first, with their sum and gaps.", History)
BARS = About("Mark price and rate per minute or hour, oldest first.", Bars)
SIGNALS = About("Signals, newest first.", CutTable[SignalRow])


class HistoryRoutes:
    """History of the `served` exchanges. For one thread."""

    def __init__(self, served: Served, clock: Clock) -> None:
        self._served = served
        self._clock = clock

    def routes(self) -> list[Route]:
        """The one with a fixed path, and those of a symbol."""
        one, many = self._served.one, self._served.many
        return [
            Route("/funding/signals", self.signals, (SINCE, LIMIT, many, FORMAT), SIGNALS),
            Route(
                "/funding/<symbol>/history",
                self.history,
                (DAYS, one, FORMAT),
                HISTORY,
                tables=("funding_rate", "funding_gap", "backfill"),
            ),
            Route(
                "/funding/<symbol>/bars",
                self.bars,
                (PERIOD, SINCE, one, FORMAT),
                BARS,
                tables=("bar",),
            ),
        ]

    def history(
        self,
        environ: "WSGIEnvironment",
        symbol: str,
        days: int = DEFAULT_DAYS,
        exchange: str | None = None,
        form: str = "json",
    ) -> Response:
        """GET /funding/<symbol>/history?days=30"""
        reader = self._served.of(exchange).reader
        since_ms = int((self._clock.wall() - days * DAY) * 1000)
        found = history_reader.settled_rates(reader, symbol, since_ms, MAX_ROWS + 1)
        name = found[-1].symbol if found else history_reader.stored_name(reader, symbol)
        if name is None:
            return _unknown(symbol)
        kept = found[-MAX_ROWS:]
        sums = accumulate(each.rate for each in kept)
        rows = [_settled(each, total) for each, total in zip(kept, sums, strict=True)]
        asked = history_reader.asked(reader, symbol)
        gaps = history_reader.gaps(reader, symbol, since_ms, MAX_ROWS)
        facts = {
            "exchange": reader.exchange,
            "symbol": name,
            "days": days,
            "truncated": len(found) > MAX_ROWS,
            "cumulativeRate": rows[-1].cumulative_rate if rows else 0.0,
            "gaps": [GapRow(*gap) for gap in gaps],
            "askedFrom": asked.from_time if asked else None,
            "askedUntil": asked.until_time if asked else None,
        }
        return table(environ, form, SettledRow, rows, **facts)

    def bars(
        self,
        environ: "WSGIEnvironment",
        symbol: str,
        period: str = str(MINUTE),
        since: float | None = None,
        exchange: str | None = None,
        form: str = "json",
    ) -> Response:
        """GET /funding/<symbol>/bars?period=60&since="""
        reader = self._served.of(exchange).reader
        seconds = int(period)
        if since is None:
            since = self._clock.wall() - DEFAULT_SPAN[seconds]
        found = history_reader.bars(reader, symbol, seconds, since, MAX_ROWS + 1)
        name = found[-1].symbol if found else history_reader.stored_name(reader, symbol)
        if name is None:
            return _unknown(symbol)
        rows = [BarRow(*bar[3:]) for bar in found[-MAX_ROWS:]]
        facts = {
            "exchange": reader.exchange,
            "symbol": name,
            "period": seconds,
            "truncated": len(found) > MAX_ROWS,
        }
        return table(environ, form, BarRow, rows, **facts)

    def signals(
        self,
        environ: "WSGIEnvironment",
        since: float = 0.0,
        limit: int = DEFAULT_SIGNALS,
        exchange: str | None = None,
        form: str = "json",
    ) -> Response:
        """GET /funding/signals?since="""
        reader = self._served.asked(exchange)[0].reader
        of = None if exchange == ALL_EXCHANGES else reader.exchange
        found = history_reader.signals(reader, of, since, limit + 1)
        rows = [signal_row(*each) for each in found[:limit]]
        return table(environ, form, SignalRow, rows, truncated=len(found) > limit)


def signal_row(number: int, signal: Signal) -> SignalRow:
    """The signal `number` for the wire."""
    return SignalRow(number, *signal[:-2], signal.event_time)


def _settled(each: StoredSettlement, total: float) -> SettledRow:
    return SettledRow(
        funding_time=each.funding_time,
        funding_rate=each.rate,
        rate_type=each.rate_type,
        mark_price=each.mark_price,
        funding_interval_hours=each.interval_hours,
        cumulative_rate=round(total, 12),  # without the noise of sums of binary fractions
        source=each.source,
    )


def _unknown(symbol: str) -> Response:
    return refusal("unknown symbol", HTTPStatus.NOT_FOUND, symbol=symbol[:MAX_SHOWN])
