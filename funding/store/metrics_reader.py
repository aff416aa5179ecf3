"""What /metrics tells of the last while: comparisons, restarts, REST."""

from typing import NamedTuple

from funding.store.reader import Reader

DIFFERENCE_BOUNDS_PCT = (0.0, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
_SUMS = ", ".join(
    f"coalesce(sum(abs(difference_pct) <= {bound}), 0)" for bound in DIFFERENCE_BOUNDS_PCT
)
_COMPARED = f"""
SELECT exchange, field, outcome, count(*), count(difference_pct),
    coalesce(sum(abs(difference_pct)), 0.0), {_SUMS}
FROM comparison WHERE compared_at > ? AND source <> 'control' GROUP BY 1, 2, 3
"""
_ENDS = """
SELECT program, kind, count(*) FROM event
WHERE at > ? AND kind IN ('restart', 'kill', 'crash') AND program IS NOT NULL
GROUP BY 1, 2
"""
_REST = """
SELECT exchange,
    sum(calls), sum(weight), coalesce(sum(weight) FILTER (WHERE minute = ?2), 0)
FROM rest_usage WHERE minute >= ?1 GROUP BY exchange
"""
_WAITING = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"


class Compared(NamedTuple):
    """Compared values of one outcome: how many, how many of them with a difference, the sum of
    these in percent, and how many are at most each of DIFFERENCE_BOUNDS_PCT."""

    exchange: str
    field: str
    outcome: str
    values: int
    differences: int
    total_pct: float
    below: tuple[int, ...]


class RestUsed(NamedTuple):
    """Calls and weight on the present UTC day, and the weight in the last whole minute."""

    exchange: str
    calls: int
    weight: int
    last_minute: int


def compared(reader: Reader, since: float) -> list[Compared]:
    """All that was compared after `since` (Unix seconds), planted pairs excepted."""
    rows = reader.rows(_COMPARED, (since,))
    return [Compared._make((*row[:6], row[6:])) for row in rows]


def ends(reader: Reader, since: float) -> list[tuple[str, str, int]]:
    """(program, kind, how often) it crashed or was restarted after `since`."""
    return reader.rows(_ENDS, (since,))


def rest_used(reader: Reader, now: float) -> list[RestUsed]:
    """What REST has cost, per exchange."""
    minute = int(now // 60)
    return [RestUsed(*row) for row in reader.rows(_REST, (minute // 1440 * 1440, minute - 1))]


def waiting_posts(reader: Reader) -> int:
    """Posts in the outbox that no target has accepted yet."""
    return int(reader.rows(_WAITING, ())[0][0])
