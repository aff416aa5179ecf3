#!/usr/bin/env python3
"""The volume alert: every five minutes, the symbols that trade three times as much as before."""

import sys
from contextlib import closing
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:  # started as a file, only its own folder is
    sys.path.insert(0, ROOT)

from funding import startup
from funding.consumers import runner, volume_rules
from funding.consumers.exchange_client import ExchangeClient
from funding.consumers.mark_prices import MarkPrices
from funding.consumers.volume_scan import ScanOptions, VolumeScan
from funding.model.alert import Consumer
from funding.notify.targets import configured_targets
from funding.runtime.clock import SYSTEM
from funding.settings.consumers import ConsumerSettings
from funding.settings.service import Settings
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from funding.watchdog import group_settings

NAME = Consumer.VOLUME_ALERT
WORKERS = 8


def run(settings: Settings, own: ConsumerSettings, once: bool) -> None:
    """Scan until SIGTERM or SIGINT, or once."""
    settings = group_settings.adopted(settings, f"{NAME}.py")
    own = runner.allowed_settings(settings, own)
    stopping = startup.stop_on_signal()
    exchange = ExchangeClient(settings, NAME, workers=WORKERS, stopping=stopping)
    store = DurableConnection(settings.db, rest_host=settings.rest_host)
    mark_prices = MarkPrices(settings, NAME, SYSTEM)
    targets = configured_targets(own)
    scan = VolumeScan(
        ScanOptions([target.name for target in targets], own.tradfi, own.missing_as_zero),
        contracts=exchange.contracts,
        candles=exchange.candles,
        store=store,
        mark_prices=mark_prices.read,
        clock=SYSTEM,
    )
    loop = runner.ConsumerLoop(settings, NAME, targets, scan.turn, OutboxStore(store))

    def scan_now() -> None:
        stopping.wait(scan.seconds_until_ready())
        scan.scan(volume_rules.scan_at(SYSTEM.wall()))

    with closing(store), closing(mark_prices), closing(exchange):
        if once:
            loop.once(stopping, scan_now)
        else:
            loop.run(stopping)


def main() -> int:
    """See `startup.consumer` for the exit codes."""
    about = "Alerts volume spikes of USDT perpetuals: see docs/consumers.md."
    return startup.consumer(NAME, about, run)


if __name__ == "__main__":
    sys.exit(main())
