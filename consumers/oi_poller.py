#!/usr/bin/env python3
"""The open-interest poller: open interest of all liquid symbols, every few seconds."""

import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:  # started as a file, only its own folder is
    sys.path.insert(0, ROOT)

from funding import startup
from funding.consumers import runner, universe
from funding.consumers.exchange_client import ExchangeClient
from funding.consumers.mark_prices import MarkPrices
from funding.consumers.open_interest_poll import OpenInterestPoll, PollOptions
from funding.consumers.universe import Universe
from funding.model.alert import Consumer, TargetName
from funding.model.open_interest import Timeframe
from funding.notify.backend import BackendClient
from funding.notify.targets import configured_targets
from funding.runtime.clock import SYSTEM
from funding.settings.consumers import ConsumerSettings
from funding.settings.service import Settings
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore
from funding.store.stated_waits import StatedWaits
from funding.watchdog import group_settings

NAME = Consumer.OI_POLLER
WORKERS = 20


def options(settings: Settings, own: ConsumerSettings, names: Sequence[str]) -> PollOptions:
    """What the settings say about the loop; `names` are its targets."""
    frames = (
        ("5MIN", "5 min", 300.0, own.oi_spike_threshold_pct_5min, own.oi_alert_cooldown_5min),
        ("15MIN", "15 min", 900.0, own.oi_spike_threshold_pct_15min, own.oi_alert_cooldown_15min),
        ("60MIN", "1 hour", 3600.0, own.oi_spike_threshold_pct_60min, own.oi_alert_cooldown_60min),
    )
    return PollOptions(
        targets=names,
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
    settings = group_settings.adopted(settings, f"{NAME}.py")
    own = runner.allowed_settings(settings, own)
    stopping = startup.stop_on_signal()
    exchange = ExchangeClient(settings, NAME, workers=WORKERS, stopping=stopping)
    store = DurableConnection(settings.db, rest_host=settings.rest_host)
    mark_prices = MarkPrices(settings, NAME, SYSTEM)
    address, key = own.volspike_api_url, own.volspike_api_key
    backend = BackendClient(waits=StatedWaits(settings.db, SYSTEM))
    symbols = Universe(
        ask_backend=partial(universe.ask, backend, address, key) if address else None,
        contracts=exchange.contracts,
        tickers=exchange.tickers,
        store=OpenInterestStore(store),
        clock=SYSTEM,
        tradfi=own.tradfi,
    )
    # Of the targets, the backend alone takes open interest.
    targets = [target for target in configured_targets(own) if target.name is TargetName.BACKEND]
    with closing(store), closing(mark_prices), closing(exchange):
        poll = OpenInterestPoll(
            options(settings, own, [target.name for target in targets]),
            symbols=symbols.symbols,
            fetch=exchange.open_interest,
            store=store,
            mark_prices=mark_prices.read,
            clock=SYSTEM,
        )
        loop = runner.ConsumerLoop(settings, NAME, targets, poll.turn, OutboxStore(store))
        if once:
            loop.once(stopping, poll.turn)
        else:
            loop.run(stopping)


def main() -> int:
    """See `startup.consumer` for the exit codes."""
    about = "Polls open interest and alerts its jumps: see docs/consumers.md."
    return startup.consumer(NAME, about, run)


if __name__ == "__main__":
    sys.exit(main())
