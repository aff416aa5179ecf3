"""Checks of the exchanges beside the first: each feed is judged by its own rules. Pure."""

import json
from collections.abc import Iterator

from funding.health.data_checks import compared
from funding.health.facts import Facts, OtherFeed
from funding.health.findings import (
    Check,
    Finding,
    error,
    first_names,
    info,
    warning,
)
from funding.health.verdict import feed_problem
from funding.model.feed import Feed

BEGINNING_SECONDS = 30.0


def check_other_feeds(facts: Facts) -> Iterator[Finding]:
    """Each feed is connected, and brings enough symbols."""
    if not facts.store_problem:
        for other in facts.others:
            yield from _check(other, facts.locked_by)


def problem_of(other: OtherFeed, locked_by: str) -> tuple[Check, str]:
    """What is wrong with a feed, and the check that finds it; "" for nothing."""
    problem = feed_problem(other.feed, other.newest, other.heartbeat_age, locked_by)
    if not problem and other.fresh < other.min_symbols:
        text = f"{other.fresh} fresh symbols, at least {other.min_symbols} expected"
        return Check.SYMBOLS, text
    return Check.FEED, problem


def lasting_problem(other: OtherFeed, locked_by: str) -> str:
    """The same, except that an ingest that begins may have few symbols yet."""
    check, problem = problem_of(other, locked_by)
    return "" if check is Check.SYMBOLS and _begins(other) else problem


def _check(other: OtherFeed, locked_by: str) -> Iterator[Finding]:
    name = other.exchange
    check, problem = problem_of(other, locked_by)
    if problem:
        # Where each symbol has a topic, they come one after the other.
        few = check is Check.SYMBOLS and _begins(other)
        yield (warning if few else error)(check, f"{name}: {problem}", name)
    else:
        yield info(Check.FEED, f"{name}: {other.fresh} fresh symbols", name)
    if other.stale:
        text = f"{len(other.stale)} stale symbols: {first_names(other.stale)}"
        yield warning(Check.STALE, f"{name}: {text}", name)
    missing = json.loads(other.feed.not_followed) if other.feed is not None else {}
    reasons: dict[str, list[str]] = {}
    for market, why in missing.items():
        reasons.setdefault(why, []).append(market)
    for why, markets in reasons.items():
        verb = "is" if len(markets) == 1 else "are"
        text = f"{name}: {first_names(markets)} {verb} not followed: {why}"
        yield warning(Check.FEED, text, name)
    for found in compared(other.last_comparison):
        yield found._replace(text=f"{name}: {found.text}", about=name)


def _begins(other: OtherFeed) -> bool:
    return other.feed is not None and _running_seconds(other.feed) < BEGINNING_SECONDS


def _running_seconds(feed: Feed) -> float:
    """How long its ingest had been running when it last wrote."""
    return feed.heartbeat_uptime - feed.started_uptime
