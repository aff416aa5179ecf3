"""REST calls as data: how many there were, and how many the stream saved."""

from collections.abc import Iterable
from typing import Any

from validation.read.facts import Facts

POLLED_SYMBOLS, POLL_SECONDS = 340, 10
"""The usual loop of the open-interest poller: about 340 symbols every ten seconds or so."""
POLLED_ROUTE = "openInterest"
ONE_SYMBOL_WEIGHT = 1
"""Of premiumIndex for one symbol."""
FUNDING_POLL_SECONDS = 300


def rest_saved(facts: Facts) -> dict[str, Any]:
    """What one premiumIndex call per symbol, of weight 1, would have cost, less what the calls for
    prices cost. A poll is a loop of the open-interest poller: what it asked there is counted, one
    call per symbol; where it did not run, its usual loop is assumed."""
    span, known, used = facts.period.span, len(facts.roster.known), facts.usage
    prices = [spent for (_, route), spent in used.items() if "premium" in route.lower()]
    (all_calls, all_weight), (calls, weight) = _total(used.values()), _total(prices)
    polls = sum(many for (_, route), (many, _) in used.items() if route == POLLED_ROUTE)
    assumed = round(min(known, POLLED_SYMBOLS) * span / POLL_SECONDS)

    def instead(asked: int) -> dict[str, Any]:
        saved = {"saved": asked - calls, "saved_weight": asked * ONE_SYMBOL_WEIGHT - weight}
        return {"calls": asked, "weight": asked * ONE_SYMBOL_WEIGHT, **saved}

    return {
        "calls": all_calls,
        "weight": all_weight,
        "used": [
            {"caller": caller, "route": route, "calls": calls, "weight": weight}
            for (caller, route), (calls, weight) in sorted(used.items())
        ],
        "price_calls": calls,
        "price_weight": weight,
        "instead_of_five_minutes": instead(round(known * span / FUNDING_POLL_SECONDS)),
        "instead_of_polls": instead(polls or assumed) | {"counted": polls > 0},
    }


def _total(spent: Iterable[tuple[int, int]]) -> tuple[int, int]:
    calls, weights = zip((0, 0), *spent, strict=True)
    return sum(calls), sum(weights)
