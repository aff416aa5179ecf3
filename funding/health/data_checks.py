"""Checks of the data: the connection, the symbols, the last frame, and what REST says."""

from collections.abc import Iterator
from datetime import UTC, datetime

from funding.comparison.difference import SAME_RATE, Field, Outcome, outcome
from funding.comparison.pair import ALIGNED_MS, Comparison
from funding.health.facts import Facts, LastComparison
from funding.health.findings import Check, Finding, Level, error, first_names, info, warning
from funding.health.verdict import feed_problem, standby_text

FRAME_SECONDS = 60.0
CONTRACTS_SECONDS = 7_200.0
"""The exchange is asked every quarter of an hour: eight times in a row nobody did, or could."""
BEHIND_SECONDS = 9.0
"""Nine ticks without a newer quote while other symbols have them: the symbol is behind."""
LEVELS = {
    Outcome.MATCH: Level.INFO,
    Outcome.MISMATCH: Level.WARNING,
    Outcome.SIGNIFICANT: Level.ERROR,
}


def check_connection(facts: Facts) -> Iterator[Finding]:
    """The feed row says connected, and a living ingest wrote it. Without the store nothing else is
    known about the data."""
    if facts.store_problem:
        yield error(Check.STORE, facts.store_problem)
        return
    feed, newest = facts.feed, min(facts.quote_ages.values(), default=None)
    problem = feed_problem(feed, newest, facts.heartbeat_age, facts.locked_by)
    if problem:
        yield error(Check.FEED, problem)
    elif feed is not None:
        text = f"connected to {feed.address}, {feed.frames} frames since ingest started"
        yield info(Check.FEED, text)
    standby = standby_text(feed, len(facts.filled_in))
    if standby:
        yield error(Check.STANDBY, standby)
    if facts.unhealthy_since is not None and not facts.data.serves:
        begin = datetime.fromtimestamp(facts.unhealthy_since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield error(Check.FEED, f"the data is unhealthy since {begin}")


def check_symbols(facts: Facts) -> Iterator[Finding]:
    """There are enough fresh symbols; names those that are stale, and those behind the others."""
    if facts.store_problem:
        return
    limits, ages = facts.limits, facts.quote_ages
    stale = sorted(symbol for symbol, age in ages.items() if age > limits.stale_after)
    fresh = len(ages) - len(stale)
    if fresh < limits.min_symbols:
        text = f"{fresh} fresh symbols, at least {limits.min_symbols} expected"
        yield error(Check.SYMBOLS, text)
    else:
        yield info(Check.SYMBOLS, f"{fresh} fresh symbols")
    if stale:
        text = f"{len(stale)} stale symbols (over {limits.stale_after:g} s)"
        yield warning(Check.STALE, f"{text}: {first_names(stale)}")
    behind = symbols_behind(facts)
    if behind:
        text = f"{len(behind)} symbols behind the others (over {BEHIND_SECONDS:g} s)"
        yield warning(Check.BEHIND, f"{text}: {first_names(behind)}")


def symbols_behind(facts: Facts) -> list[str]:
    """Symbols that are not stale yet, but old while other symbols are fresh.

    What REST has filled in comes less often than the stream, and does not count.
    """
    ages = {name: age for name, age in facts.quote_ages.items() if name not in facts.filled_in}
    if not ages or min(ages.values()) > BEHIND_SECONDS / 2:
        return []
    limit = facts.limits.stale_after
    return sorted(symbol for symbol, age in ages.items() if BEHIND_SECONDS < age <= limit)


def check_rates(facts: Facts) -> Iterator[Finding]:
    """A symbol with a next funding time has a rate; a price is never NULL, by the schema."""
    if facts.without_rate:
        names = sorted(facts.without_rate)
        text = f"{len(names)} symbols without a funding rate: {first_names(names)}"
        yield warning(Check.NULLS, text)


def check_contracts(facts: Facts) -> Iterator[Finding]:
    """The list of contracts, which says which symbols should be fresh, is renewed."""
    age = facts.contracts_age
    if age is not None and age > CONTRACTS_SECONDS:
        text = (
            f"the list of contracts is {age / 3600:.0f} h old: new and settled ones are not known"
        )
        yield warning(Check.CONTRACTS, text)


def check_last_frame(facts: Facts) -> Iterator[Finding]:
    """The last frame is younger than a minute."""
    age = facts.last_frame_age
    if facts.store_problem:
        return
    if age is None:
        yield error(Check.FRAME, "no frame has come since ingest started")
    elif age > FRAME_SECONDS:
        yield error(Check.FRAME, f"the last frame is {age:.0f} s old")
    else:
        yield info(Check.FRAME, f"the last frame is {age:.1f} s old")


def check_rest(facts: Facts) -> Iterator[Finding]:
    """The control symbol agrees with REST."""
    yield from compared(facts.last_comparison)


def compared(last: LastComparison | None) -> Iterator[Finding]:
    """What the last comparison of one exchange has found."""
    if last is None:
        return
    if last.problem:
        yield warning(Check.REST, f"no comparison with REST: {last.problem}")
    for row in last.rows:
        yield _compared(row)


def _compared(row: Comparison) -> Finding:
    lag = "" if row.skew_ms is None else f", {abs(row.skew_ms)} ms apart"
    lag += ", explained by lag" if row.explained else ""
    text = f"{row.symbol} {row.field}: stream {row.ws_value}, REST {row.rest_value}{lag}"
    if row.ws_value is None or row.rest_value is None:
        level = Level.INFO if row.ws_value == row.rest_value else Level.WARNING
    elif row.field == Field.FUNDING_RATE:
        # Rounded, since 0.0001001 - 0.0001 is a little less than 1e-7 in binary.
        differs = round(abs(row.ws_value - row.rest_value), 12) >= SAME_RATE
        level = Level.WARNING if differs else Level.INFO
    else:
        level = LEVELS[outcome(row.field, row.ws_value, row.rest_value)]
    if level is Level.ERROR and (row.skew_ms or 0) > ALIGNED_MS:
        level = Level.WARNING  # an old reply is REST's illness, not the service's
    return Finding(level, Check.REST, text)
