"""The volume alert's scan: candles of all symbols, rules, alerts. The world is handed in."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from funding import errors
from funding.consumers import backend_posts, universe_rules, volume_rules
from funding.consumers.volume_rules import HOUR_SECONDS, AlertedHours, VolumeAlert
from funding.exchanges.binance.rest import Contract, Kline
from funding.model.alert import UNKNOWN, Alert, Consumer, MarkAndRate
from funding.rest.pool import Round
from funding.runtime.clock import Clock
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore

log = logging.getLogger("volume")

RETRY_SECONDS = 30.0
SETTLE_SECONDS = 2.0
"""How long after the five minutes a scan begins: the exchange has closed its candles by then."""
LEAST_COVERAGE = 0.5
"""A scan with candles for fewer than this part of the symbols is discarded and made again."""


class ScanOptions(NamedTuple):
    """What the settings decide about a scan."""

    targets: Sequence[str]
    tradfi: bool
    missing_as_zero: bool


class VolumeScan:
    """Scans, decides and stores. For one thread.

    `candles` returns the last two hours of each symbol, waiting for the budget at most so many
    seconds; it and `contracts` raise `RestError`s.
    """

    def __init__(
        self,
        options: ScanOptions,
        *,
        contracts: Callable[[], list[Contract]],
        candles: Callable[[Sequence[str], float], Round[list[Kline]]],
        store: DurableConnection,
        mark_prices: Callable[[], Mapping[str, MarkAndRate]],
        clock: Clock,
    ) -> None:
        self._options = options
        self._contracts = contracts
        self._candles = candles
        self._outbox = OutboxStore(store)
        self._open_interest = OpenInterestStore(store)
        self._mark_prices = mark_prices
        self._clock = clock

    def turn(self) -> float:
        """Scan if the present five minutes have not been scanned yet; seconds until the next turn
        makes sense. Raises `StoreError`s."""
        early = self.seconds_until_ready()
        if early:
            return early
        scan_time = volume_rules.scan_at(self._clock.wall())
        if self._is_done(scan_time):
            return self._seconds_to_next(scan_time)
        try:
            self.scan(scan_time)
        except errors.RestError as error:
            log.warning("the scan failed: %s", error)
            pause = max(RETRY_SECONDS, error.retry_after_seconds)
            return min(pause, self._seconds_to_next(scan_time))
        if self._is_done(scan_time):
            return self._seconds_to_next(scan_time)
        return min(RETRY_SECONDS, self._seconds_to_next(scan_time))

    def seconds_until_ready(self) -> float:
        """Seconds until the scan of the present five minutes may begin; 0 when it may."""
        now = self._clock.wall()
        return max(0.0, volume_rules.scan_at(now) + SETTLE_SECONDS - now)

    def scan(self, scan_time: int) -> list[Alert]:
        """Make the scan of `scan_time` (see `scan_at`); the alerts that are new. Raises `RestError`
        where too many candles are missing. A scan that the end of the program or the exchange
        cut short keeps the alerts it found, and is made again."""
        listed = universe_rules.perpetuals(self._contracts(), tradfi=self._options.tradfi)
        seconds = max(30.0, self._seconds_to_next(scan_time) - 30.0)
        found = self._candles(sorted(listed), seconds)
        _check_coverage(found, len(listed))
        since = volume_rules.hour_of(scan_time) - HOUR_SECONDS
        alerted = volume_rules.alerted_hours(self._outbox.made(Consumer.VOLUME_ALERT, since))
        due = list(self._due(found.values, alerted, scan_time))
        current = self._mark_prices()
        fresh = self._outbox.complete(
            Consumer.VOLUME_ALERT,
            scan_time if len(found.values) + len(found.failures) == len(listed) else None,
            self._clock.wall(),
            self._alerts(due, listed, current, scan_time),
            self._options.targets,
        )
        for alert in fresh:
            log.info("%s %s: %s", alert.kind, alert.symbol, alert.message)
        log.info(
            "scanned %d of %d symbols, %d mark prices: %d alerts",
            *(len(found.values), len(listed), len(current), len(fresh)),
        )
        return fresh

    def _is_done(self, scan_time: int) -> bool:
        return self._outbox.done(Consumer.VOLUME_ALERT) == scan_time

    def _seconds_to_next(self, scan_time: int) -> float:
        return max(0.0, scan_time + volume_rules.SCAN_SECONDS - self._clock.wall()) + SETTLE_SECONDS

    def _due(
        self, klines: Mapping[str, list[Kline]], alerted: AlertedHours, scan_time: int
    ) -> Iterable[VolumeAlert]:
        for symbol, rows in klines.items():
            try:
                hours = volume_rules.candles(rows)
            except ValueError as error:
                log.warning("%s is left out: %s", symbol, error)
                continue
            yield from volume_rules.alerts_due(symbol, hours, alerted, scan_time)

    def _alerts(
        self,
        due: Sequence[VolumeAlert],
        assets: Mapping[str, str],
        current: Mapping[str, MarkAndRate],
        scan_time: int,
    ) -> list[Alert]:
        changes = {
            hour: self._open_interest.change(
                [alert.symbol for alert in due if alert.hour == hour], hour, hour + HOUR_SECONDS
            )
            for hour in {alert.hour for alert in due}
        }
        return [
            backend_posts.volume_alert(
                alert,
                asset=assets[alert.symbol],
                current=current.get(alert.symbol, UNKNOWN),
                oi_change=changes[alert.hour].get(alert.symbol),
                scan_time=scan_time,
                now=self._clock.wall(),
                missing_as_zero=self._options.missing_as_zero,
            )
            for alert in due
        ]


def _check_coverage(found: Round[list[Kline]], symbols: int) -> None:
    """Raises `RestError` where too many candles are missing; other failures are logged."""
    if len(found.values) < symbols * LEAST_COVERAGE or not symbols:
        if found.ended is not None:
            raise found.ended
        raise errors.RestUnreachable(f"candles of {len(found.values)} of {symbols} symbols only")
    for symbol, problem in list(found.failures.items())[:3]:
        log.warning("%s: no candles: %s", symbol, problem)
    missing = symbols - len(found.values)
    if missing:
        log.warning("%d symbols were not scanned: the next scan has them", missing)
