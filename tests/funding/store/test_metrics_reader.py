"""What the last while was like, as /metrics reads it."""

from contextlib import closing
from pathlib import Path

import pytest

from funding.store import metrics_reader
from funding.store.metrics_reader import DIFFERENCE_BOUNDS_PCT, RestUsed
from funding.store.reader import Reader
from tests.support.store import plainly

NOW = 90_000.0


def execute(path: Path, statement: str) -> None:
    with closing(plainly(path)) as connection:
        connection.execute(statement)


def test_comparisons_by_outcome_and_difference(path: Path, reader: Reader) -> None:
    rows = [
        (NOW - 99, "watchdog", 9.0, "mismatch"),
        (NOW - 1, "control", 9.0, "significant"),
        (NOW - 1, "watchdog", 0.0, "match"),
        (NOW - 1, "watchdog", -0.02, "match"),
        (NOW - 1, "watchdog", 7.0, "match"),
        (NOW - 1, "watchdog", "NULL", "match"),
    ]
    for at, source, difference, outcome in rows:
        execute(
            path,
            "INSERT INTO comparison (compared_at, source, exchange, symbol, field, difference_pct,"
            f" outcome) VALUES ({at}, '{source}', 'binance', 'S', 'mark_price', {difference},"
            f" '{outcome}')",
        )
    (found,) = metrics_reader.compared(reader, NOW - 50)
    assert found[:5] == ("binance", "mark_price", "match", 4, 3)
    assert found.total_pct == pytest.approx(7.02)
    assert dict(zip(DIFFERENCE_BOUNDS_PCT, found.below, strict=True)) == {
        0.0: 1,
        0.001: 1,
        0.01: 1,
        0.05: 2,
        0.1: 2,
        0.5: 2,
        1.0: 2,
        5.0: 2,
    }


def test_ends_of_programs(path: Path, reader: Reader) -> None:
    for at, kind, program in (
        (1, "crash", "'x'"),
        (NOW, "crash", "'x'"),
        (NOW, "restart", "'x'"),
        (NOW, "restart", "'x'"),
        (NOW, "start", "'x'"),
        (NOW, "kill", "NULL"),
    ):
        execute(
            path,
            "INSERT INTO event (at, source, kind, detail, program)"
            f" VALUES ({at}, 's', '{kind}', '', {program})",
        )
    found = metrics_reader.ends(reader, NOW - 10)
    assert sorted(found) == [("x", "crash", 1), ("x", "restart", 2)]


def test_rest_of_today_and_of_the_last_whole_minute(path: Path, reader: Reader) -> None:
    minute = int(NOW // 60)
    for at, weight, exchange in (
        (minute, 5, "binance"),
        (minute - 1, 7, "binance"),
        (1440, 1, "binance"),
        (1439, 100, "binance"),
        (minute, 2, "kucoin"),
    ):
        execute(
            path,
            f"INSERT INTO rest_usage VALUES ({at}, '{exchange}', 'r', 1, {weight}, '{exchange}')",
        )
    found = metrics_reader.rest_used(reader, NOW)
    assert found == [RestUsed("binance", 3, 13, 7), RestUsed("kucoin", 1, 2, 0)]


def test_posts_that_wait(path: Path, reader: Reader) -> None:
    assert metrics_reader.waiting_posts(reader) == 0
    for key, sent in (("a", "NULL"), ("b", "1")):
        execute(
            path,
            "INSERT INTO outbox (consumer, target, path, idempotency_key, body, created_at, due_at,"
            f" sent_at) VALUES ('c', 't', '/', '{key}', '{{}}', 1, 1, {sent})",
        )
    assert metrics_reader.waiting_posts(reader) == 1
