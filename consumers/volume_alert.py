#!/usr/bin/env python3
"""The volume alert: every five minutes, which symbols trade three times what they did before."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:  # started as a file, only its own folder is
    sys.path.insert(0, ROOT)

from tqdm import tqdm

from funding.consumers import runner, volume_rules
from funding.consumers.mark_prices import MarkPrices
from funding.consumers.volume_scan import Options, VolumeScan
from funding.notify import sender
from funding.runtime import startup
from funding.runtime.clock import SYSTEM
from funding.settings.consumers import ConsumerSettings
from funding.settings.service import Settings
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore
from funding.watchdog import group_settings

WORKERS = 8


@contextmanager
def progress(total: int) -> Iterator[Callable[[], object]]:
    """A bar on a terminal, nothing anywhere else."""
    hidden = sys.stderr is None or None  # None: tqdm looks whether it is a terminal
    with tqdm(total=total, unit="symbol", disable=hidden, leave=False, file=sys.stderr) as bar:
        yield bar.update


def run(settings: Settings, own: ConsumerSettings, once: bool) -> None:
    """Scan until SIGTERM or SIGINT, or once."""
    settings = group_settings.adopted(settings, "volume_alert.py")
    stopping = runner.stop_on_signal()
    exchange = runner.ExchangeClient(
        settings, volume_rules.CONSUMER, workers=WORKERS, stopping=stopping, progress=progress
    )
    store = DurableConnection(settings.db)
    outbox = OutboxStore(store)
    marks = MarkPrices(settings, volume_rules.CONSUMER, SYSTEM)
    targets = sender.targets(own)
    scan = VolumeScan(
        Options([target.name for target in targets], own.tradfi, own.missing_as_zero),
        exchange=exchange,
        outbox=outbox,
        open_interest=OpenInterestStore(store),
        marks=marks.read,
        clock=SYSTEM,
    )
    running = runner.ConsumerLoop(settings, volume_rules.CONSUMER, targets, scan.turn, outbox)

    def scan_now() -> None:
        stopping.wait(scan.early())
        scan.scan(volume_rules.slot(SYSTEM.wall()))

    with closing(store), closing(marks), closing(exchange):
        if once:
            running.once(stopping, scan_now)
        else:
            running.run(stopping)


def main() -> int:
    """See `startup.consumer` for the exit codes."""
    about = "Alerts volume spikes of USDT perpetuals: see README.md."
    return startup.consumer("volume_alert", about, run)


if __name__ == "__main__":
    sys.exit(main())
