"""Comparisons that are not judged with the others, because no period or exchange claims them."""

import sqlite3
from dataclasses import dataclass

from validation.read.tables import count_without_time


@dataclass(frozen=True, slots=True)
class ForeignRows:
    """How many there are, by kind."""

    without_time: int  # `compared_at` is not a number, or before 1970
    misnamed: int  # the exchange is empty, or the one that is judged, spelt differently
    others: int  # of other exchanges


def foreign_rows_of(
    connection: sqlite3.Connection, exchange: str, since: float, until: float
) -> ForeignRows:
    """The foreign rows of the period; those without a time belong to every period."""
    others = misnamed = 0
    rows = connection.execute(
        "SELECT exchange, count(*) FROM comparison WHERE compared_at BETWEEN ? AND ?"
        " AND exchange IS NOT ? GROUP BY exchange",
        (since, until, exchange),
    )
    for name, many in rows:
        if not isinstance(name, str) or name.strip().casefold() in ("", exchange.casefold()):
            misnamed += many
        else:
            others += many
    return ForeignRows(
        count_without_time(connection, "comparison", "compared_at"), misnamed, others
    )
