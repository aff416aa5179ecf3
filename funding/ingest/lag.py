"""By how much is the stream late? Event times and uptimes of receipt in, lag out. Pure.

The delay of a frame is the uptime of its receipt minus its event time. The two clocks have no
common zero, so only the growth of the delay over its least value means anything: that growth is
the lag. No wall clock takes part. A stream that is late from the start has no lag by this, until
REST tells the exchange's clock: the delay of a frame that comes at once is known then.

# Facts
- A buffer delays frames and never reorders them: on one connection the event time does not go back.
  Where it does, the exchange's clock was set back, and nothing was delayed.
- The crystals of two machines drift apart (`feed.CLOCK_DRIFT`): by 0.36 s in an hour at most.
"""

from collections import deque
from dataclasses import dataclass, field

from funding.model.feed import CLOCK_DRIFT

BUCKET_SECONDS = 60.0
BUCKETS = 60  # the least delay of an hour: drift adds less than half a second to it
CONFIRMED = 3  # frames; a single frame with an absurd event time changes nothing
MOST_SECONDS = 86_400.0
"""A stream further than this from REST's clock has another clock, as a recording has."""
AHEAD_SECONDS = 2.5
"""No frame comes before its event time, by a clock that is wrong by 2 s at most."""
CLOCK_HOLDS_SECONDS = 3_600.0  # crystals drift, and REST may not answer any more
CLOCK_BACK_SECONDS = 1.0  # one tick: the two symbol classes take turns within it


@dataclass(slots=True)
class _Connection:
    """The last few frames of a connection, and the highest event time that they have confirmed."""

    delays: deque[float] = field(default_factory=lambda: deque(maxlen=CONFIRMED))
    event_times: deque[float] = field(default_factory=lambda: deque(maxlen=CONFIRMED))
    confirmed: float = float("-inf")
    lag: float = 0.0


class LagMeter:
    """The lag of each connection, over one least delay for all.

    `least` is what an earlier process of this boot has left, as of uptime `at`: a link that is
    slow from the start of this process would look prompt without it.
    """

    def __init__(self, least: float | None = None, at: float = 0.0) -> None:
        self._least_by_bucket: dict[int, float] = {}
        self._connections: dict[int, _Connection] = {}
        self._floor, self._floor_until = float("-inf"), float("-inf")
        if least is not None:
            self._least_by_bucket[_bucket(at)] = least

    @property
    def least(self) -> float | None:
        """The least delay in seconds of the last hour, None before the first frames."""
        return min(self._least_by_bucket.values(), default=None)

    def to_keep(self, uptime: float) -> float | None:
        """The least delay for the next process, as it may have become by drift: or one process
        after another would pass on a value that no longer holds."""
        now = _bucket(uptime)
        ages = ((delay, (now - at) * BUCKET_SECONDS) for at, delay in self._least_by_bucket.items())
        return min((delay + CLOCK_DRIFT * age for delay, age in ages), default=None)

    def add(self, connection: int, event_time_ms: int, uptime: float) -> float:
        """Take note of a frame; the lag of its connection in seconds."""
        known = self._connections.setdefault(connection, _Connection())
        event_time = event_time_ms / 1000
        known.event_times.append(event_time)
        known.delays.append(uptime - event_time)
        if len(known.delays) == CONFIRMED:
            if max(known.event_times) < known.confirmed - CLOCK_BACK_SECONDS:
                known.confirmed = min(known.event_times)
                self._least_by_bucket = {_bucket(uptime): min(known.delays) - known.lag}
            known.confirmed = max(known.confirmed, min(known.event_times))
            self._note(max(known.delays), uptime)
        least = self.least
        known.lag = max(0.0, min(known.delays) - least) if least is not None else 0.0
        return known.lag

    def note_exchange_clock(self, offset: float, uptime: float) -> bool:
        """The exchange's clock is `offset` seconds ahead of our uptime, or a little more; whether
        that is taken note of: not before the first frames.

        What a stream has as least delay when it is late from the start is too much; what it has
        after frames from the future, too little.
        """
        least = self.least
        if least is None:
            return False
        if abs(least + offset) <= MOST_SECONDS:
            self._floor = -offset - AHEAD_SECONDS
            self._floor_until = uptime + CLOCK_HOLDS_SECONDS
            true = {a: d for a, d in self._least_by_bucket.items() if d >= self._floor}
            self._least_by_bucket = true
            if self.least is None or self.least + offset > 0:
                self._note(-offset, uptime)
        return True

    def exchange_time(self, uptime: float) -> float | None:
        """The exchange's clock at `uptime` in Unix seconds, as the most prompt frames tell it."""
        least = self.least
        return None if least is None else uptime - least

    def forget(self, connection: int) -> None:
        """The connection has ended."""
        self._connections.pop(connection, None)

    def _note(self, delay: float, uptime: float) -> None:
        buckets, now = self._least_by_bucket, _bucket(uptime)
        if uptime < self._floor_until and delay < self._floor:
            return  # a frame from the future
        expired = [each for each in buckets if each <= now - BUCKETS]
        if len(expired) == len(buckets) and expired:
            # After a silence of more than an hour the old value still counts, as far as the
            # crystals may have carried it.
            silence = (now - max(expired)) * BUCKET_SECONDS
            delay = min(delay, min(buckets.values()) + CLOCK_DRIFT * silence)
        for each in expired:
            del buckets[each]
        buckets[now] = min(delay, buckets.get(now, delay))


def _bucket(uptime: float) -> int:
    return int(uptime // BUCKET_SECONDS)
