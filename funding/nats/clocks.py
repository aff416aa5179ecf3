"""How long ago a message was sent, by the clock of another machine. Pure.

# Facts
- Two machines' wall clocks differ, and either may be set at any time. Seconds since boot never
  step, but mean nothing on another machine.
- How long a message was under way cannot be told from one message: a clock that lags and a link
  that is slow look the same. Of many messages the quickest tells most.

A taker's clock is therefore followed against our uptime: the most that it was ahead of it, by the
quickest message of the last while. Our own wall clock is believed as well, whichever of the two
makes a message older. So a link that turns slow makes quotes older, a wall clock of ours that lags
does not make them younger, and one that is ahead makes them older: that fails safe.
"""

from math import inf

PERIOD_SECONDS = 600.0
"""How long the quickest message counts, at least; twice as long at most. A clock of ours that lags
and a link that turned slow for longer than that may make a quote younger by that lag."""
MOST_TAKERS = 64
NOTICED_SECONDS = 0.25
STEP_SECONDS = 1.0
"""A taker whose heartbeats go back by more has had its clock set back."""


class _Ahead:
    """By how much a taker's clock is ahead of our uptime."""

    __slots__ = ("before", "last_sent", "now", "since")

    def __init__(self, uptime: float) -> None:
        self.since = uptime
        self.now = self.before = -inf
        self.last_sent = -inf


class TakerClocks:
    """The clocks of takers, as far as their messages tell."""

    def __init__(self) -> None:
        self._takers: dict[str, _Ahead] = {}
        self.version = 0
        """Changes whenever a clock turns out to be further ahead than was known, by more than
        messages differ."""

    def hear(
        self, taker: str, sent_at: float, uptime: float, *, is_heartbeat: bool = False
    ) -> None:
        """A message of `taker`, sent at `sent_at` Unix seconds by its clock, is here at `uptime`.
        Heartbeats come in the order in which they were sent."""
        known = self._takers.get(taker)
        if known is None:
            if len(self._takers) >= MOST_TAKERS:
                del self._takers[next(iter(self._takers))]
            known = self._takers[taker] = _Ahead(uptime)
        if uptime - known.since >= PERIOD_SECONDS:
            known.before, known.now, known.since = known.now, -inf, uptime
        if is_heartbeat:
            if sent_at < known.last_sent - STEP_SECONDS:
                known.before = known.now = -inf
            known.last_sent = sent_at
        ahead = sent_at - uptime
        if ahead > max(known.now, known.before) + NOTICED_SECONDS:
            self.version += 1
        known.now = max(known.now, ahead)

    def seconds_since(
        self, taker: str, sent_at: float, received: float, *, wall: float, uptime: float
    ) -> float:
        """How long ago `taker` sent what came at uptime `received`, at `wall` and `uptime` now."""
        known = self._takers.get(taker)
        taker_wall = wall
        if known is not None:
            taker_wall = max(wall, uptime + known.now, uptime + known.before)
        return max(uptime - received, taker_wall - sent_at)

    def latest_wall(self, *, wall: float, uptime: float) -> float:
        """The latest of all clocks at `uptime`, in Unix seconds."""
        ahead = [max(each.now, each.before) for each in self._takers.values()]
        return max(wall, uptime + max(ahead, default=-inf))

    def lag(self, taker: str, *, wall: float, uptime: float) -> float:
        """How much later than at best, and by our wall clock, the last messages of `taker` came:
        the link is slow, or our clock is ahead of its. 0 where it has not sent of late."""
        known = self._takers.get(taker)
        if known is None or known.now == -inf:
            return 0.0
        return max(0.0, wall - uptime - known.now)
