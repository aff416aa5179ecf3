"""Which minutes are to be written as bars now, and which of them are missing. Does no I/O."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

from funding.ingest.track import MINUTE_MS, NO_MINUTE, Track
from funding.model.bar import MINUTE, Bar

LATE_MS = 5_000
"""A minute is written so long after its end: rows of one second reach us within two."""
LONGEST_SECONDS = 70.0
"""Without newer quotes, what is there is written after so long."""
MAX_WAITING = 20_000
"""Bars that wait for a locked store: a quarter of an hour of all symbols. The oldest are lost."""
_NAMED = 10
_FLOWS = 0.5  # of the symbols of the minute before: with fewer, the feed did not flow


class Bars:
    """Bars of the minutes that are over: `collect` with each step, write `waiting`, then `written`.

    `now` is uptime in seconds. `last_start` is that of the newest bar in the store, and
    `last_event_time` (ms) that of the newest quote: what lies between was lost with the process
    before. `notes` are what the audit trail should say.
    """

    def __init__(
        self, now: float, last_start: int | None = None, last_event_time: int | None = None
    ) -> None:
        self.waiting: list[Bar] = []
        self.notes: list[str] = []
        self._collected_at = now
        self._minute = NO_MINUTE  # the newest that is over
        self._lost: Sequence[int] = ()
        if last_start is not None and last_event_time is not None:
            self._lost = range(last_start // MINUTE + 1, last_event_time // MINUTE_MS + 1)

    def due(self, event_time: int, now: float) -> bool:
        """Whether a minute is over; `event_time` is the newest of the feed in ms."""
        over = (event_time - LATE_MS) // MINUTE_MS - 1
        if self._minute == NO_MINUTE:
            self._minute = over
        return over > self._minute or now - self._collected_at >= LONGEST_SECONDS

    def collect(
        self,
        exchange: str,
        finished: list[Bar],
        tracks: Collection[Track],
        event_time: int,
        now: float,
    ) -> None:
        """Take what is over out of `finished` and `tracks`; all of it where no newer quote comes.

        A bar that goes on afterwards is written a second time, and the store puts the two together.
        """
        over = (event_time - LATE_MS) // MINUTE_MS - 1
        silent = over <= self._minute
        self._collected_at, self._minute = now, max(over, self._minute)
        bars = list(finished)
        finished.clear()
        bars += (
            track.end_bar(exchange)
            for track in tracks
            if track.minute != NO_MINUTE and (silent or track.minute <= over)
        )
        self.waiting += bars
        if len(self.waiting) > MAX_WAITING:
            del self.waiting[:-MAX_WAITING]
        self._note_lost(bars)
        if not silent:
            self._note_missing(tracks)

    def written(self) -> None:
        """They are stored."""
        self.waiting = []
        self.notes = []

    def _note_lost(self, bars: Sequence[Bar]) -> None:
        if not bars or not self._lost:
            return
        first = min(bar.start for bar in bars) // MINUTE
        lost = [minute for minute in self._lost if minute <= first]
        self._lost = ()
        if lost:
            goes_on = ", the last one in part" if lost[-1] == first else ""
            self.notes.append(
                f"{len(lost)} minute{'s' * (len(lost) > 1)} from {_iso(lost[0])} on{goes_on}:"
                " ingest ended before they were written"
            )

    def _note_missing(self, tracks: Iterable[Track]) -> None:
        """Symbols whose last bar is of the minute before the one that is over, while the feed
        flowed."""
        traded = [track for track in tracks if track.trades]
        has = sum(track.last_minute >= self._minute for track in traded)
        missing = sorted(track.symbol for track in traded if track.last_minute == self._minute - 1)
        if missing and has >= _FLOWS * (has + len(missing)):
            names = ", ".join(missing[:_NAMED])
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            self.notes.append(f"{_iso(self._minute)}: {names}{more}")


def _iso(minute: int) -> str:
    return datetime.fromtimestamp(minute * MINUTE, UTC).strftime("%Y-%m-%dT%H:%MZ")
