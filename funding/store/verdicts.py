"""The table `validation`: the verdicts of stored reports."""

from collections.abc import Callable
from typing import Any

from funding.model.verdict import Verdict
from funding.store.durable import DurableConnection

Rows = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]
"""What a statement reads: `rows` of a Reader or of a DurableConnection."""
KEEP_SECONDS = 90 * 86_400.0
_LAST = """
SELECT exchange, min(at, until), verdict,
    (SELECT max(min(at, until)) FROM validation AS go
        WHERE go.exchange = last.exchange AND go.verdict = 'GO'),
    coalesce(CASE verdict WHEN 'NO-GO' THEN
        (SELECT group_concat(value ->> 'name', ', ') FROM json_each(report, '$.criteria')
            WHERE NOT value ->> 'passed') END, '')
FROM validation AS last
WHERE id IN (SELECT max(id) FROM validation GROUP BY exchange)
ORDER BY exchange
"""


def last_verdicts(rows: Rows) -> list[Verdict]:
    """The last verdict on each exchange that has one. Raises `StoreError`s."""
    return [Verdict(*row) for row in rows(_LAST, ())]


def prune_verdicts(store: DurableConnection, now: float) -> None:
    """Delete reports that are too old to matter, at `now` (Unix seconds)."""
    with store.transaction() as connection:
        connection.execute("DELETE FROM validation WHERE at < ?", (now - KEEP_SECONDS,))
