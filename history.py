#!/usr/bin/env python3
"""The history program: contracts, settled rates and their statistics; REST while a stream is away.

A thread for each exchange asks REST and writes to the store; this one looks after them.
"""

import logging
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from funding import errors, startup
from funding.exchanges.exchange import Exchange
from funding.exchanges.table import EXCHANGES
from funding.history.standby import Standby
from funding.history.standby_worker import StandbyWorker
from funding.history.worker import HistoryWorker, World
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import SYSTEM
from funding.runtime.schedule import Every
from funding.settings.service import Settings
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.reader import Reader
from funding.store.rest_usage import RestUsage

log = logging.getLogger("history")

NAME = "history"
CHECK_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
HUNG_SECONDS = 120.0
"""A turn of a thread takes a few calls at most, each of which is waited for 10 s."""
END_SECONDS = 4.0  # for calls under way; supervisord waits longer
SPARED_CALLS = 100  # of those without weight: what the past needs leaves them to all others
WEIGHT_SHARE = 0.8
"""Of the budget: the rest is for those who wait for it, a connection that begins or the standby."""


def open_world(settings: Settings, exchange: Exchange) -> World:
    """What the thread of `exchange` uses."""
    options, limits = settings.options(exchange.name), exchange.limits
    store = DurableConnection(settings.db, rest_host=urlsplit(options.rest_url).hostname)
    usage = RestUsage(store, exchange.name)
    own = settings.budget(exchange)
    spared = limits._replace(unweighted=limits.unweighted - SPARED_CALLS)
    modest = replace(exchange, limits=spared)
    client = partial(ExchangeClient, options=options, caller=NAME, usage=usage, clock=SYSTEM)
    return World(
        Reader(settings.db, exchange.name, SYSTEM),
        store,
        client(exchange, budget=int(own * WEIGHT_SHARE)),
        client(modest, budget=own * 3 // 4),
    )


def open_standby(settings: Settings, exchange: Exchange) -> Standby:
    """What stands in for the stream of `exchange`."""
    options = settings.options(exchange.name)
    store = DurableConnection(settings.db, rest_host=urlsplit(options.rest_url).hostname)
    usage = RestUsage(store, exchange.name)
    client = partial(ExchangeClient, exchange, options, "standby", usage=usage, clock=SYSTEM)
    rest = client(budget=settings.budget(exchange))
    reader = Reader(settings.db, exchange.name, SYSTEM)
    address = urlsplit(options.ws_url).hostname or ""
    after = settings.standby_after
    return Standby(reader, store, rest.snapshot, after=after, address=address, clock=SYSTEM)


def workers_of(settings: Settings) -> list[HistoryWorker | StandbyWorker]:
    """The threads, not started yet."""
    found: list[HistoryWorker | StandbyWorker] = []
    for name in settings.exchanges:
        exchange = EXCHANGES[name]
        world, days = partial(open_world, settings, exchange), settings.history_days
        found.append(HistoryWorker(name, world, days=days, clock=SYSTEM))
        # With FUNDING_STANDBY_AFTER=0, too: it ends what was going on before that was set.
        standby = partial(open_standby, settings, exchange)
        found.append(StandbyWorker(name, standby, clock=SYSTEM))
    return found


def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises what ended one of the threads."""
    stopping = startup.stop_on_signal()
    workers = workers_of(settings)
    heartbeat = Every(HEARTBEAT_SECONDS)
    for worker in workers:
        worker.start()
    with closing(DurableConnection(settings.db)) as store:
        while not stopping.wait(CHECK_SECONDS):
            for worker in workers:
                worker.check()
            now = SYSTEM.uptime()
            if all(now - each.turned_at < HUNG_SECONDS for each in workers) and heartbeat.due(now):
                send_heartbeat(store)
    stop(workers)
    log.info("stopped")


def send_heartbeat(store: DurableConnection) -> None:
    """What the watchdog looks at; a store that cannot be written to says so by itself."""
    try:
        Events(store).save((), (), NAME, SYSTEM.wall())
    except errors.StoreError as error:
        log.debug("no heartbeat: %s", error)


def stop(workers: Sequence[HistoryWorker | StandbyWorker]) -> None:
    """End the threads; a call that is still under way is given up with the process."""
    for worker in workers:
        worker.stop()
    for worker in workers:
        worker.stop(END_SECONDS / len(workers))


def main() -> int:
    """Exit codes: 0 stopped, 2 a setting or argument is wrong."""
    parser = startup.parser("history.py", "Keeps contracts, settled rates and their statistics.")
    parser.parse_args()
    run(startup.begin(NAME))
    return 0


if __name__ == "__main__":
    sys.exit(main())
