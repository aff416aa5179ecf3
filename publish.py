#!/usr/bin/env python3
"""The publish program: what the store has for other machines → NATS, until it is stopped.

One thread looks at the store and sends quotes as they come. Neither JetStream, which may elect for
seconds, nor a locked store delays it: other threads keep last values, claim exchanges, and send the
trail.
"""

import logging
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Protocol

from funding import errors, startup
from funding.nats import subjects
from funding.nats.connection import Connection
from funding.nats.places import Bucket, Stream
from funding.publish.answers import Answers
from funding.publish.claims import Claims
from funding.publish.exchange import ExchangePublisher
from funding.publish.kept import KeptValues
from funding.publish.kept_rules import ContractRules, QuoteRules
from funding.publish.leads import Leads
from funding.publish.loop import STEP_SECONDS, PublishLoop
from funding.publish.trail import Trail
from funding.runtime.clock import SYSTEM
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
    reading, store = DurableConnection(settings.db), DurableConnection(settings.db)
    with closing(connection), closing(reading), closing(store):
        replicas, taker = own.nats_replicas, own.taker
        quotes = KeptValues(
            connection, Bucket(subjects.QUOTES_BUCKET, replicas), QuoteRules(SYSTEM.wall), SYSTEM
        )
        contracts = KeptValues(
            connection, Bucket(subjects.CONTRACTS_BUCKET, replicas), ContractRules(), SYSTEM
        )
        leaders = Bucket(subjects.LEADERS_BUCKET, replicas, in_memory=False)
        claims = Claims(connection, leaders, store, taker=taker, clock=SYSTEM)
        stream = Stream(subjects.TRAIL_STREAM, (subjects.TRAIL,), replicas)
        trail = Trail(store, connection, stream, taker=taker, clock=SYSTEM)
        publishers = [
            ExchangePublisher(
                Reader(settings.db, exchange, SYSTEM, check_seconds=CHECK_SECONDS),
                Contracts(reading),
                connection,
                taker=taker,
                clock=SYSTEM,
                kept_quotes=quotes,
                kept_contracts=contracts,
            )
            for exchange in settings.exchanges
        ]
        loop = PublishLoop(
            publishers,
            connection,
            leads=lambda exchange: Leads(exchange, connection, claims, taker=taker),
            stale_after=settings.stale_after,
            clock=SYSTEM,
        )
        connection.answer(subjects.ASK, Answers(settings.api_host, settings.api_port).answer)
        alive = partial(send_heartbeats, store, (loop, quotes, contracts, claims, trail))
        workers = [
            Worker("quotes", quotes.run),
            Worker("contracts", contracts.run),
            Worker("claims", claims.run),
            Worker("trail", trail.run),
            Worker("heartbeat", alive),
        ]
        for worker in workers:
            worker.start()
        while not stopping.wait(STEP_SECONDS):
            loop.step()
            for worker in workers:
                worker.check()
        stop(workers)
    log.info("stopped")


class Part(Protocol):
    """What takes turns."""

    turned_at: float


def send_heartbeats(
    store: DurableConnection, parts: Sequence[Part], stopping: threading.Event
) -> None:
    """What the watchdog looks at, while all `parts` take their turns. A store that cannot be
    written to says so by itself."""
    while not stopping.is_set():
        now = SYSTEM.uptime()
        if all(now - part.turned_at < HUNG_SECONDS for part in parts):
            try:
                Events(store).save((), (), NAME, SYSTEM.wall())
            except errors.StoreError as error:
                log.debug("no heartbeat: %s", error)
        stopping.wait(HEARTBEAT_SECONDS)


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
