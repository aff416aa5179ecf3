#!/usr/bin/env python3
"""The open-interest poller: open interest of all liquid symbols, every few seconds."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:  # started as a file, only its own folder is
    sys.path.insert(0, ROOT)

from tqdm import tqdm

from funding.consumers import open_interest_poll, runner
from funding.consumers.mark_prices import MarkPrices
from funding.consumers.universe_source import UniverseSource
from funding.model.open_interest import Timeframe
from funding.notify import sender
from funding.notify.backend import BackendClient
from funding.runtime import startup
from funding.runtime.clock import SYSTEM
from funding.settings.consumers import ConsumerSettings
from funding.settings.service import Settings
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore
from funding.watchdog import group_settings

WORKERS = 20
TARGETS = ("backend",)
"""Of the targets, those that take open interest."""


class World:
    """The universe and the exchange, as a loop asks them."""

    def __init__(self, liquid: UniverseSource, exchange: runner.ExchangeClient) -> None:
        self._liquid = liquid
        self._exchange = exchange

    def symbols(self) -> list[str]:
        """The universe."""
        return self._liquid.symbols()

    def open_interest(self, symbols: Sequence[str], seconds: float) -> open_interest_poll.Answers:
        """Of each symbol, and when."""
        return self._exchange.open_interest(symbols, seconds)


@contextmanager
def progress(total: int) -> Iterator[Callable[[], object]]:
    """A bar on a terminal, nothing anywhere else."""
    hidden = sys.stderr is None or None  # None: tqdm looks whether it is a terminal
    with tqdm(total=total, unit="symbol", disable=hidden, leave=False, file=sys.stderr) as bar:
        yield bar.update


def options(
    settings: Settings, own: ConsumerSettings, targets: Sequence[str]
) -> open_interest_poll.Options:
    """What the settings say of the loop."""
    frames = (
        ("5MIN", "5 min", 300.0, own.oi_spike_threshold_pct_5min, own.oi_alert_cooldown_5min),
        ("15MIN", "15 min", 900.0, own.oi_spike_threshold_pct_15min, own.oi_alert_cooldown_15min),
        ("60MIN", "1 hour", 3600.0, own.oi_spike_threshold_pct_60min, own.oi_alert_cooldown_60min),
    )
    return open_interest_poll.Options(
        targets=targets,
        missing_as_zero=own.missing_as_zero,
        timeframes=tuple(Timeframe(*frame) for frame in frames),
        least_contracts=own.oi_min_delta_contracts,
        per_minute=own.oi_max_req_per_min,
        bounds=(own.oi_min_interval_sec, own.oi_max_interval_sec),
        rest_weight=settings.rest_weight,
        retention_seconds=own.oi_retention_hours * 3_600,
    )


def run(settings: Settings, own: ConsumerSettings, once: bool) -> None:
    """Poll until SIGTERM or SIGINT, or once."""
    settings = group_settings.adopted(settings, "oi_poller.py")
    stopping = runner.stop_on_signal()
    exchange = runner.ExchangeClient(
        settings, open_interest_poll.CONSUMER, workers=WORKERS, stopping=stopping, progress=progress
    )
    store = DurableConnection(settings.db)
    marks = MarkPrices(settings, open_interest_poll.CONSUMER, SYSTEM)
    targets = [target for target in sender.targets(own) if target.name in TARGETS]
    liquid = UniverseSource(
        *(own.volspike_api_url, own.volspike_api_key),
        backend=BackendClient(),
        rest=lambda: exchange.alone,
        store=OpenInterestStore(store),
        clock=SYSTEM,
        tradfi=own.tradfi,
    )
    with closing(store), closing(marks), closing(exchange):
        polling = open_interest_poll.Poller(
            options(settings, own, [target.name for target in targets]),
            exchange=World(liquid, exchange),
            store=store,
            marks=marks.read,
            clock=SYSTEM,
        )
        running = runner.ConsumerLoop(
            settings, open_interest_poll.CONSUMER, targets, polling.turn, OutboxStore(store)
        )
        if once:
            running.once(stopping, polling.turn)
        else:
            running.run(stopping)


def main() -> int:
    """See `startup.consumer` for the exit codes."""
    about = "Polls open interest and alerts its jumps: see README.md."
    return startup.consumer("oi_poller", about, run)


if __name__ == "__main__":
    sys.exit(main())
