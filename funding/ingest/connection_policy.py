"""Is each connection alive, and which connections should there be? Events and time in, orders out.

No I/O and no clock: `now` is uptime in seconds, as ever. There are `connections` slots; each wants
one live connection, and while one is being replaced it has a second, its successor.

# Facts
(Binance USD-M futures, see exchanges/binance.py)
- The handshake and the acknowledgement prove nothing: the retired addresses give both, and never
  send a row. So only accepted quotes are life, and the clock starts at connect.
- Main and TradFi symbols come in frames of their own, so either may go silent alone.
- A connection is ended by the exchange after 24 h.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from funding.ingest.connection_events import (
    ENDINGS,
    Connect,
    ConnectionEvent,
    Disconnect,
    Order,
    Report,
)
from funding.runtime.backoff import BURST, Attempts, delays

CONNECT_SECONDS = 10.0
"""An attempt that has neither succeeded nor failed by then is given up."""

_AGAIN_SECONDS = 60.0  # until the next try, when a successor lacks what its predecessor has
_PROVEN_FRAMES = 3  # a class that came this often is missed when it stops


@dataclass(slots=True)
class _Connection:
    """One connection, from attempt to end. Times are uptimes; None is "not yet"."""

    link: int
    attempted: float
    rotate_at: float
    opened: float | None = None
    accepted: float | None = None
    classes: dict[int, tuple[float, int]] = field(default_factory=dict)


class _Gap(NamedTuple):
    """A symbol class that stopped on connection `link`; `told` when its successor lacks it too."""

    link: int
    told: bool


@dataclass(slots=True)
class _Slot:
    """One wanted connection, its successor while it has one, and its memory between lives."""

    backoff: Iterator[float]
    next_attempt: float
    current: _Connection | None = None
    successor: _Connection | None = None
    holes: dict[int, _Gap] = field(default_factory=dict)

    def lives(self) -> list[_Connection]:
        return [life for life in (self.current, self.successor) if life is not None]


class ConnectionPolicy:
    """The whole of it: feed it what happened, then ask `step` for orders, several times a second.

    `uniform(a, b)` draws a random number; delays and life spans are jittered by it.
    """

    def __init__(
        self,
        *,
        connections: int,
        stall_after: float,
        rotate_after: float,
        backoff_max: float,
        uniform: Callable[[float, float], float],
        now: float,
        attempts_left: float = BURST,
    ) -> None:
        self._stall_after = stall_after
        self._rotate_after = rotate_after
        self._backoff_max = backoff_max
        self._uniform = uniform
        self._attempts = Attempts(now, attempts_left)
        self._known: set[int] = set()
        self._count = 0
        self._slots = [_Slot(delays(backoff_max, uniform), now) for _ in range(connections)]

    @property
    def attempts(self) -> int:
        """Connection attempts so far."""
        return self._count

    def attempts_left(self, now: float) -> float:
        """Attempts that may be made at once at `now` (see `backoff.Attempts`)."""
        return self._attempts.left(now)

    def all_classes_flow(self, now: float) -> bool:
        """Whether every symbol class that has been seen delivers at `now`, on some connection."""
        flowing = {
            symbol_class
            for slot in self._slots
            for life in slot.lives()
            for symbol_class, (at, _) in life.classes.items()
            if now - at <= self._stall_after
        }
        return bool(self._known) and self._known <= flowing

    def open_links(self) -> int:
        """Connections that have shaken hands and are not over."""
        return sum(life.opened is not None for slot in self._slots for life in slot.lives())

    def heard(self, note: ConnectionEvent) -> bool:
        """What a connection said of itself. False for one that is already over."""
        slot, life = self._find(note.link)
        if slot is None or life is None:
            return False
        if note.kind == "opened":
            life.opened = note.at
        elif note.kind == "ending":
            life.rotate_at = note.at
        elif note.kind in ENDINGS:
            self._end(slot, life, note.kind, note.at, note.retry_after_seconds)
        return True

    def accepted(
        self, link: int, symbol_class: int, at: float, frames: int, *, newer: bool = True
    ) -> None:
        """`link` delivered `frames` frames with newer quotes of `symbol_class`, the last `at`.

        `newer` is whether they were newer than those of every other connection, too: a frozen
        exchange tells each new connection the same once more, and that is no recovery.
        """
        slot, life = self._find(link)
        if slot is None or life is None:
            return
        life.accepted = at
        total = life.classes.get(symbol_class, (0.0, 0))[1] + frames
        life.classes[symbol_class] = (at, total)
        if total >= _PROVEN_FRAMES:
            self._known.add(symbol_class)
        if life is slot.current:
            slot.holes.pop(symbol_class, None)
        if newer or len(self._slots) > 1:  # a spare may always be the second to tell
            slot.backoff = delays(self._backoff_max, self._uniform)

    def step(self, now: float) -> list[Order]:
        """The orders of this moment."""
        orders: list[Order] = []
        for slot in self._slots:
            for life in slot.lives():
                orders += self._judge(slot, life, now)
            if slot.current is None and slot.successor is not None:
                slot.current, slot.successor = slot.successor, None
            orders += self._hand_over(slot, now)
            if self._wants_one(slot, now) and self._attempts.take(now):
                orders.append(self._begin(slot, now))
        return orders

    def _find(self, link: int) -> tuple[_Slot | None, _Connection | None]:
        for slot in self._slots:
            for life in slot.lives():
                if life.link == link:
                    return slot, life
        return None, None

    def _judge(self, slot: _Slot, life: _Connection, now: float) -> list[Order]:
        if life.opened is None:
            if now - life.attempted <= max(CONNECT_SECONDS, self._stall_after):
                return []
            return [self._close(slot, life, "timeout", "gave up waiting", now)]
        limit = f"{self._stall_after:g} s"
        if life.accepted is None:
            if now - life.opened <= self._stall_after:
                return []
            detail = f"connected but no mark price within {limit}: is the address still served?"
            return [self._close(slot, life, "silent", detail, now)]
        if now - life.accepted > self._stall_after:
            return [self._close(slot, life, "stall", f"no newer mark price for {limit}", now)]
        return self._missing_classes(slot, life, now)

    def _missing_classes(self, slot: _Slot, life: _Connection, now: float) -> list[Order]:
        for symbol_class in sorted(self._known):
            last = life.classes.get(symbol_class, (life.opened or now, 0))[0]
            if (life.accepted or now) - last <= self._stall_after:
                continue  # when all classes stop, that is a stall
            detail = f"symbol class {symbol_class} silent for {self._stall_after:g} s"
            if life is slot.successor:
                if slot.current is None or symbol_class not in self._flowing(slot.current, now):
                    continue
                slot.current.rotate_at = now + _AGAIN_SECONDS
                detail = f"{detail}: not as good as the connection it was to replace"
                return [self._close(slot, life, "class-silent", detail, now)]
            hole = slot.holes.get(symbol_class)
            if hole is None:
                slot.holes[symbol_class] = _Gap(life.link, told=False)
                life.rotate_at = now  # by a successor: the other classes go on meanwhile
                return [Report("class-silent", f"{detail}: trying another connection")]
            if hole.link != life.link and not hole.told:
                slot.holes[symbol_class] = _Gap(life.link, told=True)
                return [Report("class-silent", f"{detail}, on another connection too: left alone")]
        return []

    def _flowing(self, life: _Connection, now: float) -> set[int]:
        return {k for k, (at, _) in life.classes.items() if now - at <= self._stall_after}

    def _hand_over(self, slot: _Slot, now: float) -> list[Order]:
        old, new = slot.current, slot.successor
        if old is None or new is None:
            return []
        if not self._flowing(old, now) <= new.classes.keys():
            return []
        slot.current, slot.successor = new, None
        detail = f"replaced after {now - old.attempted:.0f} s by connection {new.link}"
        return [Disconnect(old.link, "rotated", detail)]

    def _wants_one(self, slot: _Slot, now: float) -> bool:
        if now < slot.next_attempt or slot.successor is not None:
            return False
        current = slot.current
        return current is None or (current.accepted is not None and now >= current.rotate_at)

    def _begin(self, slot: _Slot, now: float) -> Connect:
        self._count += 1
        life = _Connection(self._count, now, now + self._span(now))
        if slot.current is None:
            slot.current = life
        else:
            slot.successor = life
        return Connect(life.link)

    def _span(self, now: float) -> float:
        """How long a connection begun at `now` is to live; with a spare, half a span apart."""
        span = self._rotate_after
        others = [life.rotate_at for slot in self._slots for life in slot.lives()]
        if any(abs(now + span - rotate_at) < span / 4 for rotate_at in others):
            span /= 2
        return span - self._uniform(0.0, min(300.0, 0.1 * span))

    def _close(
        self, slot: _Slot, life: _Connection, kind: str, detail: str, now: float
    ) -> Disconnect:
        self._end(slot, life, kind, now, 0.0)
        return Disconnect(life.link, kind, detail)

    def _end(
        self, slot: _Slot, life: _Connection, kind: str, at: float, retry_after_seconds: float
    ) -> None:
        if slot.current is life:
            slot.current = None
        else:
            slot.successor = None
        slot.next_attempt = max(slot.next_attempt, at + next(slot.backoff))
        imposed = retry_after_seconds or ENDINGS[kind].wait_seconds
        if imposed:
            # The exchange counts attempts by address: all connections wait.
            for each in self._slots:
                each.next_attempt = max(each.next_attempt, at + imposed)
