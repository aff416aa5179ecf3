#!/usr/bin/env python3
"""The signal alert: tells a webhook, Telegram or a backend what rates have done."""

import sys
from contextlib import closing
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:  # started as a file, only its own folder is
    sys.path.insert(0, ROOT)

from funding import startup
from funding.consumers import runner
from funding.consumers.signal_alert import NAME, SignalAlert
from funding.consumers.signal_rules import Caps
from funding.notify.targets import signal_targets
from funding.runtime.clock import SYSTEM
from funding.settings.consumers import ConsumerSettings
from funding.settings.service import Settings
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from funding.watchdog import group_settings


def run(settings: Settings, own: ConsumerSettings, once: bool) -> None:
    """Tell signals until SIGTERM or SIGINT, or those that are there."""
    settings = group_settings.adopted(settings, f"{NAME}.py")
    own = runner.allowed_settings(settings, own)
    stopping = startup.stop_on_signal()
    store = DurableConnection(settings.db, rest_host=settings.rest_host)
    targets = signal_targets(own)
    caps = Caps(own.signal_symbol_cap, own.signal_message_cap)
    names = [target.name for target in targets]
    runner.warn_of_missing_targets(startup.thresholds(NAME, settings), names)
    alert = SignalAlert(store, names, caps=caps, clock=SYSTEM)
    loop = runner.ConsumerLoop(settings, NAME, targets, alert.turn, OutboxStore(store))
    with closing(store):
        if once:
            loop.once(stopping, alert.flush)
        else:
            loop.run(stopping)


def main() -> int:
    """See `startup.consumer` for the exit codes."""
    about = "Tells a webhook, Telegram or a backend of signals: see docs/history.md."
    return startup.consumer(NAME, about, run)


if __name__ == "__main__":
    sys.exit(main())
