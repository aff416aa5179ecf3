"""What is known of one exchange beside the first, as facts."""

from collections.abc import Callable

from funding import errors
from funding.exchanges.exchange import Exchange
from funding.health import verdict
from funding.health.facts import LastComparison, OtherFeed, ingest_program
from funding.model.feed import Feed
from funding.runtime.clock import Clock
from funding.settings.service import Settings
from funding.store.reader import Reader
from funding.store.stated_waits import StatedWaits


class FeedReader:
    """Reads the feed of the exchange of `reader`, whose ingest is `program`. For one thread.

    `last_comparison` is what REST has said of it; `stated_wait` tells for how long it has asked to
    be left alone.
    """

    def __init__(
        self,
        reader: Reader,
        limits: verdict.Limits,
        clock: Clock,
        *,
        program: str = "",
        last_comparison: Callable[[], LastComparison | None] = lambda: None,
        stated_wait: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._reader = reader
        self._limits = limits
        self._clock = clock
        self._program = program
        self._last_comparison = last_comparison
        self._stated_wait = stated_wait

    def read(self) -> OtherFeed:
        """The facts of this moment. A store that cannot be read is the first exchange's finding:
        here there is no feed then."""
        reader = self._reader
        nothing = OtherFeed(
            reader.exchange,
            self._limits.min_symbols,
            last_comparison=self._last_comparison(),
            program=self._program,
        )
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
            stated_wait=0.0 if feed.connected else self._stated_wait(),
        )


def feed_reader(
    settings: Settings,
    exchange: Exchange,
    last_comparison: Callable[[], LastComparison | None],
    clock: Clock,
) -> FeedReader:
    """The reader of `exchange`, as `settings` have it."""
    waits, address = StatedWaits(settings.db, clock), settings.options(exchange.name).ws_url
    return FeedReader(
        Reader(settings.db, exchange.name, clock),
        verdict.Limits(settings.stale_after, settings.min_symbols_of(exchange)),
        clock,
        program="" if exchange.carried_by else ingest_program(exchange.name),
        last_comparison=last_comparison,
        stated_wait=lambda: waits.left(address),
    )


def last_frame_age(feed: Feed, uptime: float, boot: str) -> float | None:
    """Seconds since the last frame of this boot, if there was one: no clock tells how long another
    boot is over."""
    if feed.boot_id != boot or feed.last_frame_uptime is None:
        return None
    return uptime - feed.last_frame_uptime
