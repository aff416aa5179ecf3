"""Is a connection alive? What it has delivered, and when that is too little. Pure.

# Facts
(Binance USD-M futures, see exchanges/binance/stream.py)
- The handshake and the acknowledgement prove nothing: the retired addresses give both, and never
  send a row. So only accepted quotes count, and the clock starts at connect.
- Main and TradFi symbols come in frames of their own, so either may go silent alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from funding.ingest.connection_events import EndingKind

CONNECT_SECONDS = 10.0
"""An attempt that has neither succeeded nor failed by then is given up."""

CLASSES = 16
"""Symbol classes of one share of the topics: number N of share S is N + S * CLASSES."""
NO_CLASSES: Mapping[int, float] = MappingProxyType({})

_PROVEN_FRAMES = 3  # a class that came this often is missed when it stops
LATE_SECONDS = 10.0
"""A connection with more lag than this is replaced: what waits in its buffers is lost with it."""
_LATE_FOR_SECONDS = 3.0  # a process that was stopped catches up in less
_BACKLOG_SECONDS = 5.0  # lag that came with the connection's age is a backlog; other lag is not
_BORN_LATE_SECONDS = 300.0  # until another is tried, where the stream was late from the start
_TRICKLE_SECONDS = 2.0  # a link that hands on nothing for so long is silent, not slow


@dataclass(slots=True)
class ConnectionState:
    """One connection, from attempt to end. Times are uptimes; None is "not yet".

    `classes` maps each symbol class to the time and the number of its frames. `good` is whether it
    has delivered what nobody had before. `unfinished` counts the bytes of the message that has not
    come whole since `unfinished_since`, the last of them at `trickled`.
    """

    number: int
    attempted: float
    rotate_at: float
    opened: float | None = None
    accepted: float | None = None
    good: bool = False
    lag: float | None = None
    least_lag: float = 0.0
    late_since: float | None = None
    unfinished: int = 0
    unfinished_since: float = 0.0
    trickled: float = 0.0
    classes: dict[int, tuple[float, int]] = field(default_factory=dict)

    def accept(self, symbol_class: int, at: float, frames: int) -> bool:
        """Count `frames` newer frames, the last at `at`; whether the class has proven itself."""
        self.accepted = at
        total = self.classes.get(symbol_class, (0.0, 0))[1] + frames
        self.classes[symbol_class] = (at, total)
        return total >= _PROVEN_FRAMES

    def note_lag(self, lag: float, at: float) -> None:
        """The stream by this connection is `lag` seconds late."""
        self.least_lag = lag if self.lag is None else min(lag, self.least_lag)
        self.lag = lag
        if lag <= LATE_SECONDS:
            self.late_since = None
        elif self.late_since is None:
            self.late_since = at

    def note_unfinished(self, size: int, now: float) -> None:
        """A message of which `size` bytes are there has not come whole."""
        if size < self.unfinished or not self.unfinished:
            self.unfinished_since = now
        if size != self.unfinished:
            self.trickled = now
        self.unfinished = size

    def flowing(
        self, now: float, stall_after: float, slow: Mapping[int, float] = NO_CLASSES
    ) -> set[int]:
        """The symbol classes that have delivered within `stall_after` seconds, or those in `slow`
        within the seconds that it allows them."""
        return {
            each
            for each, (at, _) in self.classes.items()
            if now - at <= slow.get(each % CLASSES, stall_after)
        }

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
        elif now - (self.accepted or self.opened) > stall_after and self._is_slow(now, stall_after):
            seconds = now - self.unfinished_since
            return EndingKind.SLOW, (
                f"the link is too slow: {self.unfinished} bytes in {seconds:.0f} s, no whole frame"
            )
        elif self.accepted is None:
            if now - self.opened > stall_after:
                detail = f"connected but no mark price within {limit}: is the address still served?"
                return EndingKind.SILENT, detail
        elif now - self.accepted > stall_after:
            return EndingKind.STALL, f"no newer mark price for {limit}"
        elif self.late_since is not None and now - self.late_since > _LATE_FOR_SECONDS:
            return self._lateness(now - self.opened)
        return None

    def _is_slow(self, now: float, stall_after: float) -> bool:
        """Whether bytes arrive, but no whole message."""
        since = now - self.unfinished_since
        return bool(
            self.unfinished
            and since > stall_after / 2
            and now - self.trickled <= min(_TRICKLE_SECONDS, stall_after / 2)
        )

    def _lateness(self, age: float) -> tuple[EndingKind, str] | None:
        assert self.lag is not None
        words = f"the stream is {self.lag:.0f} s late"
        if self.lag - self.least_lag > _BACKLOG_SECONDS:
            return EndingKind.LATE, f"{words}: the link is slower than the stream"
        if age > _BORN_LATE_SECONDS:
            return EndingKind.LATE, f"{words}, as from the start of this connection"
        return None
