"""What an exchange lists now and what it listed before → what is stored, and what has changed."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from funding.health.findings import first_names
from funding.model.contract import Contract, ContractStatus
from funding.model.event import Event, EventKind

SOURCE = "history"
SOON_MS = 86_400_000
"""A delivery within a day is an event."""
_SAME_RATE = 1e-12


def carried(
    before: Mapping[str, Contract], after: Iterable[Contract], now: float
) -> list[Contract]:
    """`after` with what was known `before` and is not asked for: an interval that settlements
    have told, and when interval and base rate changed. `now` is Unix seconds."""
    return [_carried(before.get(each.symbol), each, now) for each in after]


def _carried(old: Contract | None, new: Contract, now: float) -> Contract:
    if old is None:
        return new
    if new.funding_interval_hours is None and old.interval_source == "settlements":
        new = new._replace(
            funding_interval_hours=old.funding_interval_hours, interval_source="settlements"
        )
    hours = old.funding_interval_hours, new.funding_interval_hours
    bases = old.base_rate_hourly, new.base_rate_hourly
    return new._replace(
        listed_time=new.listed_time or old.listed_time,
        interval_changed_at=now if _differ(*hours, 0.0) else old.interval_changed_at,
        base_changed_at=now if _differ(*bases, _SAME_RATE) else old.base_changed_at,
    )


def _differ(old: float | None, new: float | None, tolerance: float) -> bool:
    return old is not None and new is not None and abs(old - new) > tolerance


def changes(before: Mapping[str, Contract], after: Iterable[Contract], now: float) -> list[Event]:
    """One event for each kind of change, `now` in Unix seconds; none for the first list of all,
    except that a delivery is near."""
    found: dict[tuple[EventKind, str], list[str]] = {}
    present = {each.symbol: each for each in after}
    for symbol, contract in present.items():
        old = before.get(symbol)
        for kind, words in (
            *_changes(old, contract, first=not before),
            *_delivery(old, contract, now),
            *_announced(old, contract),
        ):
            found.setdefault((kind, words), []).append(symbol)
    gone = [symbol for symbol in before if symbol not in present]
    if gone:
        found[EventKind.DELISTED, "not listed any more"] = gone
    return [
        Event(now, SOURCE, kind, f"{words}: {first_names(names)}", count=len(names))
        for (kind, words), names in found.items()
    ]


def _changes(
    old: Contract | None, new: Contract, *, first: bool
) -> Iterator[tuple[EventKind, str]]:
    if old is None:
        if not first:
            yield EventKind.LISTED, f"listed, {new.status}"
        return
    if old.status != new.status:
        yield EventKind.CONTRACT, f"{old.status} → {new.status}"
    hours = old.funding_interval_hours, new.funding_interval_hours
    if _differ(*hours, 0.0):
        yield EventKind.INTERVAL_CHANGED, f"funding every {hours[0]} h → every {hours[1]} h"


def _delivery(old: Contract | None, new: Contract, now: float) -> Iterator[tuple[EventKind, str]]:
    """Once for each delivery time: when it comes near, or is set when it is near already."""
    due = new.delivery_time
    if new.status != ContractStatus.TRADING or due is None or not _is_near(due, now):
        return
    if old is None or old.delivery_time != due or not _is_near(due, old.checked_at):
        yield EventKind.DELIVERY_SOON, "delivered within a day"


def _announced(old: Contract | None, new: Contract) -> Iterator[tuple[EventKind, str]]:
    """Once for each change of the interval that the exchange announces."""
    hours, start = new.next_interval_hours, new.next_interval_time
    if hours is None or start is None:
        return
    if old is None or (old.next_interval_hours, old.next_interval_time) != (hours, start):
        at = datetime.fromtimestamp(start / 1_000, UTC)
        words = f"funding every {new.funding_interval_hours} h → every {hours} h"
        yield EventKind.INTERVAL_ANNOUNCED, f"{words} from {at:%Y-%m-%d %H:%M} UTC on"


def _is_near(due_ms: int, at: float) -> bool:
    return 0 < due_ms - at * 1_000 <= SOON_MS
