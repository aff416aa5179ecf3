"""Keeps the connections to what the exchange has now: its plan → the shares and their topics."""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from funding.exchanges.exchange import Plan, Stream
from funding.health.findings import first_names
from funding.ingest.connection_events import EndingKind
from funding.ingest.connection_shares import ConnectionShares
from funding.ingest.topics import Share, Topics
from funding.runtime.clock import Clock
from funding.runtime.schedule import Every

log = logging.getLogger("ingest")

REFUSALS = frozenset({EndingKind.HANDSHAKE, EndingKind.RESTRICTED, EndingKind.SILENT})
"""Ways to end that may mean that this stream is not served any more."""
SILENT_SECONDS = 120.0
"""Subscribing takes up to 30 s; a topic without a quote by then is silent."""
SILENCE = "it is subscribed to, and no quote comes"
MOST_REFUSALS = 3
"""So many in a row, without a quote between, and another stream is tried."""


class Plans(Protocol):
    """What is needed of a `planner.Planner`."""

    latest: Plan | None

    def replan(self) -> None: ...
    def check(self) -> None: ...
    def stop(self, seconds: float | None = None) -> None: ...


class Following:
    """For the thread of the loop, except `lost`. `knows(topic)` is whether it has had a quote."""

    def __init__(
        self,
        stream: Stream,
        *,
        plans: Plans,
        shares: ConnectionShares,
        clock: Clock,
        knows: Callable[[str], bool] = lambda _topic: True,
    ) -> None:
        self._knows = knows
        self._silent: set[str] = set()
        self._look = Every(SILENT_SECONDS / 2, first=clock.uptime() + SILENT_SECONDS)
        self._stream = stream
        self._plans = plans
        self._shares = shares
        self._clock = clock
        self._topics = Topics()
        self._applied: Plan | None = None
        self._refusals = 0
        self._lock = threading.Lock()
        self._lost: list[tuple[str, ...]] = []
        self._restart = False

    def topics(self, share: int) -> Share:
        """What the next connection of a share subscribes to."""
        return self._topics.of(share, self._clock.uptime())

    def lost(self, unconfirmed: tuple[str, ...]) -> None:
        """A connection ended while these had no answer; from any thread."""
        with self._lock:
            self._lost.append(unconfirmed)

    def step(self, now: float) -> list[str]:
        """Go by the latest plan; what has changed, in words."""
        self._plans.check()
        plan, words = self._plans.latest, []
        if plan is not None and plan is not self._applied:
            words += self._apply(plan, now)
        with self._lock:
            lost, self._lost = self._lost, []
        for unconfirmed in lost:
            culprit = self._topics.ended(unconfirmed, now)
            if culprit is not None:
                words.append(f"{culprit} ends the connection: it is left out for an hour")
                self._plans.replan()  # more may have gone than this one
        if self._look.due(now):
            words += self._look_for_silence(now)
        return words

    def ended(self, kind: EndingKind, *, delivered: bool) -> list[str]:
        """A connection has ended; what is done about it, in words."""
        count = MOST_REFUSALS if kind == EndingKind.RESTRICTED else 1  # it imposes a long wait
        self._refusals = self._refusals + count if kind in REFUSALS and not delivered else 0
        if self._refusals < MOST_REFUSALS or not self._stream.refused(self._clock.wall()):
            return []
        self._refusals, self._restart = 0, True
        self._plans.replan()
        return ["the exchange refuses this stream: another one is tried"]

    def missing(self) -> dict[str, str]:
        """What is not followed, with the reason."""
        silent = dict.fromkeys(sorted(self._silent), SILENCE)
        return {**silent, **self._topics.missing(self._clock.uptime())}

    def stop(self) -> None:
        """No more plans."""
        self._plans.stop()

    def _look_for_silence(self, now: float) -> list[str]:
        """Name the topics that have never had a quote, unless the whole stream is silent."""
        planned = self._topics.planned(now)
        silent = {topic for topic in planned if not self._knows(topic)}
        if 2 * len(silent) > len(planned):
            return []
        new, heard = sorted(silent - self._silent), sorted(self._silent - silent)
        self._silent = silent
        words = [f"{len(new)} topics without a quote: {first_names(new)}"] if new else []
        return words + ([f"not silent any more: {first_names(heard)}"] if heard else [])

    def _apply(self, plan: Plan, now: float) -> list[str]:
        first, before = self._applied is None, self.missing()
        changed = self._topics.apply(plan)
        self._applied = plan
        words = []
        if self._restart:
            self._restart = False
            self._shares.restart(self._topics.count, now)
        else:
            self._shares.resize(self._topics.count, now)
            for share in changed:
                self._shares.replace(share, now)
            if changed and not first:
                words.append("there are new contracts: the connections are replaced")
        missing = self.missing()
        words += [
            f"{name} is not followed: {why}"
            for name, why in missing.items()
            if before.get(name) != why
        ]
        words += [f"{name} is followed again" for name in before.keys() - missing.keys()]
        return words
