#!/usr/bin/env python3
"""The ingest program: one exchange's stream → quotes in the store, until it is stopped.

Connections are threads that hand decoded frames to this one thread, which writes them.
SIGTERM finishes the frame in hand, empties the WAL and exits 0.
"""

import argparse
import logging
import os
import sys
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from funding import errors, startup
from funding.exchanges.exchange import Exchange, Reply, Request
from funding.exchanges.table import EXCHANGES
from funding.ingest.assembly import Kept, assemble
from funding.model.event import EventKind
from funding.model.feed import Feed
from funding.runtime.clock import SYSTEM
from funding.settings.service import Settings
from funding.statistics.thresholds import Threshold
from funding.store.damage import report_damage
from funding.store.prepare import begin_to_write, prepare
from funding.store.salvage import recover

log = logging.getLogger("ingest")

STEP_SECONDS = 0.25  # how soon a signal or a stall is noticed
OWN = [each.name for each in EXCHANGES.values() if not each.carried_by]
FLOWING_SECONDS = 1.0  # while quotes flow the next frame comes first; an idle step costs 0.2 ms


def asking(settings: Settings, exchange: Exchange) -> Callable[[Request], Reply]:
    """What makes one REST call. Most of its code is needed by exchanges that ask alone."""

    def ask(request: Request) -> Reply:
        from funding.rest.one_call import OneCall

        options = settings.options(exchange.name)
        return OneCall(settings.db, exchange, options, "ingest", SYSTEM)(request)

    return ask


def keep(settings: Settings, exchange: Exchange, stopping: threading.Event) -> Kept | None:
    """What keeps `exchange`, as soon as the store can be had; None when ingest is to stop."""
    feed = feed_of(settings, exchange)
    writer = begin_to_write(settings.db, feed, stopping)
    return None if writer is None else Kept(exchange, feed, writer)


def run(settings: Settings, exchange: Exchange, thresholds: list[Threshold]) -> None:
    """Receive and store until SIGTERM or SIGINT."""
    stopping = startup.stop_on_signal()
    kept = keep(settings, exchange, stopping)
    others = (EXCHANGES[name] for name in settings.exchanges)
    carried = [
        keep(settings, each, stopping) for each in others if each.carried_by == exchange.name
    ]
    if kept is None or None in carried:
        return
    loop, *rest = assemble(
        settings,
        kept,
        ask=asking(settings, exchange),
        thresholds=thresholds,
        carried=next(iter(carried), None),
    )
    aside = kept.writer.set_aside
    if aside is not None:
        loop.record(EventKind.DATABASE_DAMAGED, f"the old one is {aside.name}")
        threading.Thread(target=recover, args=(aside, settings.db), daemon=True).start()
    flowing = False
    while not stopping.is_set():
        flowing = loop.step(FLOWING_SECONDS if flowing else STEP_SECONDS)
        for each in rest:
            each.step(0.0)
    for each in (*rest, loop):
        each.stop()
    log.info("stopped")


def feed_of(settings: Settings, exchange: Exchange) -> Feed:
    """The feed row of an ingest that begins."""
    return Feed(
        exchange=exchange.name,
        address=urlsplit(settings.options(exchange.name).ws_url).hostname or "",
        pid=os.getpid(),
        boot_id=SYSTEM.boot,
        started_at=SYSTEM.wall(),
        started_uptime=SYSTEM.uptime(),
        heartbeat_at=SYSTEM.wall(),
        heartbeat_uptime=SYSTEM.uptime(),
    )


def arguments() -> argparse.Namespace:
    """The command line."""
    about = "Keeps every symbol's mark price and funding rate, of one exchange."
    parser = startup.parser("ingest.py", about)
    parser.add_argument(
        "--exchange", choices=OWN, help="which one (default: the first one followed)"
    )
    parser.add_argument(
        "--prepare", action="store_true", help="check settings and database, then exit"
    )
    return parser.parse_args()


def main() -> int:
    """Exit codes: 0 stopped, 1 the store cannot be used, 2 a setting or argument is wrong."""
    given = arguments()
    settings = startup.begin("ingest")
    thresholds = startup.thresholds("ingest", settings)
    exchange = EXCHANGES[given.exchange or settings.first]
    try:
        if given.prepare:
            prepare(settings.db, feed_of(settings, exchange))
        else:
            run(settings, exchange, thresholds)
    except errors.StoreCorrupt as error:
        report_damage(settings.db)
        log.error("%s", error)
        return 1
    except errors.StoreError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
