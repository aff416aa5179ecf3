"""When which fault happens: seeded, one after the other, within what the service says it bears."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field

from harness.soak.catalogue import ALL, dealt
from harness.soak.faults import STOPS_PER_10_MINUTES, Injury, Kind
from harness.soak.scene import PROGRAMS, Scene

PATIENCE_SECONDS = 180.0
"""After which a fault is never recovered from, and the run ends."""
_GRACE_SECONDS = 10.0
_BUDGET_SECONDS = 600.0
_RUIN_SECONDS = 60.0
_PAUSES = (0.5, 3.0)


@dataclass(slots=True)
class Wound:
    """A fault that is going on."""

    injury: Injury
    course: Iterator[None]


@dataclass(slots=True)
class Chaos:
    """Turn it some ten times a second. `tell` prints a line; `before_ruin` and `after_ruin` are
    called around what destroys the database."""

    scene: Scene
    tell: Callable[[str], None]
    before_ruin: Callable[[], None]
    after_ruin: Callable[[], None]
    done: list[Injury] = field(default_factory=list)
    going: list[Wound] = field(default_factory=list)
    given_up: str = ""
    _deck: list[Kind] = field(default_factory=list)
    _due: float = 0.0

    def turn(self, now: float, *, gentle: bool, more: bool) -> None:
        """Go on with what is going on; begin another where there are to be `more`, one by which no
        program ends where it is to be `gentle`."""
        for wound in list(self.going):
            self._advance(wound, now)
        busy = any(not wound.injury.kind.aside for wound in self.going)
        if more and not busy and now >= self._due:
            kind = self._next(now, gentle)
            if kind is not None:
                self._begin(kind)

    def _begin(self, kind: Kind) -> None:
        if kind.ruins:
            self.before_ruin()
        began = time.monotonic()
        injury = Injury(kind, began, began)
        self.going.append(Wound(injury, kind.course(self.scene, injury)))
        self._advance(self.going[-1], began)

    def _advance(self, wound: Wound, now: float) -> None:
        injury = wound.injury
        try:
            next(wound.course)
        except StopIteration:
            self._finish(wound)
            return
        if now - injury.began > PATIENCE_SECONDS:
            self.given_up = f"{injury.kind.name}: not recovered in {PATIENCE_SECONDS:.0f} s"

    def _finish(self, wound: Wound) -> None:
        injury, now = wound.injury, time.monotonic()
        injury.ended = now
        self.going.remove(wound)
        self.done.append(injury)
        if injury.kind.aside and not injury.kind.deadly:
            injury.since += self._disturbed(injury)
        if not injury.kind.aside:
            self._due = now + self.scene.chance.uniform(*_PAUSES)
        if injury.kind.ruins:
            self.after_ruin()
        bound = injury.kind.bound(self.scene.pace)
        late = "" if injury.seconds <= bound else "  TOO LATE"
        self.tell(f"{injury.kind.name:32} {injury.seconds:6.1f} s of {bound:.1f}{late}")

    def _disturbed(self, injury: Injury) -> float:
        """For how many seconds of a recovery others, one after the other, were in its way."""
        others = [*self.done, *(wound.injury for wound in self.going)]
        return sum(
            max(0.0, (each.ended or injury.ended) - max(each.began, injury.since))
            for each in others
            if not each.kind.aside
        )

    def _next(self, now: float, gentle: bool) -> Kind | None:
        """The first of the deck that may happen now; each kind comes once before any comes again,
        but for those whose time never comes."""
        kinds = [kind for kind in ALL if not (gentle and kind.deadly)]
        deck = [kind for kind in self._deck if kind in kinds]
        if not any(not kind.every and not kind.stops for kind in deck):
            deck += [kind for kind in dealt(kinds, self.scene.chance) if kind not in deck]
        left, settled = self._attempts_left(), self._is_settled()
        for place, kind in enumerate(deck):
            if self._may(kind, now, left, settled):
                self._deck = deck[:place] + deck[place + 1 :]
                return kind
        self._deck = deck
        return None

    def _may(self, kind: Kind, now: float, left: float, settled: bool) -> bool:
        if kind.aside and any(wound.injury.kind.aside for wound in self.going):
            return False
        if kind.deadly and (not settled or any(w.injury.kind.deadly for w in self.going)):
            return False
        if kind.attempts and left < kind.attempts + 1:
            return False
        deadly = [each.ended for each in self.done if each.kind.deadly]
        if kind.stops and deadly and now - max(deadly) < _GRACE_SECONDS:
            return False
        if kind.ruins and any(e.kind.ruins and now - e.ended < _RUIN_SECONDS for e in self.done):
            return False
        mine = [now - each.ended for each in self.done if each.kind is kind]
        stopped = sum(passed < _BUDGET_SECONDS for passed in mine)
        if kind.stops and stopped >= STOPS_PER_10_MINUTES:
            return False
        return not mine or min(mine) >= kind.every

    def _is_settled(self) -> bool:
        """Whether supervisord calls all programs RUNNING."""
        return len(self.scene.group.pids("RUNNING")) == len(PROGRAMS)

    def _attempts_left(self) -> float:
        """Connection attempts that ingest may make at once: it allows itself 75 in 5 minutes."""
        with suppress(sqlite3.Error):
            path = f"file:{self.scene.group.database}?mode=ro"
            with closing(sqlite3.connect(path, uri=True, timeout=1)) as database:
                ((left,),) = database.execute("SELECT attempts_left FROM feed").fetchall()
                return float(left)
        return 0.0
