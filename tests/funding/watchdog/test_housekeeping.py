"""Housekeeping of a real store."""

import threading

import pytest

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from tests.support.clock import rows
from tests.support.compared_service import ComparedService, json_reply
from tests.support.http_script import hangs, scripted

OLD = Comparison(
    0.0, "x", "binance", "X", Field.MARK_PRICE, 1, 1, 0, 0, Outcome.MATCH, 0, None
)  # fmt: skip


def test_funding_intervals_are_learned(compared: ComparedService) -> None:
    listed = [{"symbol": "BTCUSDT", "fundingIntervalHours": 4, "updateTime": None}]
    with (
        scripted(json_reply(listed)) as server,
        compared.parts(server.url) as (_, housekeeping),
    ):
        housekeeping.learn_intervals()
    select = "SELECT funding_interval_hours FROM quote ORDER BY symbol"
    assert rows(compared.path, select) == [(4,), (8,)]


def test_old_comparisons_are_deleted(compared: ComparedService) -> None:
    store = DurableConnection(compared.path)
    Comparisons(store).add(
        [OLD._replace(compared_at=compared.hand.wall - age) for age in (10_001, 1)]
    )
    store.close()
    with scripted(hangs) as server, compared.parts(server.url) as (_, housekeeping):
        housekeeping.prune(10_000.0, threading.Event())
    assert len(compared.comparisons()) == 1


def test_damage_is_logged(compared: ComparedService, caplog: pytest.LogCaptureFixture) -> None:
    with compared.parts("http://127.0.0.1:1") as (_, housekeeping):
        housekeeping.check_database()
    assert "damaged" not in caplog.text
    page = compared.path.read_bytes().index(b"ETHUSDT") // 4_096
    with compared.path.open("r+b") as file:
        file.seek(page * 4_096)
        file.write(b"\xff" * 8)
    with compared.parts("http://127.0.0.1:1") as (_, housekeeping):
        housekeeping.check_database()
    assert "the database is damaged" in caplog.text
