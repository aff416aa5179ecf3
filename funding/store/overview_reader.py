"""What the group's last day was like, as readers see it: availability, starts, REST."""

from typing import NamedTuple

from funding.model.bar import MINUTE
from funding.store.reader import Reader

_AVAILABILITY = """
WITH
    span AS (
        SELECT max(done_at - ?1, (SELECT min(at) FROM event)) AS since, done_at AS until
        FROM consumer WHERE name = 'watchdog'
    ),
    part AS (
        SELECT kind, rule,
            min(until, at + coalesce(duration_seconds, until - at)) - max(since, at) AS seconds
        FROM event, span WHERE kind IN ('unhealthy', 'unobserved')
    )
SELECT since, until,
    (SELECT coalesce(sum(seconds), 0) FROM part WHERE kind = 'unobserved' AND seconds > 0),
    (SELECT coalesce(sum(seconds), 0) FROM part
        WHERE kind = 'unhealthy' AND rule = 'data' AND seconds > 0),
    (SELECT coalesce(sum(seconds), 0) FROM part
        WHERE kind = 'unhealthy' AND rule = 'api' AND seconds > 0)
FROM span WHERE until > since
"""
_MINUTES = """
WITH RECURSIVE
    edge(start) AS (
        SELECT max(?2, (SELECT min(start) FROM bar WHERE exchange = ?1 AND period = ?4))
    ),
    minute(start) AS (
        SELECT start FROM edge WHERE start < ?3
        UNION ALL SELECT start + ?4 FROM minute WHERE start + ?4 < ?3
    )
SELECT count(*), coalesce(sum(EXISTS (
    SELECT 1 FROM bar
    WHERE exchange = ?1 AND period = ?4 AND bar.start = minute.start AND quotes > 0
)), 0)
FROM minute
"""
_STARTS = """
SELECT program, max(at) FROM event
WHERE kind = 'start' AND source = program GROUP BY program ORDER BY program
"""
_STOPPED = """
SELECT at, kind, rule, detail FROM event
WHERE program = ?1 AND kind IN ('restart', 'kill', 'crash') ORDER BY id DESC LIMIT 1
"""
_SAVED = """
SELECT day, exchange, calls, weight, calls_saved, weight_saved FROM rest_saved
WHERE day = date(?1, 'unixepoch')
"""


class Observed(NamedTuple):
    """What the watchdog saw between two instants (Unix seconds), in seconds."""

    since: float
    until: float
    unobserved: float
    data_unhealthy: float
    api_unhealthy: float


class Minutes(NamedTuple):
    """How many minutes there were, and in how many of them a quote came by the stream."""

    known: int
    with_quotes: int


class Started(NamedTuple):
    """A program, and when it was started last (Unix seconds)."""

    program: str
    at: float


class Ended(NamedTuple):
    """The last time that a program crashed or was restarted; `rule` and `detail` say why."""

    at: float
    kind: str
    rule: str | None
    detail: str


class Saved(NamedTuple):
    """A row of the view `rest_saved`, which is of one UTC day."""

    day: str
    exchange: str
    calls: int
    weight: int
    calls_saved: int | None
    weight_saved: int | None


def observed(reader: Reader, seconds: float) -> Observed | None:
    """What the watchdog saw in the `seconds` before its last look; None where it never looked."""
    rows = reader.rows(_AVAILABILITY, (seconds,))
    return Observed(*rows[0]) if rows else None


def minutes(reader: Reader, since: float, until: float) -> Minutes:
    """Of the reader's exchange, between two Unix times, from its first bar on."""
    first = -int(-since // MINUTE) * MINUTE
    return Minutes(*reader.rows(_MINUTES, (reader.exchange, first, until, MINUTE))[0])


def starts(reader: Reader) -> list[tuple[Started, Ended | None]]:
    """Each program that supervisord has started, and how it last ended other than by order."""
    found = [Started(*row) for row in reader.rows(_STARTS, ())]
    ends = [reader.rows(_STOPPED, (each.program,)) for each in found]
    return [
        (each, Ended(*rows[0]) if rows else None) for each, rows in zip(found, ends, strict=True)
    ]


def saved(reader: Reader, now: float) -> list[Saved]:
    """What REST has cost and would have cost on the UTC day of `now`, per exchange."""
    return [Saved(*row) for row in reader.rows(_SAVED, (now,))]
