"""The verdicts of stored reports."""

from contextlib import closing
from pathlib import Path

import apsw

from funding.model.verdict import Verdict
from funding.store.durable import DurableConnection
from funding.store.verdicts import KEEP_SECONDS, last_verdicts, prune_verdicts
from tests.support.clock import rows

REPORT = """{"criteria": [{"name": "span", "passed": false}, {"name": "crashes", "passed": true},
    {"name": "agreement", "passed": false}]}"""


def add(path: Path, *reports: tuple[str, float, str]) -> None:
    """Store reports: exchange, time, verdict."""
    with closing(apsw.Connection(str(path))) as other:
        other.executemany(
            "INSERT INTO validation (exchange, at, verdict, since, until, report)"
            " VALUES (?1, ?2, ?3, 0, ?2, ?4)",
            [(*report, REPORT) for report in reports],
        )


def test_the_last_verdict_of_each_exchange(path: Path, store: DurableConnection) -> None:
    assert last_verdicts(store.rows) == []
    add(path, ("binance", 1.0, "GO"), ("kucoin", 2.0, "NO-GO"), ("binance", 3.0, "GO"))
    add(path, ("binance", 4.0, "NO-GO"), ("hyperliquid", 5.0, "GO"))
    assert last_verdicts(store.rows) == [
        Verdict("binance", 4.0, "NO-GO", 3.0, "span, agreement"),
        Verdict("hyperliquid", 5.0, "GO", 5.0),
        Verdict("kucoin", 2.0, "NO-GO", None, "span, agreement"),
    ]


def test_reports_are_kept_for_a_time(path: Path, store: DurableConnection) -> None:
    add(path, ("binance", 1.0, "GO"), ("binance", 9.0, "GO"))
    prune_verdicts(store, 5.0 + KEEP_SECONDS)
    assert rows(path, "SELECT at FROM validation") == [(9.0,)]
