#!/usr/bin/env python3
"""The volume alert: every five minutes, which symbols trade three times what they did before."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:  # started as a file, only its own folder is
    sys.path.insert(0, ROOT)

from tqdm import tqdm

from funding import consumer_settings, consuming, errors, outbox, spikes, startup
from funding.clock import SYSTEM
from funding.consumer_settings import ConsumerSettings
from funding.marks import Marks
from funding.settings import Settings
from funding.store import Samples
from funding.volume import Options, VolumeScan

WORKERS = 8


@contextmanager
def progress(total: int) -> Iterator[Callable[[], object]]:
    """A bar on a terminal, nothing anywhere else."""
    hidden = sys.stderr is None or None  # None: tqdm looks whether it is a terminal
    with tqdm(total=total, unit="symbol", disable=hidden, leave=False, file=sys.stderr) as bar:
        yield bar.update


def run(settings: Settings, own: ConsumerSettings, *, once: bool) -> int:
    """Scan until SIGTERM or SIGINT, or once; 0, or 1 when the one scan could not be made."""
    stopping = consuming.stop_on_signal()
    exchange = consuming.Exchange(
        settings, spikes.CONSUMER, workers=WORKERS, stopping=stopping, progress=progress
    )
    store = Samples(settings.db)
    marks = Marks(settings, spikes.CONSUMER, SYSTEM)
    targets = outbox.targets(own)
    scan = VolumeScan(
        Options([target.name for target in targets], own.tradfi, own.missing_as_zero),
        exchange=exchange,
        store=store,
        marks=marks.read,
        clock=SYSTEM,
    )
    try:
        if once:
            stopping.wait(scan.early())
            try:
                scan.scan(spikes.slot(SYSTEM.wall()))
            finally:  # what waits from before goes out, whatever the exchange does
                consuming.drain(settings, spikes.CONSUMER, targets, stopping)
        else:
            consuming.Running(settings, spikes.CONSUMER, targets, scan.turn, store).run(stopping)
    finally:
        stopping.set()
        exchange.close()
        marks.close()
        store.close()
    return 0


def main() -> int:
    """Exit codes: 0, 1 when the store or, with --once, the exchange fails, 2 a setting is wrong."""
    about = "Alerts volume spikes of USDT perpetuals: see README.md."
    parser = startup.parser("volume_alert.py", about, consumer_settings.TABLE)
    parser.add_argument("--once", action="store_true", help="one scan, then exit")
    arguments = parser.parse_args()
    settings, own = startup.begin_consumer("volume_alert")
    try:
        return run(settings, own, once=arguments.once)
    except (errors.StoreError, errors.RestError) as error:
        consuming.log.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
