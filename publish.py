#!/usr/bin/env python3
"""The publish program: what the store has for other machines → NATS, until it is stopped.

One thread looks at the store and sends quotes as they come, so that nothing of JetStream, which may
elect for seconds, delays them; other threads keep last values and the trail.
"""

import logging
import sys
from collections.abc import Sequence
from contextlib import closing

from funding import errors, startup
from funding.nats import subjects
from funding.nats.connection import Connection
from funding.nats.places import Bucket
from funding.publish.exchange import ExchangePublisher
from funding.publish.kept import KeptValues
from funding.publish.kept_rules import ContractRules, QuoteRules
from funding.publish.loop import STEP_SECONDS, Alone, PublishLoop
from funding.runtime.clock import SYSTEM
from funding.runtime.schedule import Every
from funding.runtime.worker import Worker
from funding.settings import machines
from funding.settings.machines import MachineSettings
from funding.settings.service import Settings
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.reader import Reader

log = logging.getLogger("publish")

NAME = "publish"
HEARTBEAT_SECONDS = 10.0
HUNG_SECONDS = 30.0
"""A pass of all values takes a second or two, and each of its calls at most three."""
END_SECONDS = 2.0
CHECK_SECONDS = 0.2
"""Within which a reader notices another file, and in 50 times that another contract."""


def run(settings: Settings, own: MachineSettings) -> None:
    """Publish until SIGTERM or SIGINT. Raises what ended one of the threads."""
    stopping = startup.stop_on_signal()
    connection = Connection(own.servers, f"funding {own.taker}")
    quotes = KeptValues(
        connection,
        Bucket(subjects.QUOTES_BUCKET, own.nats_replicas),
        QuoteRules(SYSTEM.wall),
        SYSTEM,
    )
    contracts = KeptValues(
        connection,
        Bucket(subjects.CONTRACTS_BUCKET, own.nats_replicas),
        ContractRules(),
        SYSTEM,
    )
    workers = [Worker("quotes", quotes.run), Worker("contracts", contracts.run)]
    heartbeat = Every(HEARTBEAT_SECONDS)
    with closing(connection), closing(DurableConnection(settings.db)) as store:
        publishers = [
            ExchangePublisher(
                Reader(settings.db, exchange, SYSTEM, check_seconds=CHECK_SECONDS),
                Contracts(store),
                connection,
                taker=own.taker,
                clock=SYSTEM,
                kept_quotes=quotes,
                kept_contracts=contracts,
            )
            for exchange in settings.exchanges
        ]
        loop = PublishLoop(
            publishers,
            connection,
            leads=lambda _exchange: Alone(),
            stale_after=settings.stale_after,
            clock=SYSTEM,
        )
        for worker in workers:
            worker.start()
        while not stopping.wait(STEP_SECONDS):
            loop.step()
            for worker in workers:
                worker.check()
            now = SYSTEM.uptime()
            turned = min(quotes.turned_at, contracts.turned_at)
            if now - turned < HUNG_SECONDS and heartbeat.due(now):
                send_heartbeat(store)
        stop(workers)
    log.info("stopped")


def send_heartbeat(store: DurableConnection) -> None:
    """What the watchdog looks at; a store that cannot be written to says so by itself."""
    try:
        Events(store).save((), (), NAME, SYSTEM.wall())
    except errors.StoreError as error:
        log.debug("no heartbeat: %s", error)


def stop(workers: Sequence[Worker]) -> None:
    """End the threads; what is under way is given up with the process."""
    for worker in workers:
        worker.stop()
    for worker in workers:
        worker.stop(END_SECONDS / len(workers))


def main() -> int:
    """Exit codes: 0 stopped, 2 a setting or argument is wrong."""
    about = "Sends what the store has to other machines, over NATS: see docs/machines.md."
    startup.parser("publish.py", about, machines.TABLE).parse_args()
    settings = startup.begin(NAME)
    own = startup.machines(NAME)
    if not own.servers:
        expected = "addresses of NATS servers, such as nats://127.0.0.1:4222"
        print(f"{NAME}: {machines.URL} is not set: expected {expected}", file=sys.stderr)
        return 2
    run(settings, own)
    return 0


if __name__ == "__main__":
    sys.exit(main())
