"""What is normal for each symbol, read again where it has changed: for ingest's own connection."""

from array import array
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from funding.model.contract import ContractStatus
from funding.statistics.score import Normal, normal

_TERMS = """
SELECT quote.symbol, contract.status,
    coalesce(contract.funding_interval_hours, quote.funding_interval_hours),
    max(coalesce(contract.interval_changed_at, 0), coalesce(contract.base_changed_at, 0)),
    funding_stats.computed_at
FROM quote
    LEFT JOIN contract USING (exchange, symbol)
    LEFT JOIN funding_stats USING (exchange, symbol)
WHERE quote.exchange = ?1
"""
_MARK = """
SELECT (SELECT max(computed_at) FROM funding_stats WHERE exchange = ?1),
    (SELECT max(checked_at) FROM contract WHERE exchange = ?1)
"""
_STATISTICS = """
SELECT mean, deviation, reason, quantiles FROM funding_stats WHERE exchange = ?1 AND symbol = ?2
"""
_decode = msgspec.json.Decoder(list[float]).decode

Rows = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]


class SymbolNormal(NamedTuple):
    """What is normal for a symbol, and whether its contract trades."""

    symbol: str
    normal: Normal
    trades: bool


class Normals:
    """Of the symbols of `exchange`, over `rows`, which runs a query."""

    def __init__(self, exchange: str, rows: Rows) -> None:
        self._exchange = exchange
        self._rows = rows
        self._seen: dict[str, int] = {}  # a hash, since there are a thousand
        self._mark: tuple[Any, ...] = ()

    def may_have_changed(self) -> bool:
        """Whether statistics or contracts were written since the last call: 0.1 ms, where `changed`
        reads a row of each symbol. A clock that was set back hides it."""
        (mark,) = self._rows(_MARK, (self._exchange,))
        before, self._mark = self._mark, mark
        return mark != before

    def changed(self, most: int) -> Iterator[SymbolNormal]:
        """What has changed since it was given last, of at most `most` symbols: after the hourly
        statistics that is every one."""
        left = most
        for symbol, status, hours, changed_at, computed_at in self._rows(_TERMS, (self._exchange,)):
            seen = hash((status, hours, changed_at, computed_at))
            if self._seen.get(symbol) == seen:
                continue
            if not left:
                return
            left -= 1
            self._seen[symbol] = seen
            known = None if status is None else ContractStatus(status)
            yield SymbolNormal(
                symbol,
                self._normal(symbol, known, hours, changed_at, computed_at),
                known is ContractStatus.TRADING,
            )

    def _normal(
        self,
        symbol: str,
        status: ContractStatus | None,
        hours: int | None,
        changed_at: float,
        computed_at: float | None,
    ) -> Normal:
        found = self._rows(_STATISTICS, (self._exchange, symbol)) if computed_at else []
        if not found:
            return normal(status, hours)
        mean, deviation, reason, quantiles = found[0]
        sample = array("d", _decode(quantiles) if quantiles else ())
        outdated = changed_at > (computed_at or 0.0)
        return normal(status, hours, mean, deviation, sample, reason, outdated=outdated)
