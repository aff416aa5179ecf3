"""A time in which no process of the group calls the exchange's REST interface."""

from enum import StrEnum
from typing import NamedTuple

LONGEST_BAN_SECONDS = 3 * 86_400.0
"""No exchange bans for longer; a stored ban that ends later was set when the clock was wrong."""


class BanKind(StrEnum):
    """Why no process calls; the database holds these words."""

    BANNED = "banned"  # the exchange refused to answer
    OVER_BUDGET = "over-budget"  # it did not refuse yet, but its own limit is near


class Ban(NamedTuple):
    """Of one address, until Unix seconds.

    `pauses` counts the bans in a row of which the exchange did not state the end: each pause is
    longer than the one before.
    """

    until: float
    kind: BanKind
    pauses: int
    reason: str
