"""Which of several takers publishes an exchange: a state machine for each exchange and taker. It
does no I/O and reads no clock: `now` is the uptime in seconds.

# Facts
- The claim is a compare-and-set of the exchange's key in the bucket of leaders. NATS gives each
  value of a bucket a revision above all of before, so that no two leaders share one: the term.
- Heartbeats are plain messages, which need no JetStream. Of three servers that lose one, JetStream
  may take 4 to 9 s to elect its own leader; until then a claim is not answered.
- Who publishes beside the leader does no harm, since readers and the bucket take only what is newer
  than what they have. Nobody who publishes does. So whoever is in doubt publishes.
"""

from enum import StrEnum
from math import inf
from typing import NamedTuple

from funding.model.feed import Feed
from funding.runtime.schedule import Every

HEARTBEAT_SECONDS = 0.5
SILENCE_SECONDS = 1.5
"""Without a heartbeat, after which the leader is taken to be away: three of them in a row."""
MODEST_SECONDS = 1.5
"""By which a taker that has no live stream itself waits longer than one that has."""
DEAF_SECONDS = SILENCE_SECONDS - HEARTBEAT_SECONDS
"""Between two ticks, after which what was heard before says nothing of now."""
FROZEN_SECONDS = 3.0
"""Between two ticks, after which another taker surely publishes. On a machine with too much to do a
turn may take a second or two: to cease then would make gaps, and to begin again more work."""
LIVE_SECONDS = 1.3
"""Age of the newest frame up to which a stream is live: each exchange sends every second."""
DULL_SECONDS = 0.6
"""For which a leader's stream may be away before one that is live takes over: two heartbeats say
so, and a pause of the exchange itself ends for both at once."""
CALM_SECONDS = 10.0
"""After losing an exchange, for which it is not taken back because the leader's stream is away: on
machines with too much to do both streams are late now and then."""
RETRY_SECONDS = 1.0
"""Between two claims, when the first was not answered."""


class Data(StrEnum):
    """What a taker has of an exchange."""

    NONE = "none"  # nothing that is fresh, or the store cannot be read
    DULL = "dull"  # fresh quotes, but the stream is away: REST stands in
    LIVE = "live"


class Role(StrEnum):
    """What a taker does for an exchange."""

    FOLLOWER = "follower"  # listens
    LEADER = "leader"  # has won the term, and publishes
    ACTING = "acting"  # publishes under a term that it has not won, as JetStream answers nobody


class Heartbeat(NamedTuple):
    """Of the taker that publishes; `live` is whether its stream is."""

    taker: str
    term: int
    live: bool


class Duty(NamedTuple):
    """What to do now. `claim` is the revision at which the leader's key is expected (0: there is
    none), None for no claim. `began` is whether it has begun to publish: all that it has is new to
    those who read."""

    publish: bool = False
    write_bucket: bool = False
    heartbeat: bool = False
    claim: int | None = None
    began: bool = False


IDLE = Duty()


def stream_age(feed: Feed, uptime: float) -> float:
    """How old the newest frame of a stream is, its lag included, in seconds; inf: it is not
    connected. `feed` is of the present boot."""
    if not feed.connected or feed.last_frame_uptime is None:
        return inf
    return uptime - feed.last_frame_uptime + feed.lag_seconds


def data_of(age: float, quote_age: float, stale_after: float) -> Data:
    """What there is, by the `stream_age` and the age in seconds of the newest quote, from
    wherever."""
    if age <= LIVE_SECONDS:
        return Data.LIVE
    return Data.DULL if quote_age <= stale_after else Data.NONE


class Leadership:
    """Of one exchange, for the taker of the name `taker`. Every claim that `tick` asks for must be
    answered by one of `won`, `lost` and `unanswered`."""

    def __init__(self, taker: str) -> None:
        self.taker = taker
        self.role = Role.FOLLOWER
        self.term = 0
        self._ticked = -inf
        self._able_since = inf  # connected, and with data
        self._live_since = inf
        self._heard_at = -inf
        self._dull_since = inf  # the leader says that its stream is away
        self._confirms = False  # it published until it froze or was cut off
        self._revision = 0  # of the key, as far as is known
        self._claiming = False
        self._claim_from = self._calm_until = -inf
        self._told: Duty = IDLE
        self._told_live = False
        self._heartbeats = Every(HEARTBEAT_SECONDS)

    @property
    def publishes(self) -> bool:
        """Whether it leads or acts."""
        return self.role is not Role.FOLLOWER

    def tick(self, now: float, *, connected: bool, data: Data) -> Duty:
        """What to do at `now`. Call it a few times a second, after all that was heard."""
        away = now - self._ticked
        self._ticked = now
        live = data is Data.LIVE
        self._live_since = min(self._live_since, now) if live else inf
        if not connected or data is Data.NONE:
            self._cease()
            self._able_since = inf
            return self._tell(now, live, None)
        if self._able_since == inf or away > (FROZEN_SECONDS if self.publishes else DEAF_SECONDS):
            self._cease()
            self._able_since, self._dull_since = now, inf
        return self._tell(now, live, self._claim(now, live))

    def heard(self, now: float, beat: Heartbeat) -> None:
        """Another taker publishes. Of two that do the one with the higher term goes on, of the same
        term the one whose name comes first."""
        if self.publishes:
            is_behind = (-beat.term, beat.taker) >= (-self.term, self.taker)
        else:
            is_behind = beat.term < self.term
        if is_behind:
            return
        dull_since = inf if beat.live else min(self._dull_since, now)
        self._follow(now, beat.term)
        self._dull_since = dull_since

    def won(self, revision: int) -> None:
        """The key is ours, at `revision`."""
        self._claiming = False
        if revision < self.term:
            return  # somebody has won the next term meanwhile, and was heard
        self.term = self._revision = revision
        self.role, self._confirms = Role.LEADER, False

    def lost(self, now: float, revision: int) -> None:
        """The key is at another revision than was expected; 0: there is none any more."""
        self._claiming = False
        self._revision = revision
        if self.role is Role.ACTING:
            self._claim_from = now + SILENCE_SECONDS  # whoever has won it is heard before
        elif revision:
            self._follow(now, revision)
        else:
            self.term = 0

    def unanswered(self, now: float) -> None:
        """The claim was not answered in time, or was refused."""
        self._claiming = False
        self._claim_from = now + RETRY_SECONDS
        if self._able_since != inf and self._silence(now) >= SILENCE_SECONDS:
            self.role = Role.ACTING

    def _silence(self, now: float) -> float:
        """For how long it has listened and heard nobody."""
        return now - max(self._heard_at, self._able_since)

    def _has_better(self, now: float) -> bool:
        """Whether its stream is live, and the leader's has been away for long enough."""
        both = now - max(self._dull_since, self._live_since)
        return both >= DULL_SECONDS and now >= self._calm_until

    def _claim(self, now: float, live: bool) -> int | None:
        if self._claiming or now < self._claim_from or self.role is Role.LEADER:
            return None
        patience = SILENCE_SECONDS + (0.0 if live else MODEST_SECONDS)
        if not (
            self.role is Role.ACTING
            or self._confirms
            or self._silence(now) >= patience
            or self._has_better(now)
        ):
            return None
        self._claiming = True
        return self._revision

    def _follow(self, now: float, term: int) -> None:
        if self.publishes or self._confirms:
            self._calm_until = now + CALM_SECONDS
        self.role = Role.FOLLOWER
        self.term = self._revision = term
        self._heard_at, self._dull_since = now, inf
        self._confirms = False

    def _cease(self) -> None:
        """Publish no more until the claim is confirmed."""
        self._confirms = self._confirms or self.publishes
        self.role = Role.FOLLOWER

    def _tell(self, now: float, live: bool, claim: int | None) -> Duty:
        publish = self.publishes
        began = publish and not self._told.publish
        if live != self._told_live:
            self._heartbeats.hasten(now)
        self._told_live = live
        beat = publish and self._heartbeats.due(now)
        self._told = Duty(publish, self.role is Role.LEADER, beat, claim, began)
        return self._told
