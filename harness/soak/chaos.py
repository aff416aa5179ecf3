"""When which fault happens: seeded, one after the other, within what the service can bear."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field

from harness.soak.catalogue import ALL, shuffled
from harness.soak.environment import PROGRAMS, Environment
from harness.soak.fault_courses import STOPS_PER_10_MINUTES, Fault, FaultKind

GIVE_UP_SECONDS = 180.0
"""A fault that lasts longer will not recover: the run ends."""
_GRACE_SECONDS = 10.0
_BUDGET_SECONDS = 600.0
_DESTRUCTION_SECONDS = 60.0
_PAUSES = (0.5, 3.0)


@dataclass(slots=True)
class ActiveFault:
    """A fault that has not recovered yet."""

    fault: Fault
    course: Iterator[None]


@dataclass(slots=True)
class Chaos:
    """Call `turn` some ten times a second. `tell` prints a line; `before_destruction` and
    `after_destruction` are called around a fault that destroys the database."""

    environment: Environment
    tell: Callable[[str], None]
    before_destruction: Callable[[], None]
    after_destruction: Callable[[float], None]
    done: list[Fault] = field(default_factory=list)
    active: list[ActiveFault] = field(default_factory=list)
    given_up: str = ""
    _deck: list[FaultKind] = field(default_factory=list)
    _due: float = 0.0

    def turn(self, now: float, *, gentle: bool, more: bool) -> None:
        """Advance the active faults. With `more` begin another when it is due; with `gentle` one by
        which no program ends."""
        for each in list(self.active):
            self._advance(each, now)
        busy = any(not each.fault.kind.aside for each in self.active)
        if more and not busy and now >= self._due:
            kind = self._next(now, gentle)
            if kind is not None:
                self._begin(kind)

    def _begin(self, kind: FaultKind) -> None:
        if kind.destroys:
            self.before_destruction()
        began = time.monotonic()
        fault = Fault(kind, began, began)
        self.active.append(ActiveFault(fault, kind.course(self.environment, fault)))
        self._advance(self.active[-1], began)

    def _advance(self, active: ActiveFault, now: float) -> None:
        fault = active.fault
        try:
            next(active.course)
        except StopIteration:
            self._finish(active)
            return
        if now - fault.began > GIVE_UP_SECONDS:
            self.given_up = f"{fault.kind.name}: not recovered in {GIVE_UP_SECONDS:.0f} s"

    def _finish(self, active: ActiveFault) -> None:
        fault, now = active.fault, time.monotonic()
        fault.ended = now
        self.active.remove(active)
        self.done.append(fault)
        if fault.kind.aside and not fault.kind.deadly:
            fault.since += self._disturbed(fault)
        if not fault.kind.aside:
            self._due = now + self.environment.chance.uniform(*_PAUSES)
        if fault.kind.destroys:
            self.after_destruction(now)
        bound = fault.kind.bound(self.environment.speed)
        late = "" if fault.seconds <= bound else "  TOO LATE"
        self.tell(f"{fault.kind.name:32} {fault.seconds:6.1f} s of {bound:.1f}{late}")

    def _disturbed(self, fault: Fault) -> float:
        """For how many seconds of a recovery other faults were in its way."""
        others = [*self.done, *(each.fault for each in self.active)]
        return sum(
            max(0.0, (each.ended or fault.ended) - max(each.began, fault.since))
            for each in others
            if not each.kind.aside
        )

    def _next(self, now: float, gentle: bool) -> FaultKind | None:
        """The first of the deck that may happen now. Each kind comes once before any comes again,
        except those that have had no chance to."""
        kinds = [kind for kind in ALL if not (gentle and kind.deadly)]
        deck = [kind for kind in self._deck if kind in kinds]
        if not any(not kind.every and not kind.stops for kind in deck):
            deck += [kind for kind in shuffled(kinds, self.environment.chance) if kind not in deck]
        attempts, settled = self._attempts_left(), self._is_settled()
        for place, kind in enumerate(deck):
            if self._may_begin(kind, now, attempts, settled):
                self._deck = deck[:place] + deck[place + 1 :]
                return kind
        self._deck = deck
        return None

    def _may_begin(self, kind: FaultKind, now: float, attempts: float, settled: bool) -> bool:
        if kind.aside and any(each.fault.kind.aside for each in self.active):
            return False
        if kind.deadly and (not settled or any(each.fault.kind.deadly for each in self.active)):
            return False
        if kind.attempts and attempts < kind.attempts + 1:
            return False
        deadly = [each.ended for each in self.done if each.kind.deadly]
        if kind.stops and deadly and now - max(deadly) < _GRACE_SECONDS:
            return False
        if kind.destroys and any(
            e.kind.destroys and now - e.ended < _DESTRUCTION_SECONDS for e in self.done
        ):
            return False
        mine = [now - each.ended for each in self.done if each.kind is kind]
        stopped = sum(passed < _BUDGET_SECONDS for passed in mine)
        if kind.stops and stopped >= STOPS_PER_10_MINUTES:
            return False
        return not mine or min(mine) >= kind.every

    def _is_settled(self) -> bool:
        """Whether supervisord calls all programs RUNNING."""
        return len(self.environment.group.programs("RUNNING")) == len(PROGRAMS)

    def _attempts_left(self) -> float:
        """Connection attempts that ingest has left: it makes at most 75 in 5 minutes."""
        with suppress(sqlite3.Error):
            path = f"file:{self.environment.group.database}?mode=ro"
            with closing(sqlite3.connect(path, uri=True, timeout=1)) as database:
                ((left,),) = database.execute("SELECT attempts_left FROM feed").fetchall()
                return float(left)
        return 0.0
