"""Which gaps between settled rates the exchange is asked about, and what is said of those that
stay. No clock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from funding.health.findings import first_names
from funding.history.backfill_rules import DAY_MS, HOUR_MS, Piece
from funding.history.contract_rules import SOURCE
from funding.model.event import Event, EventKind
from funding.model.settlement import StoredGap
from funding.statistics.intervals import Gap

AGAIN_SECONDS = 3_500.0
"""A gap of the last day is asked for at each hourly search: a rate may be published late."""


def to_ask(gaps: Iterable[Gap], known: Iterable[StoredGap], now: float) -> list[Gap]:
    """Those of `gaps` that the exchange is asked about at `now` (Unix seconds): once, and again
    for a day."""
    asked = {each.after_time: each.asked_at for each in known}
    return [
        gap
        for gap in gaps
        if gap.after_time not in asked
        or (now - asked[gap.after_time] >= AGAIN_SECONDS and gap.before_time > now * 1_000 - DAY_MS)
    ]


def question(symbol: str, gaps: Sequence[Gap]) -> Piece:
    """One question about all of `gaps`, of which there is at least one."""
    since = min(gap.after_time for gap in gaps) + 1
    return Piece(symbol, since, max(gap.before_time for gap in gaps) - 1)


def filled(gaps: Iterable[Gap], known: Iterable[StoredGap], since_ms: int) -> list[StoredGap]:
    """Those of the `known` gaps since then that are none any more."""
    left = {gap.after_time for gap in gaps}
    return [gap for gap in known if gap.after_time >= since_ms and gap.after_time not in left]


def stored(gaps: Iterable[Gap], now: float) -> list[StoredGap]:
    """As they are kept, asked about at `now`."""
    return [StoredGap(gap.after_time, gap.before_time, gap.missing, now) for gap in gaps]


def missed(gaps: Mapping[str, Iterable[Gap]], now: float) -> list[Event]:
    """One event for all symbols that miss as many settlements after the same one."""
    found: dict[tuple[int, int], list[str]] = {}
    for symbol, each in gaps.items():
        for gap in each:
            hour = (gap.after_time + HOUR_MS // 2) // HOUR_MS
            found.setdefault((hour, gap.missing), []).append(symbol)
    return [
        Event(
            now,
            SOURCE,
            EventKind.MISSED_SETTLEMENT,
            f"{missing} settlement{'s' * (missing > 1)} after {_iso(hour)} missed:"
            f" {first_names(names)}",
            count=len(names),
        )
        for (hour, missing), names in found.items()
    ]


def _iso(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3_600, UTC).strftime("%Y-%m-%dT%H:%MZ")
