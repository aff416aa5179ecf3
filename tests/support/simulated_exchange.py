"""A connection policy, an exchange and a clock, all simulated."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from funding.ingest.connection_events import (
    ENDINGS,
    Connect,
    ConnectionEvent,
    ConnectionEventKind,
    Disconnect,
    EndingKind,
    Report,
)
from funding.ingest.connection_policy import ConnectionPolicy

DAY = 86_400.0
STALL = 5.0
STEP = 0.25
WINDOW_SECONDS = 300.0
MOST_ATTEMPTS = 75


@dataclass
class Peer:
    """The far end of one connection; `due` says when each class comes next, once it is up."""

    answer_at: float
    open: bool = False
    rows: int = 0
    due: dict[int, float] = field(default_factory=dict)
    delivered: dict[int, float] = field(default_factory=dict)


class SimulatedExchange:
    """A policy, an exchange and a clock that only `run` moves.

    The switches say what happens to connections from now on. `gap` is the longest time, so far,
    in which class 0 came by no connection.
    """

    def __init__(
        self,
        *,
        connections: int = 1,
        stall_after: float = STALL,
        rotate_after: float = 82_800.0,
        backoff_max: float = 5.0,
        uniform: Callable[[float, float], float] | None = None,
        seed: int = 1,
    ) -> None:
        self.random = random.Random(seed)
        self.now = 1_000.0
        self.policy = ConnectionPolicy(
            connections=connections,
            stall_after=stall_after,
            rotate_after=rotate_after,
            backoff_max=backoff_max,
            uniform=uniform or self.random.uniform,
            now=self.now,
        )
        self.connections = connections
        self.answers_after = 0.1
        self.refuses: EndingKind | None = None
        self.retry_after = 0.0
        self.hangs = False
        self.classes = {0, 1}
        self.new_classes: set[int] | None = None  # of connections begun from now on
        self.frozen: set[int] = set()
        self.rows_before_close = 0
        self.pace = (0.6, 1.4)
        self.peers: dict[int, Peer] = {}
        self.limits: dict[int, set[int]] = {}
        self.attempts: list[float] = []
        self.disconnects: list[tuple[float, Disconnect]] = []
        self.reports: list[tuple[float, Report]] = []
        self.ended: list[tuple[float, EndingKind]] = []
        self.last = self.now
        self.gap = 0.0

    def run(self, seconds: float, step: float = STEP) -> "SimulatedExchange":
        """Let `seconds` pass, step by step."""
        end = self.now + seconds - step / 2
        while self.now < end:
            self.now += step
            for connection, peer in list(self.peers.items()):
                self._act(connection, peer)
            self._execute()
        return self

    def _act(self, connection: int, peer: Peer) -> None:
        if not peer.open:
            if self.hangs or self.now < peer.answer_at:
                return
            if self.refuses:
                self.end(connection, self.refuses, self.retry_after)
                return
            peer.open = True
            assert self.policy.handle(
                ConnectionEvent(connection, ConnectionEventKind.OPENED, self.now)
            )
        for symbol_class in sorted(self.classes & self.limits.get(connection, self.classes)):
            if connection in self.frozen or self.now < peer.due.get(symbol_class, 0.0):
                continue
            self.policy.accepted(connection, symbol_class, self.now, 1)
            peer.rows += 1
            peer.delivered[symbol_class] = self.now
            peer.due[symbol_class] = self.now + self.random.uniform(*self.pace)
            if symbol_class == 0:
                self.gap, self.last = max(self.gap, self.now - self.last), self.now
        if self.rows_before_close and peer.rows >= self.rows_before_close:
            self.end(connection, EndingKind.CLOSED)

    def end(self, connection: int, kind: EndingKind, retry_after: float = 0.0) -> None:
        """The exchange ends this connection."""
        del self.peers[connection]
        self.ended.append((self.now, kind))
        assert self.policy.handle(ConnectionEvent(connection, kind, self.now, "", retry_after))

    def report(
        self, connection: int, kind: ConnectionEventKind | EndingKind, detail: str = ""
    ) -> bool:
        """Tell the policy what happened to this connection."""
        return self.policy.handle(ConnectionEvent(connection, kind, self.now, detail))

    def _execute(self) -> None:
        for order in self.policy.step(self.now):
            if isinstance(order, Connect):
                assert order.connection not in self.limits
                assert len(self.peers) < 2 * self.connections
                self.attempts.append(self.now)
                self.peers[order.connection] = Peer(self.now + self.answers_after)
                self.limits[order.connection] = self.classes | {0, 1}
                if self.new_classes is not None:
                    self.limits[order.connection] = self.new_classes
            elif isinstance(order, Disconnect):
                del self.peers[order.connection]  # a KeyError: closed twice, or never begun
                assert order.kind in ENDINGS
                self.disconnects.append((self.now, order))
            else:
                self.reports.append((self.now, order))

    def ending_kinds(self) -> list[EndingKind]:
        """Why the policy ended connections, in order."""
        return [close.kind for _, close in self.disconnects]


def most_in_a_window(times: list[float]) -> int:
    """The largest number of `times` in any five minutes, ends included."""
    most, first = 0, 0
    for index, at in enumerate(times):
        while at - times[first] > WINDOW_SECONDS:
            first += 1
        most = max(most, index - first + 1)
    return most


def longest(low: float, high: float) -> float:
    """A draw that always ends at the upper bound."""
    return high


def pauses(exchange: SimulatedExchange) -> list[float]:
    """From the end of each connection to the next attempt."""
    ends = sorted([at for at, _ in exchange.disconnects] + [at for at, _ in exchange.ended])
    return [begun - end for end, begun in zip(ends, exchange.attempts[1:], strict=False)]
