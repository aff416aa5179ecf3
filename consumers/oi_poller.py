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

from funding import consuming, outbox, poller, startup
from funding.clock import SYSTEM
from funding.consumer_settings import ConsumerSettings
from funding.liquid import Liquid
from funding.marks import Marks
from funding.open_interest import Timeframe
from funding.post import Backend
from funding.settings import Settings
from funding.store import Samples

WORKERS = 20
TARGETS = ("backend",)
"""Of the targets, those that take open interest."""


class World:
    """The universe and the exchange, as a loop asks them."""

    def __init__(self, liquid: Liquid, exchange: consuming.Exchange) -> None:
        self._liquid = liquid
        self._exchange = exchange

    def symbols(self) -> list[str]:
        """The universe."""
        return self._liquid.symbols()

    def open_interest(self, symbols: Sequence[str], seconds: float) -> poller.Answers:
        """Of each symbol, and when."""
        return self._exchange.open_interest(symbols, seconds)


@contextmanager
def progress(total: int) -> Iterator[Callable[[], object]]:
    """A bar on a terminal, nothing anywhere else."""
    hidden = sys.stderr is None or None  # None: tqdm looks whether it is a terminal
    with tqdm(total=total, unit="symbol", disable=hidden, leave=False, file=sys.stderr) as bar:
        yield bar.update


def options(settings: Settings, own: ConsumerSettings, targets: Sequence[str]) -> poller.Options:
    """What the settings say of the loop."""
    frames = (
        ("5MIN", "5 min", 300.0, own.oi_spike_threshold_pct_5min, own.oi_alert_cooldown_5min),
        ("15MIN", "15 min", 900.0, own.oi_spike_threshold_pct_15min, own.oi_alert_cooldown_15min),
        ("60MIN", "1 hour", 3600.0, own.oi_spike_threshold_pct_60min, own.oi_alert_cooldown_60min),
    )
    return poller.Options(
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
    stopping = consuming.stop_on_signal()
    exchange = consuming.Exchange(
        settings, poller.CONSUMER, workers=WORKERS, stopping=stopping, progress=progress
    )
    store = Samples(settings.db)
    marks = Marks(settings, poller.CONSUMER, SYSTEM)
    targets = [target for target in outbox.targets(own) if target.name in TARGETS]
    liquid = Liquid(
        *(own.volspike_api_url, own.volspike_api_key),
        backend=Backend(),
        rest=lambda: exchange.alone,
        store=store,
        clock=SYSTEM,
        tradfi=own.tradfi,
    )
    with closing(store), closing(marks), closing(exchange):
        polling = poller.Poller(
            options(settings, own, [target.name for target in targets]),
            exchange=World(liquid, exchange),
            store=store,
            marks=marks.read,
            clock=SYSTEM,
        )
        running = consuming.Running(settings, poller.CONSUMER, targets, polling.turn, store)
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
