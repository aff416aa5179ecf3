"""Evidence: whether what was recorded can be believed. Rows, outcomes, controls and clocks."""

from validation.criteria.criterion import Criterion, forbid, named, percent
from validation.read.facts import Facts

DUPLICATE_SHARE = 0.1
CONTROLS_PER_HOUR, CONTROLS_BESIDE = 3, 6
"""A price, an index price and a rate each hour and at each start of the watchdog; two starts may
be missing from the trail."""
CLOCKS_APART_SHARE = 0.01


def _readable(facts: Facts) -> Criterion:
    tally, foreign = facts.tally, facts.foreign_rows
    figure = (
        f"{tally.unreadable:,} unreadable, {foreign.without_time:,} without a time,"
        f" {foreign.misnamed:,} with a misspelt exchange, {tally.duplicates:,} twice,"
        f" of {tally.rows:,}"
    )
    passed = (
        not (tally.unreadable or foreign.without_time or foreign.misnamed)
        and tally.duplicates <= DUPLICATE_SHARE * tally.rows
    )
    return Criterion("rows", figure, "none; at most 10 % twice", passed and tally.rows > 0)


def _honest(facts: Facts) -> Criterion:
    found = facts.tally.wrong_outcomes + facts.tally.planted.edited
    return forbid("stored outcomes that are wrong", found)


def most_controls(facts: Facts) -> int:
    """How many rows of controls can have been planted."""
    # Both the watchdog and supervisord tell of one start.
    times = facts.period.hours + max(facts.audit.starts.values(), default=0)
    return CONTROLS_PER_HOUR * times + CONTROLS_BESIDE


def _controls(facts: Facts) -> Criterion:
    """None after the first hour: nobody has tested the comparison itself. More than are planted, or
    of several symbols: real rows were called controls."""
    found, most = facts.tally.planted, most_controls(facts)
    figure = f"{found.missed:,} missed of {found.planted:,} planted"
    passed = not found.missed and found.planted <= most
    passed = passed and (found.planted > 0 or facts.period.span < 3_600)
    if len(found.symbols) > 1:
        figure += f", of {named(found.symbols, 3)}"
        passed = False
    return Criterion(
        "controls", figure, f"some, none missed; at most {most}, of one symbol", passed
    )


def _clocks(facts: Facts) -> Criterion:
    tally, period = facts.tally, facts.period
    share = tally.clocks_apart / max(1, tally.pairs - tally.without_rest_time)
    figure = (
        f"{percent(share)} over 30 s from REST's, {period.future:,} in the future,"
        f" {period.backwards:,} min out of order"
    )
    passed = share <= CLOCKS_APART_SHARE and not period.future and not period.backwards
    return Criterion("clocks", figure, "1 %, none, none", passed)


CRITERIA = (_readable, _honest, _controls, _clocks)
