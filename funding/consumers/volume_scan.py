"""The volume alert's scan: candles of all symbols, rules, alerts. The world is handed in."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple, Protocol

from funding import errors
from funding.consumers import universe, volume_rules
from funding.exchanges.binance.rest import Contract, Kline
from funding.model.alert import UNKNOWN, Alert, Mark
from funding.rest.pool import Round
from funding.runtime.clock import Clock
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore

log = logging.getLogger("volume")

RETRY_SECONDS = 30.0
SETTLE_SECONDS = 2.0
"""How long after the five minutes a scan begins: the exchange has closed its candles by then."""
MOST_FAILED = 0.5
"""A scan that knows less than this part of the symbols is no scan: it is made again."""


class Exchange(Protocol):
    """What a scan asks the exchange; see `rest.Rest` and `pool.Pool`."""

    def contracts(self) -> list[Contract]:
        """All contracts. Raises `RestError`."""

    def candles(self, symbols: Sequence[str], seconds: float) -> Round[list[Kline]]:
        """The last two hours of each, waiting for the budget at most that many seconds."""


class Options(NamedTuple):
    """What the settings decide of a scan."""

    targets: Sequence[str]
    tradfi: bool
    missing_as_zero: bool


@dataclass(frozen=True, slots=True)
class VolumeScan:
    """Scans, decides and stores. For one thread, as its `store` is."""

    options: Options
    _: KW_ONLY
    exchange: Exchange
    outbox: OutboxStore
    open_interest: OpenInterestStore
    marks: Callable[[], Mapping[str, Mark]]
    clock: Clock

    def turn(self) -> float:
        """Scan if the present five minutes have not been scanned yet; seconds until the next turn
        makes sense. Raises `StoreError`s."""
        early = self.early()
        if early:
            return early
        scan = volume_rules.slot(self.clock.wall())
        if self.outbox.done(volume_rules.CONSUMER) != scan:
            try:
                self.scan(scan)
            except errors.RestError as error:
                log.warning("no scan: %s", error)
                return min(max(RETRY_SECONDS, error.retry_after_seconds), self._left(scan))
            if self.outbox.done(volume_rules.CONSUMER) != scan:
                return min(RETRY_SECONDS, self._left(scan))
        return self._left(scan)

    def early(self) -> float:
        """Seconds until the scan of the present five minutes may begin; 0 when it may."""
        now = self.clock.wall()
        return max(0.0, volume_rules.slot(now) + SETTLE_SECONDS - now)

    def _left(self, scan: int) -> float:
        return max(0.0, scan + volume_rules.SLOT_SECONDS - self.clock.wall()) + SETTLE_SECONDS

    def scan(self, scan: int) -> list[Alert]:
        """The scan of `scan` (see `spikes.slot`): the alerts that it made. Raises `RestError`
        when the exchange does not give enough. One that was cut short, by the program's end or
        the exchange's, keeps what it found and is not done: it is made again."""
        listed = universe.perpetuals(self.exchange.contracts(), tradfi=self.options.tradfi)
        seconds = max(30.0, self._left(scan) - 30.0)
        found = self.exchange.candles(sorted(listed), seconds)
        _enough(found, len(listed))
        known = volume_rules.told(
            self.outbox.made(volume_rules.CONSUMER, scan - scan % 3_600 - volume_rules.HOUR_SECONDS)
        )
        owed = list(self._owed(found.values, known, scan))
        marks = self.marks()
        alerts = self._alerts(owed, listed, marks, scan)
        now = self.clock.wall()
        done = scan if len(found.values) + len(found.failures) == len(listed) else None
        fresh = self.outbox.complete(volume_rules.CONSUMER, done, now, alerts, self.options.targets)
        for alert in fresh:
            log.info("%s %s: %s", alert.kind, alert.symbol, alert.message)
        log.info(
            "scanned %d of %d symbols, %d marks: %d alerts",
            *(len(found.values), len(listed), len(marks), len(fresh)),
        )
        return fresh

    def _owed(
        self,
        klines: Mapping[str, list[Kline]],
        known: Mapping[tuple[str, int], volume_rules.Told],
        scan: int,
    ) -> Iterable[volume_rules.Finding]:
        for symbol, rows in klines.items():
            try:
                hours = volume_rules.candles(rows)
            except ValueError as error:
                log.warning("%s is left out: %s", symbol, error)
                continue
            yield from volume_rules.judge(symbol, hours, known, scan)

    def _alerts(
        self,
        owed: Sequence[volume_rules.Finding],
        assets: Mapping[str, str],
        marks: Mapping[str, Mark],
        scan: int,
    ) -> list[Alert]:
        hours = {finding.hour for finding in owed}
        changes = {
            hour: self.open_interest.change(
                [each.symbol for each in owed if each.hour == hour],
                hour,
                hour + volume_rules.HOUR_SECONDS,
            )
            for hour in hours
        }
        return [
            volume_rules.alert(
                finding,
                asset=assets[finding.symbol],
                mark=marks.get(finding.symbol, UNKNOWN),
                oi_change=changes[finding.hour].get(finding.symbol),
                scan=scan,
                now=self.clock.wall(),
                missing_as_zero=self.options.missing_as_zero,
            )
            for finding in owed
        ]


def _enough(found: Round[list[Kline]], symbols: int) -> None:
    """Raises `RestError` when too little is known; what else failed is logged."""
    if len(found.values) < symbols * MOST_FAILED or not symbols:
        if found.ended is not None:
            raise found.ended
        raise errors.RestUnreachable(f"candles of {len(found.values)} of {symbols} symbols only")
    for symbol, problem in list(found.failures.items())[:3]:
        log.warning("%s: no candles: %s", symbol, problem)
    missing = symbols - len(found.values)
    if missing:
        log.warning("%d symbols were not scanned: the next scan has them", missing)
