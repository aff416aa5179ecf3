"""The open-interest poller's loop. The world is handed in."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from funding import errors
from funding.consumers import open_interest_rules
from funding.consumers.open_interest_rules import (
    CHUNK,
    KEEP_SECONDS,
    OTHERS_SECONDS,
    Change,
    Watch,
)
from funding.exchanges.binance.rest import OpenInterest
from funding.model.alert import UNKNOWN, Alert, Mark, Post, iso, post, without_none
from funding.model.open_interest import Sample, Timeframe
from funding.rest.pool import Round
from funding.runtime.clock import Clock
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore
from funding.store.rest_usage import RestUsage

log = logging.getLogger("poller")

CONSUMER = "oi_poller"
ALERT_PATH = "/api/open-interest-alerts/ingest"
BATCH_PATH = "/api/market/open-interest/ingest"
SOURCE = "realtime"
ALERT_SOURCE = "oi_realtime_poller"
RELOAD_LOOPS = 20
BATCH_SECONDS = 300

Answers = Round[tuple[float, OpenInterest]]
"""Of each symbol, with the Unix seconds at which it came: see `pool` for how late that may be."""


class Exchange(Protocol):
    """What a loop asks; see `pool.Pool` and `liquid.Liquid`."""

    def symbols(self) -> list[str]:
        """The universe. Raises `RestError` when there is none."""

    def open_interest(self, symbols: Sequence[str], seconds: float) -> Answers:
        """Of each symbol, waiting for the budget at most that many seconds."""


class Options(NamedTuple):
    """What the settings decide of the loop; weights are per minute."""

    targets: Sequence[str]
    missing_as_zero: bool
    timeframes: tuple[Timeframe, ...]
    least_contracts: float
    per_minute: int
    bounds: tuple[int, int]
    rest_weight: int
    retention_seconds: float


class Poller:
    """Polls, judges and stores. For one thread, as its `store` is."""

    def __init__(
        self,
        options: Options,
        *,
        exchange: Exchange,
        store: DurableConnection,
        marks: Callable[[], Mapping[str, Mark]],
        clock: Clock,
    ) -> None:
        self._options = options
        self._exchange = exchange
        self._store = store
        self._open_interest = OpenInterestStore(store)
        self._outbox = OutboxStore(store)
        self._usage = RestUsage(store)
        self._marks = marks
        self._clock = clock
        self._watch = Watch(options.timeframes, options.least_contracts)
        self._watch.recall(self._open_interest.samples(clock.wall() - KEEP_SECONDS))
        self._symbols: list[str] = []
        self._loops = 0
        self._batched_at = float("-inf")
        self._seconds = 0.0
        self._failing: set[str] = set()

    def turn(self) -> float:
        """One loop; seconds until the next is due. Raises `RestError`s while there is no universe
        yet and when no symbol was answered for, and `StoreError`s."""
        begun = self._clock.uptime()
        if self._loops % RELOAD_LOOPS == 0 or not self._symbols:
            self._symbols = self._exchange.symbols()
        self._loops += 1
        self._pace()
        # Within a minute at least, since it may have to wait for the next minute's budget.
        found = self._exchange.open_interest(self._symbols, max(65.0, self._seconds))
        if found.failures and not found.values:
            raise found.ended or errors.RestUnreachable(_failed(found.failures))
        marks = self._marks()
        samples = [
            sample
            for symbol, (at, reply) in found.values.items()
            if (sample := _sample(symbol, reply, marks.get(symbol, UNKNOWN), at)) is not None
        ]
        self._keep(samples, marks, self._clock.wall())
        self._tell(found)
        pause = found.ended.retry_after_seconds if found.ended is not None else 0.0
        # What the others used may have been a burst: in ten minutes nobody knows of it any more.
        seconds = min(self._seconds, max(OTHERS_SECONDS, self._options.bounds[1]))
        return max(pause, seconds - (self._clock.uptime() - begun), 0.0)

    def _tell(self, found: Answers) -> None:
        """Log what failed: of symbols that fail loop after loop, such as a delisted one, once."""
        if found.ended is not None:
            log.warning("the loop ended early: %s", found.ended)
        elif found.failures.keys() - self._failing:
            log.warning("%s", _failed(found.failures))
        self._failing = set(found.failures)

    def _pace(self) -> None:
        """Set the seconds of a loop, and say when the budget stretches it."""
        options, count = self._options, len(self._symbols)
        wanted = open_interest_rules.interval(count, options.per_minute, *options.bounds)
        minute = int(self._clock.wall() // 60)
        others = self._usage.used_by_others(CONSUMER, minute)
        available = options.rest_weight - others - open_interest_rules.spare(options.rest_weight)
        seconds = open_interest_rules.stretched(wanted, count, available)
        if round(seconds) != round(self._seconds):
            log.info("%d symbols every %.0f s", count, seconds)
            if seconds > wanted:
                log.warning(
                    "stretched from %d s: %d of the REST budget of %d per minute are free",
                    *(wanted, max(0, available), options.rest_weight),
                )
        self._seconds = seconds

    def _keep(self, samples: list[Sample], marks: Mapping[str, Mark], now: float) -> None:
        self._watch.know(self._open_interest.edges())  # another one may have alerted, with --once
        alerts: list[Alert] = []
        for sample in samples:
            rate = marks.get(sample.symbol, UNKNOWN).funding_rate
            alerts += [self._alert(each, rate) for each in self._watch.add(sample)]
        batches: list[Post] = []
        since = self._clock.uptime() - self._batched_at
        if samples and since >= BATCH_SECONDS - self._seconds / 2:  # with the loop nearest to it
            self._batched_at = self._clock.uptime()
            batches = self._batches(samples, now)
            while self._open_interest.prune(now - self._options.retention_seconds):
                pass
        edges, self._watch.changed = self._watch.changed, []
        targets = self._options.targets
        with self._store.transaction():  # no sample without its alert, nor the other way round
            self._open_interest.add(samples, edges)
            self._outbox.complete(CONSUMER, int(now), now, alerts, targets, batches)
        for alert in alerts:
            log.info("%s %s: %s", alert.kind, alert.symbol, alert.message)

    def _alert(self, change: Change, rate: float | None) -> Alert:
        frame, now = change.timeframe, change.current
        if rate is None and self._options.missing_as_zero:
            rate = 0.0
        body = {
            "symbol": now.symbol,
            "direction": change.direction,
            "baseline": change.baseline.open_interest,
            "current": now.open_interest,
            "pctChange": change.fraction,
            "absChange": change.contracts,
            "timestamp": iso(now.at),
            "source": ALERT_SOURCE,
            "timeframe": frame.label,
            "priceChange": change.price_fraction,
            "fundingRate": rate,
        }
        moved = f"{change.fraction:+.2%} ({change.contracts:+,.0f} contracts)"
        message = f"{now.symbol} open interest {change.direction} {moved} in {frame.label}"
        key = f"{CONSUMER} {now.symbol} {frame.name} {change.direction} {now.at:.3f}"
        kind = f"{change.direction} {frame.name}"
        return Alert(
            key, CONSUMER, now.symbol, kind, now.at, message, ALERT_PATH, without_none(body)
        )

    def _batches(self, samples: Sequence[Sample], now: float) -> list[Post]:
        rows = [_row(sample, zero=self._options.missing_as_zero) for sample in samples]
        found = []
        for target in self._options.targets:
            for first in range(0, len(rows), CHUNK):
                data, at = rows[first : first + CHUNK], iso(now)
                body = {"data": data, "timestamp": at, "totalSymbols": len(data), "source": SOURCE}
                found.append(post(target, BATCH_PATH, f"{CONSUMER} {now:.3f} {first}", body))
        return found


def _failed(failures: Mapping[str, str]) -> str:
    symbol, problem = next(iter(failures.items()))
    return f"{len(failures)} symbols failed, {symbol}: {problem}"


def _sample(symbol: str, reply: OpenInterest, mark: Mark, at: float) -> Sample | None:
    try:
        contracts = float(reply.open_interest)
    except ValueError:
        contracts = -1.0
    if not 0 <= contracts < 1e18:
        log.warning("%s: open interest %r is no number", symbol, reply.open_interest[:50])
        return None
    return Sample(at, symbol, contracts, mark.mark_price)


def _row(sample: Sample, *, zero: bool) -> dict[str, object]:
    """A sample in the backend's terms; without a mark price it has no notional."""
    missing = 0.0 if zero else None
    return without_none(
        {
            "symbol": sample.symbol,
            "openInterest": sample.open_interest,
            "openInterestUsd": missing if sample.notional is None else sample.notional,
            "markPrice": missing if sample.mark_price is None else sample.mark_price,
        }
    )
