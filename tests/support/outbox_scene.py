"""An outbox with a clock set by hand, a real store and a real backend."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from funding.model.alert import Alert, TargetName
from funding.notify.backend import BackendClient
from funding.notify.sender import Delivery
from funding.notify.targets import Target
from funding.settings.secret import Secret
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from tests.support.clock import ManualClock
from tests.support.fake_backend import KEY, FakeBackend

PATH = "/api/volume-alerts/ingest"


HANG_SECONDS = 0.3
"""For a backend that hangs. From any other an answer is waited for, however busy the machine is: a
timeout would be a failure of its own."""


@dataclass
class Scene:
    """An outbox with a clock set by hand, a real store, a real backend."""

    path: Path
    hand: ManualClock
    far: FakeBackend
    connection: DurableConnection
    backend: BackendClient
    delivery: Delivery = field(init=False)

    def __post_init__(self) -> None:
        self.delivery = self.to(target(self.far))

    def to(
        self,
        receiver: Target,
        uniform: Callable[[float, float], float] = lambda _, high: high,
        consumer: str = "volume_alert",
    ) -> Delivery:
        """The delivery to `receiver`."""
        return Delivery(
            consumer, receiver, store=self.store, backend=self.backend,
            clock=self.hand.clock(), uniform=uniform,
        )  # fmt: skip

    @property
    def store(self) -> OutboxStore:
        return OutboxStore(self.connection)

    def alert(self, name: str, *names: str) -> None:
        """Make an alert for each of these targets."""
        made = Alert(name, "volume_alert", "A", "SPIKE", self.hand.wall, name, PATH, {"name": name})
        self.store.complete("volume_alert", 0, self.hand.wall, [made], names or ["backend"])

    def restart(self) -> None:
        """The program started again, on the same file."""
        self.connection.close()
        self.delivery = self.to(target(self.far))

    def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Turns while so much time passes."""
        end = self.hand.wall + seconds
        while self.hand.wall < end:
            while self.delivery.send_next():
                pass
            self.hand.advance(step)

    @property
    def accepted(self) -> list[str]:
        return [body["name"] for body in self.far.bodies(PATH)]


def target(far: FakeBackend, key: str = KEY) -> Target:
    return Target(TargetName.BACKEND, far.address, Secret(key))
