"""What the store says of one exchange beside Binance, as facts."""

from funding import errors
from funding.health import verdict
from funding.health.facts import OtherFeed
from funding.model.feed import Feed
from funding.runtime.clock import Clock
from funding.store.reader import Reader


class FeedReader:
    """Reads the feed of the exchange of `reader`. For one thread."""

    def __init__(self, reader: Reader, limits: verdict.Limits, clock: Clock) -> None:
        self._reader = reader
        self._limits = limits
        self._clock = clock

    def read(self) -> OtherFeed:
        """The facts of this moment. A store that cannot be read is Binance's finding: here there
        is no feed then."""
        reader = self._reader
        nothing = OtherFeed(reader.exchange, self._limits.min_symbols)
        # Before reading: if this process were held up in between, everything would look older.
        wall, uptime, boot = self._clock.wall(), self._clock.uptime(), self._clock.boot
        try:
            reader.close()  # a connection with its pages in memory does not see a new file
            feed, quotes, answered = reader.feed(), reader.all(), reader.contracts_checked_at()
        except errors.StoreError:
            return nothing
        if feed is None:
            return nothing
        ages = {each.symbol: each.age_seconds for each in quotes if verdict.trades(each)}
        stale = sorted(name for name, age in ages.items() if age > self._limits.stale_after)
        return nothing._replace(
            feed=feed,
            heartbeat_age=verdict.heartbeat_age(feed, uptime, boot),
            last_frame_age=last_frame_age(feed, uptime, boot),
            newest=min(ages.values(), default=None),
            fresh=len(ages) - len(stale),
            stale=stale,
            answered=None if answered is None else max(0.0, wall - answered),
        )


def last_frame_age(feed: Feed, uptime: float, boot: str) -> float | None:
    """Seconds since the last frame of this boot, if there was one: no clock tells how long another
    boot is over."""
    if feed.boot_id != boot or feed.last_frame_uptime is None:
        return None
    return uptime - feed.last_frame_uptime
