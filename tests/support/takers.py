"""Takers in a simulated network: a fake clock, messages that are lost, late or cut off, and a key
with revisions that may not answer."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from funding.publish.leadership import Data, Duty, Heartbeat, Leadership, Role

STEP = 0.05
DEADLINE = 0.5  # for a claim


@dataclass
class Taker:
    """One machine. `inbox` is what has reached it and was not looked at yet."""

    leadership: Leadership
    phase: int
    data: Data = Data.LIVE
    alive: bool = True
    connected: bool = True
    frozen_until: float = 0.0
    duty: Duty = field(default_factory=Duty)
    inbox: list[Callable[[float], None]] = field(default_factory=list)


class Network:
    """`takers`, from second 0 on. It notes for how long nobody published with good data, how often
    the leader's role went to another one, and that no two leaders share a term."""

    def __init__(self, names: Sequence[str], seed: int) -> None:
        self._random = random.Random(seed)
        self._now = 0.0
        self.takers = [Taker(Leadership(name), self._random.randrange(2)) for name in names]
        self.jetstream = True
        self.revision = 40  # of an earlier run
        self.loss, self.latest = 0.0, 0.02
        self._cut: Taker | None = None
        self._flying: list[tuple[float, Taker, Callable[[float], None]]] = []
        self._leaders: dict[int, Taker] = {}
        self._last: Taker | None = None
        self._good_at: float | None = None
        self.changes, self.longest_gap = 0, 0.0
        self.live_gap_counts = True

    @property
    def publishers(self) -> list[Taker]:
        """Who publishes now."""
        return [taker for taker in self.takers if taker.duty.publish and self._runs(taker)]

    def run(self, seconds: float) -> None:
        """Let so many seconds pass."""
        for _ in range(round(seconds / STEP)):
            self._now += STEP
            for at, taker, event in [each for each in self._flying if each[0] <= self._now]:
                self._flying.remove((at, taker, event))
                taker.inbox.append(event)
            for number, taker in enumerate(self.takers):
                if self._runs(taker) and (round(self._now / STEP) + taker.phase + number) % 2:
                    self._turn(taker)
            self._note()

    def _runs(self, taker: Taker) -> bool:
        return taker.alive and self._now >= taker.frozen_until

    def _turn(self, taker: Taker) -> None:
        for event in taker.inbox:
            event(self._now)
        taker.inbox.clear()
        taker.duty = taker.leadership.tick(self._now, connected=taker.connected, data=taker.data)
        if taker.duty.heartbeat:
            self._send(taker)
        if taker.duty.claim is not None:
            self._claim(taker, taker.duty.claim)
        self._check(taker)

    def _send(self, sender: Taker) -> None:
        leadership = sender.leadership
        beat = Heartbeat(leadership.taker, leadership.term, sender.data is Data.LIVE)
        for taker in self.takers:
            reached = taker.alive and self._cut not in (taker, sender)
            if taker is sender or not reached or self._random.random() < self.loss:
                continue
            at = self._now + self._random.uniform(0.0, self.latest)
            heard = taker.leadership.heard
            self._flying.append((at, taker, lambda now, heard=heard: heard(now, beat)))  # type: ignore[misc]

    def _claim(self, taker: Taker, expected: int) -> None:
        leadership = taker.leadership
        answer: Callable[[float], None]
        at = self._now + self._random.uniform(0.0, self.latest)
        if not self.jetstream or self._cut is taker or not taker.connected:
            at, answer = self._now + DEADLINE, leadership.unanswered
        elif expected == self.revision:
            self.revision += 1
            revision = self.revision
            if self._random.random() < self.loss:  # it has won, and does not hear so
                at, answer = self._now + DEADLINE, leadership.unanswered
            else:
                answer = lambda now: leadership.won(revision)  # noqa: E731
        else:
            revision = self.revision
            answer = lambda now: leadership.lost(now, revision)  # noqa: E731
        self._flying.append((at, taker, answer))

    def _check(self, taker: Taker) -> None:
        if taker.leadership.role is Role.LEADER:
            holder = self._leaders.setdefault(taker.leadership.term, taker)
            assert holder is taker, f"two leaders of term {taker.leadership.term}"

    def _note(self) -> None:
        good = [
            taker
            for taker in self.publishers
            if taker is not self._cut and (taker.data is Data.LIVE or not self.live_gap_counts)
        ]
        if good:
            if self._good_at is not None and self._now - self._good_at > 2.5 * STEP:
                self.longest_gap = max(self.longest_gap, self._now - self._good_at)
            self._good_at = self._now
            if self._last not in good:
                self._last = good[0]
                self.changes += 1

    # What goes wrong

    def freeze(self, taker: Taker, seconds: float) -> None:
        """It does nothing for so long; what is sent to it waits."""
        taker.frozen_until = self._now + seconds

    def cut(self, taker: Taker | None) -> None:
        """Nothing reaches `taker` nor comes from it; None: all are connected. It is noticed."""
        if self._cut is not None:
            self._cut.connected = True
        self._cut = taker
        if taker is not None:
            taker.connected = self._random.random() < 0.5

    def revive(self, taker: Taker) -> None:
        """It starts again, and remembers nothing."""
        taker.leadership = Leadership(taker.leadership.taker)
        taker.alive, taker.inbox, taker.duty = True, [], Duty()

    def trouble(self) -> None:
        """Something at random."""
        taker = self._random.choice(self.takers)
        match self._random.randrange(6):
            case 0:
                self.freeze(taker, self._random.uniform(0.5, 6.0))
            case 1:
                self.cut(taker)
            case 2:
                self.cut(None)
            case 3:
                self.jetstream = not self.jetstream
            case 4:
                taker.data = self._random.choice(list(Data))
            case _:
                taker.alive = not taker.alive
                if taker.alive:
                    self.revive(taker)

    def peace(self) -> None:
        """All is well again."""
        self.cut(None)
        self.jetstream, self.loss = True, 0.0
        for taker in self.takers:
            taker.data, taker.frozen_until = Data.LIVE, self._now
            if not taker.alive:
                self.revive(taker)
