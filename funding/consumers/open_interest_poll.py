"""The open-interest poller's loop. The world is handed in."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from funding import errors
from funding.consumers import backend_posts, open_interest_rules
from funding.consumers.open_interest_rules import KEEP_SECONDS, OTHERS_SECONDS, ChangeDetector
from funding.exchanges.binance.rest import OpenInterest
from funding.model.alert import UNKNOWN, Alert, Consumer, MarkAndRate, Post
from funding.model.open_interest import Sample, Timeframe
from funding.rest.pool import Round
from funding.runtime.clock import Clock
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore
from funding.store.rest_usage import RestUsage

log = logging.getLogger("poller")

RELOAD_LOOPS = 20
BATCH_SECONDS = 300.0
LEAST_WAIT_SECONDS = 65.0
"""A loop may have to wait for the next minute's budget."""

OpenInterestRound = Round[tuple[float, OpenInterest]]
"""Of each symbol, with the Unix seconds of its reply: see `pool` for how late that may be."""


class PollOptions(NamedTuple):
    """What the settings decide about the loop; weights are per minute."""

    targets: Sequence[str]
    missing_as_zero: bool
    timeframes: tuple[Timeframe, ...]
    least_contracts: float
    per_minute: int
    bounds: tuple[int, int]
    rest_weight: int
    retention_seconds: float


class OpenInterestPoll:
    """Polls, detects changes and stores. For one thread.

    `symbols` returns the universe, and raises `RestError` where there is none; `fetch` returns the
    open interest of each symbol, waiting for the budget at most so many seconds.
    """

    def __init__(
        self,
        options: PollOptions,
        *,
        symbols: Callable[[], list[str]],
        fetch: Callable[[Sequence[str], float], OpenInterestRound],
        store: DurableConnection,
        mark_prices: Callable[[], Mapping[str, MarkAndRate]],
        clock: Clock,
    ) -> None:
        self._options = options
        self._load_symbols = symbols
        self._fetch = fetch
        self._store = store
        self._open_interest = OpenInterestStore(store)
        self._outbox = OutboxStore(store)
        self._usage = RestUsage(store)
        self._mark_prices = mark_prices
        self._clock = clock
        self._detector = ChangeDetector(options.timeframes, options.least_contracts)
        self._detector.load_samples(self._open_interest.samples(clock.wall() - KEEP_SECONDS))
        self._symbols: list[str] = []
        self._loops = 0
        self._batched_at = float("-inf")
        self._seconds = 0.0
        self._failing: set[str] = set()

    def turn(self) -> float:
        """One loop; seconds until the next is due. Raises `RestError`s while there is no universe
        yet and when there was no answer for any symbol, and `StoreError`s."""
        begun = self._clock.uptime()
        if self._loops % RELOAD_LOOPS == 0 or not self._symbols:
            self._symbols = self._load_symbols()
        self._loops += 1
        self._set_pace()
        found = self._fetch(self._symbols, max(LEAST_WAIT_SECONDS, self._seconds))
        if found.failures and not found.values:
            raise found.ended or errors.RestUnreachable(_summary(found.failures))
        current = self._mark_prices()
        samples = [
            sample
            for symbol, (at, reply) in found.values.items()
            if (sample := as_sample(symbol, reply, current.get(symbol, UNKNOWN), at)) is not None
        ]
        self._record(samples, current, self._clock.wall())
        self._log_failures(found)
        pause = found.ended.retry_after_seconds if found.ended is not None else 0.0
        # The others' usage may have been a burst: after ten minutes it no longer counts.
        seconds = min(self._seconds, max(OTHERS_SECONDS, self._options.bounds[1]))
        return max(pause, seconds - (self._clock.uptime() - begun), 0.0)

    def _log_failures(self, found: OpenInterestRound) -> None:
        """A symbol that fails in each loop, such as a delisted one, is logged once."""
        if found.ended is not None:
            log.warning("the loop ended early: %s", found.ended)
        elif found.failures.keys() - self._failing:
            log.warning("%s", _summary(found.failures))
        self._failing = set(found.failures)

    def _set_pace(self) -> None:
        """Set the seconds of a loop, and log when the budget stretches it."""
        options, count = self._options, len(self._symbols)
        wanted = open_interest_rules.loop_interval(count, options.per_minute, *options.bounds)
        minute = int(self._clock.wall() // 60)
        others = self._usage.used_by_others(Consumer.OI_POLLER, minute)
        reserved = open_interest_rules.reserved_weight(options.rest_weight)
        available = options.rest_weight - others - reserved
        seconds = open_interest_rules.stretched_interval(wanted, count, available)
        if round(seconds) != round(self._seconds):
            log.info("%d symbols every %.0f s", count, seconds)
            if seconds > wanted:
                log.warning(
                    "stretched from %d s: %d of the REST budget of %d per minute are free",
                    *(wanted, max(0, available), options.rest_weight),
                )
        self._seconds = seconds

    def _record(
        self, samples: list[Sample], current: Mapping[str, MarkAndRate], now: float
    ) -> None:
        self._detector.load_edges(self._open_interest.edges())  # --once beside it may have alerted
        options = self._options
        alerts: list[Alert] = [
            backend_posts.open_interest_alert(
                change,
                current.get(sample.symbol, UNKNOWN),
                missing_as_zero=options.missing_as_zero,
            )
            for sample in samples
            for change in self._detector.add(sample)
        ]
        batches = self._batches(samples, now)
        edges, self._detector.changed_edges = self._detector.changed_edges, []
        with self._store.transaction():  # no sample without its alert, nor the other way round
            self._open_interest.add(samples, edges)
            self._outbox.complete(
                *(Consumer.OI_POLLER, int(now), now, alerts, options.targets, batches)
            )
        for alert in alerts:
            log.info("%s %s: %s", alert.kind, alert.symbol, alert.message)

    def _batches(self, samples: list[Sample], now: float) -> list[Post]:
        """The samples for the targets, every `BATCH_SECONDS`; then old samples go, too."""
        since = self._clock.uptime() - self._batched_at
        if not samples or since < BATCH_SECONDS - self._seconds / 2:  # with the nearest loop
            return []
        self._batched_at = self._clock.uptime()
        while self._open_interest.prune(now - self._options.retention_seconds):
            pass
        zero = self._options.missing_as_zero
        return backend_posts.sample_posts(samples, self._options.targets, now, missing_as_zero=zero)


def as_sample(symbol: str, reply: OpenInterest, current: MarkAndRate, at: float) -> Sample | None:
    """The `reply` of `at` as a sample, or None, logged, where it cannot be one."""
    try:
        contracts = float(reply.open_interest)
    except ValueError:
        contracts = -1.0
    if not 0 <= contracts < 1e18:
        log.warning("%s: open interest %r is not a number", symbol, reply.open_interest[:50])
        return None
    return Sample(at, symbol, contracts, current.mark_price)


def _summary(failures: Mapping[str, str]) -> str:
    symbol, problem = next(iter(failures.items()))
    return f"{len(failures)} symbols failed, {symbol}: {problem}"
