"""Machines that ask for leadership over a real NATS server. Their ticks are the test's."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from funding.model.feed import Feed
from funding.nats import messages, subjects
from funding.nats.connection import Connection
from funding.nats.places import Bucket
from funding.publish.claims import Claims
from funding.publish.leadership import IDLE, Data, Duty
from funding.publish.leads import Leads
from funding.runtime.clock import SYSTEM
from funding.runtime.worker import Worker
from funding.store.durable import DurableConnection
from harness.processes import until
from tests.support.clock import write
from tests.support.nats_server import NatsServer, connected

BUCKET = Bucket(subjects.LEADERS_BUCKET, in_memory=False)
EXCHANGE = "binance"


@dataclass
class Machine:
    """One of them; it does nothing while it is not `running`."""

    name: str
    connection: Connection
    store: DurableConnection
    leads: Leads
    running: bool = True
    duty: Duty = IDLE

    @property
    def publishes(self) -> bool:
        """Whether it does, while it runs."""
        return self.running and self.duty.publish

    def tick(self) -> None:
        """As publish.py does."""
        if not self.running:
            return
        now = SYSTEM.uptime()
        self.duty = self.leads.tick(now, connected=self.connection.connected, data=Data.LIVE)
        if self.duty.heartbeat and self.connection.connected:
            feed = Feed(*(EXCHANGE, "x", 1, SYSTEM.boot, 1.0, now - 9), 1.0, now, connected=1)
            feed.last_frame_uptime = now
            body = messages.encode_feed(
                feed, now, taker=self.name, term=self.leads.term, sent_at=SYSTEM.wall()
            )
            self.connection.publish([(subjects.feed(EXCHANGE), body)])


@contextmanager
def machines(server: NatsServer, folder: Path, names: Sequence[str]) -> Iterator[list[Machine]]:
    """A machine of each name, all connected to `server`."""
    with ExitStack() as stack:
        found = []
        for number, name in enumerate(names):
            path = folder / f"{number}.db"
            write(path, SYSTEM)
            store = stack.enter_context(closing(DurableConnection(path)))
            connection = stack.enter_context(connected(server, name))
            claims = Claims(connection, BUCKET, store, taker=name, clock=SYSTEM)
            worker = Worker(f"claims of {name}", claims.run)
            worker.start()
            stack.callback(worker.stop, 5.0)
            leads = Leads(EXCHANGE, connection, claims, taker=name)
            found.append(Machine(name, connection, store, leads))
        yield found


def ticking(machines: Sequence[Machine], condition: Callable[[], bool], what: str) -> None:
    """Let all tick until `condition` holds."""

    def step() -> bool:
        for machine in machines:
            machine.tick()
        return condition()

    until(step, what)


def one_publishes(found: Sequence[Machine], among: Sequence[Machine] | None = None) -> Machine:
    """Who does, as soon as it is one that has won its term."""

    def settled() -> bool:
        publishers = [each for each in among or found if each.publishes]
        return len(publishers) == 1 and publishers[0].duty.write_bucket

    ticking(found, settled, "one machine publishes")
    (only,) = [each for each in among or found if each.publishes]
    return only
