"""Is a connection alive? What it has delivered, and when that is too little. Pure.

# Facts
(Binance USD-M futures, see exchanges/binance/stream.py)
- The handshake and the acknowledgement prove nothing: the retired addresses give both, and never
  send a row. So only accepted quotes count, and the clock starts at connect.
- Main and TradFi symbols come in frames of their own, so either may go silent alone.
"""

from dataclasses import dataclass, field

from funding.ingest.connection_events import EndingKind

CONNECT_SECONDS = 10.0
"""An attempt that has neither succeeded nor failed by then is given up."""

_PROVEN_FRAMES = 3  # a class that came this often is missed when it stops


@dataclass(slots=True)
class ConnectionState:
    """One connection, from attempt to end. Times are uptimes; None is "not yet".

    `classes` maps each symbol class to the time and the number of its frames.
    """

    number: int
    attempted: float
    rotate_at: float
    opened: float | None = None
    accepted: float | None = None
    classes: dict[int, tuple[float, int]] = field(default_factory=dict)

    def accept(self, symbol_class: int, at: float, frames: int) -> bool:
        """Count `frames` newer frames, the last at `at`; whether the class has proven itself."""
        self.accepted = at
        total = self.classes.get(symbol_class, (0.0, 0))[1] + frames
        self.classes[symbol_class] = (at, total)
        return total >= _PROVEN_FRAMES

    def flowing(self, now: float, stall_after: float) -> set[int]:
        """The symbol classes that have delivered within `stall_after` seconds."""
        return {each for each, (at, _) in self.classes.items() if now - at <= stall_after}

    def lacks(self, symbol_class: int, stall_after: float) -> bool:
        """Whether this class has stopped while others went on; when all stop, that is a stall."""
        last = self.classes.get(symbol_class, (self.opened or 0.0, 0))[0]
        return self.accepted is not None and self.accepted - last > stall_after

    def failure(self, now: float, stall_after: float) -> tuple[EndingKind, str] | None:
        """Why this connection must be replaced at `now`, or None."""
        limit = f"{stall_after:g} s"
        if self.opened is None:
            if now - self.attempted > max(CONNECT_SECONDS, stall_after):
                return EndingKind.TIMEOUT, "gave up waiting"
        elif self.accepted is None:
            if now - self.opened > stall_after:
                detail = f"connected but no mark price within {limit}: is the address still served?"
                return EndingKind.SILENT, detail
        elif now - self.accepted > stall_after:
            return EndingKind.STALL, f"no newer mark price for {limit}"
        return None
