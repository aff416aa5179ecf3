"""Signals, events and comparisons of the store → the stream, each at least once.

The tables are the outbox: a row is written with what it tells. How far each table has been sent
stands in the table `consumer`, and moves on when the server has stored what was sent. Beside it
stands which stream that was: one that is not the same, or has lost its end, gets its rows again.
"""

import logging
import threading
from collections.abc import Sequence
from math import inf
from typing import Protocol

from funding import errors
from funding.model.event import Event, EventKind
from funding.nats.acks import Ack
from funding.nats.connection import Append
from funding.nats.places import Bucket, Stream, StreamState
from funding.publish.trail_messages import message
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle
from funding.runtime.schedule import Every
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.trail_outbox import Mark, TrailOutbox, TrailRow, TrailTable

log = logging.getLogger("publish")

SOURCE = "publish"
LOOK_SECONDS = 0.5
RETRY_SECONDS = 2.0
ANSWER_SECONDS = 5.0
ENDS_SECONDS = 5.0
"""Between two looks for events that have ended: of 100,000 events one takes 8 ms."""
BATCH = 500
OVERLAP_SECONDS = 3_600.0
"""Of the past that is sent at the first start, and again after another file has taken the store's
place: as long as the server knows a message that comes twice."""
LOG_SECONDS = 60.0


class StreamConnection(Protocol):
    """What of a `Connection` is used here."""

    @property
    def connected(self) -> bool: ...

    @property
    def connections(self) -> int: ...

    def ensure(self, place: Bucket | Stream) -> None: ...

    def state(self, stream: Stream) -> StreamState: ...

    def append(
        self, messages: Sequence[Append], seconds: float
    ) -> list[Ack | errors.NatsError]: ...


class Trail:
    """What the machine `taker` has to tell, from `store` to `stream`. For one thread."""

    def __init__(
        self,
        store: DurableConnection,
        connection: StreamConnection,
        stream: Stream,
        *,
        taker: str,
        clock: Clock,
    ) -> None:
        self._outbox = TrailOutbox(store)
        self._events = Events(store)
        self._connection = connection
        self._stream = stream
        self._taker = taker
        self._clock = clock
        self._ensured = 0
        self.turned_at = clock.uptime()
        self._state = StreamState(0.0, 0)
        self._marks: dict[TrailTable, Mark] = {}
        self._floors: dict[TrailTable, float] = {}
        self._look_for_ends = Every(ENDS_SECONDS)
        self._throttle = Throttle(LOG_SECONDS)

    def run(self, stopping: threading.Event) -> None:
        """Send what comes, until `stopping` is set."""
        while not stopping.is_set():
            self.turned_at = self._clock.uptime()
            try:
                pause = self.turn()
            except (errors.NatsError, errors.StoreError) as error:
                pause = RETRY_SECONDS
                self._ensured = 0  # the stream may have been deleted
                self._complain(error)
            stopping.wait(pause)

    def turn(self) -> float:
        """Send what is due; seconds until the next turn makes sense. Raises `NatsError`s and
        `StoreError`s: what was not acknowledged is sent again then."""
        if not self._connection.connected:
            return LOOK_SECONDS
        self._ensure()
        more = False
        for table in TrailTable:
            more = self._send_rows(table) or more
        if self._look_for_ends.due(self._clock.uptime()):
            self._send_ends()
        return 0.0 if more else LOOK_SECONDS

    def _ensure(self) -> None:
        if self._ensured == self._connection.connections:
            return
        connections = self._connection.connections
        try:
            self._connection.ensure(self._stream)
        except errors.NatsDifferent as error:
            log.warning("%s", error)  # it takes messages nevertheless
        self._state = self._connection.state(self._stream)
        self._look_back(self._state, self._outbox.stream())
        self._ensured = connections

    def _look_back(self, there: StreamState, known: Mark | None) -> None:
        """Begin with the rows again that the stream had, and has no more."""
        days = self._stream.max_age_seconds
        if known is None or (there.made_at == known.at and there.last >= known.id):
            return
        if there.made_at != known.at:
            since = dict.fromkeys(TrailTable, self._clock.wall() - days)
            text = f"the stream was made again: the rows of {days / 86_400:g} days are sent again"
        else:
            since = {table: self._mark(table).at - OVERLAP_SECONDS for table in TrailTable}
            text = "the stream has lost its last messages: the rows of an hour are sent again"
        for table in TrailTable:
            begin = self._outbox.begin(table, since[table])
            if begin.id < self._mark(table).id:
                self._marks[table] = begin
                self._outbox.set_mark(table, begin)
        # Last: whoever is interrupted begins again.
        self._outbox.set_mark(TrailTable.EVENT, self._marks[TrailTable.EVENT], _mark_of(there))
        self._tell(text)

    def _send_rows(self, table: TrailTable) -> bool:
        """Send the next rows of `table`; whether there may be more."""
        mark = self._mark(table)
        rows = self._outbox.after(table, mark, BATCH)
        floor = self._floors.get(table, -inf)
        wanted = [row for row in rows if row.at >= floor]
        stored, error = self._send(wanted)
        last = rows[-1:] if error is None else wanted[:stored][-1:]
        for row in last:
            missing = row.id - mark.id - sum(each.id <= row.id for each in rows)
            if missing:
                self._tell(f"{missing} rows of {table} were removed before they were sent")
            self._marks[table] = Mark(row.id, row.at)
            self._outbox.set_mark(table, self._marks[table], _mark_of(self._state))
        if error is not None:
            raise error
        return len(rows) == BATCH

    def _send(self, rows: Sequence[TrailRow]) -> tuple[int, errors.NatsError | None]:
        """Send `rows`; how many of them, from the first on, the server has stored, and why not the
        next one."""
        if not rows:
            return 0, None
        messages = [message(self._taker, row) for row in rows]
        for number, outcome in enumerate(self._connection.append(messages, ANSWER_SECONDS)):
            if isinstance(outcome, errors.NatsError):
                return number, outcome
            if outcome.sequence > self._state.last:
                self._state = self._state._replace(last=outcome.sequence)
        return len(rows), None

    def _mark(self, table: TrailTable) -> Mark:
        mark = self._marks.get(table) or self._outbox.mark(table)
        if mark is None:
            mark = self._outbox.begin(table, self._clock.wall() - OVERLAP_SECONDS)
        elif not self._outbox.is_known(table, mark):
            self._floors[table] = mark.at - OVERLAP_SECONDS
            self._tell(
                f"the rows of {table} are not those of before: they are sent again from an hour"
                " before the last one"
            )
            mark = self._outbox.begin(table, self._floors[table])
        self._marks[table] = mark
        return mark

    def _send_ends(self) -> None:
        """Send events again that have ended."""
        now = self._clock.wall()
        told = self._outbox.ends_until()
        # A clock that was set back has yet to come there: whatever ends until then has ended since.
        since = told if told is not None and told <= now else now - OVERLAP_SECONDS
        rows = self._outbox.ended(self._marks[TrailTable.EVENT], since, BATCH)
        stored, error = self._send(rows)
        for row in rows[:stored][-1:]:
            self._outbox.set_ends_until(min(row.end, now))
        if error is not None:
            raise error

    def _tell(self, text: str) -> None:
        """To the operator, and to those who read the stream."""
        log.warning("%s", text)
        self._events.add([Event(self._clock.wall(), SOURCE, EventKind.TRAIL_GAP, text)])

    def _complain(self, error: errors.FundingError) -> None:
        if self._throttle(str(error), self._clock.uptime()):
            log.warning("signals, events and comparisons wait: %s", error)


def _mark_of(state: StreamState) -> Mark:
    return Mark(state.last, state.made_at)
