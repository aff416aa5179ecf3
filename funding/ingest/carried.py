"""What decides about the connections of an exchange that has none: they are those of another."""

from funding.ingest.connection_events import ConnectionEvent, Order
from funding.ingest.connection_shares import ConnectionShares


class CarriedPolicy(ConnectionShares):
    """As the policy of an exchange whose quotes come over the connections of `carrier`.

    It is good where those are, and its own quotes have come within `silence` seconds.
    """

    def __init__(self, carrier: ConnectionShares, silence: float) -> None:
        self._carrier = carrier
        self._silence = silence
        self._last = float("-inf")
        self._now = 0.0

    @property
    def attempts(self) -> int:
        """Connection attempts so far."""
        return self._carrier.attempts

    def attempts_left(self, now: float) -> float:
        """Those of the carrier."""
        return self._carrier.attempts_left(now)

    def all_classes_flow(self, now: float) -> bool:
        """Whether quotes come."""
        return now - self._last <= self._silence

    def is_good(self) -> bool:
        """Whether the carrier delivers, and quotes of this exchange with it."""
        return self._carrier.is_good() and self.all_classes_flow(self._now)

    def lag(self) -> float:
        """That of the carrier."""
        return self._carrier.lag()

    def open_connections(self) -> int:
        """Those of the carrier."""
        return self._carrier.open_connections()

    def handle(self, event: ConnectionEvent) -> bool:  # noqa: ARG002 (it has no connections)
        """It has no connections."""
        return False

    def accepted(
        self, connection: int, symbol_class: int, at: float, frames: int, *, newer: bool = True
    ) -> None:
        """Newer quotes have come."""
        del connection, symbol_class, frames, newer
        self._last = max(self._last, at)

    def note_lag(self, connection: int, lag: float, at: float) -> None:
        """The carrier's policy knows."""

    def note_unfinished(self, connection: int, size: int, now: float) -> None:
        """The carrier's policy knows."""

    def step(self, now: float) -> list[Order]:
        """Nothing is ever ordered."""
        self._now = now
        return []
