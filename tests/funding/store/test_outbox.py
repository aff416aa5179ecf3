"""Alerts and their posts: none without the other, none twice, none lost."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from funding.errors import StoreError
from funding.model.alert import Alert, Post
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from harness.processes import WAIT_SECONDS, environment
from tests.conftest import ROOT
from tests.support.clock import rows
from tests.support.store import alert

NOW = 1_764_725_610.0


def test_an_alert_and_its_posts_are_one_transaction(path: Path, store: DurableConnection) -> None:
    outbox = OutboxStore(store)
    fresh = outbox.complete("volume_alert", 300, NOW, [alert()], ["backend", "telegram"])
    assert fresh == [alert()]
    assert rows(path, "SELECT key, at, body FROM alert") == [("k", NOW, '{"a":1}')]
    posts = rows(path, "SELECT target, path, body, attempts, sent_at FROM outbox ORDER BY id")
    assert posts == [
        ("backend", "/path", '{"a":1}', 0, None),
        ("telegram", "", '{"text":"message"}', 0, None),
    ]
    assert outbox.done("volume_alert") == 300
    assert outbox.done("oi_poller") is None
    assert outbox.made("volume_alert", NOW) == [("BTCUSDT", "SPIKE", NOW, '{"a":1}')]
    assert outbox.made("volume_alert", NOW + 1) == outbox.made("oi_poller", 0) == []


def test_posts_without_an_alert_are_stored_with_the_scan(
    path: Path, store: DurableConnection
) -> None:
    outbox = OutboxStore(store)
    other = Post("backend", "/other", "key", '{"b":2}')
    assert outbox.complete("oi_poller", None, NOW, [], ["telegram"], [other]) == []
    assert outbox.complete("oi_poller", 600, NOW + 1, [], ["telegram"], [other]) == []
    select = "SELECT consumer, target, path, idempotency_key, body, created_at, due_at FROM outbox"
    assert rows(path, select) == [("oi_poller", *other, NOW, NOW)]
    assert outbox.done("oi_poller") == 600
    outbox.complete("oi_poller", None, NOW + 2, [], [])
    assert outbox.done("oi_poller") == 600, "a scan that is not complete is not noted"


def test_an_alert_that_cannot_be_stored_stores_nothing(
    path: Path, store: DurableConnection
) -> None:
    outbox = OutboxStore(store)
    broken = alert("b", symbol=None)
    with pytest.raises(StoreError):
        outbox.complete("volume_alert", 300, NOW, [alert(), broken], ["backend"])
    assert rows(path, "SELECT (SELECT count(*) FROM alert), (SELECT count(*) FROM outbox)") == [
        (0, 0)
    ]
    assert outbox.done("volume_alert") is None


def test_an_alert_is_made_once(path: Path, store: DurableConnection) -> None:
    outbox = OutboxStore(store)
    outbox.complete("volume_alert", 300, NOW, [alert()], ["backend"])
    again = alert(body={"a": 2}, message="other")
    assert outbox.complete("volume_alert", 600, NOW, [again, alert("l")], ["backend"]) == [
        alert("l")
    ]
    assert rows(path, "SELECT key, body FROM alert ORDER BY key") == [
        ("k", '{"a":1}'), ("l", '{"a":1}'),
    ]  # fmt: skip
    assert rows(path, "SELECT count(*) FROM outbox") == [(2,)]


def test_a_post_is_taken_by_one_until_its_lease_is_over(
    path: Path, store: DurableConnection
) -> None:
    outbox = OutboxStore(store)
    outbox.complete("volume_alert", 300, NOW, [alert(), alert("l")], ["backend"])
    another = DurableConnection(path)
    other = OutboxStore(another)
    first = outbox.take("volume_alert", "backend", NOW, NOW + 30)
    second = other.take("volume_alert", "backend", NOW, NOW + 30)
    assert first is not None
    assert second is not None
    assert (first.id, first.attempts, second.id) == (1, 1, 2)
    assert outbox.take("volume_alert", "backend", NOW + 29, NOW + 60) is None
    assert outbox.take("volume_alert", "telegram", NOW + 60, NOW + 90) is None
    assert outbox.take("oi_poller", "backend", NOW + 60, NOW + 90) is None
    again = other.take("volume_alert", "backend", NOW + 30, NOW + 60)
    assert again is not None
    assert (again.id, again.attempts) == (1, 2)
    assert again.idempotency_key == first.idempotency_key
    another.close()


def test_post_that_another_took_a_moment_ago_is_not_taken(
    store: DurableConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was there when this one looked, without a lock."""
    monkeypatch.setattr(store, "rows", lambda *_: [(1,)])
    assert OutboxStore(store).take("volume_alert", "backend", NOW, NOW + 30) is None


def test_only_failed_posts_are_taken_again(path: Path, store: DurableConnection) -> None:
    outbox = OutboxStore(store)
    outbox.complete("volume_alert", 300, NOW, [alert(), alert("l")], ["backend"])
    for expected in (1, 2):
        found = outbox.take("volume_alert", "backend", NOW, NOW + 30)
        assert found is not None
        assert found.id == expected
    outbox.sent(1, NOW + 1)
    outbox.failed(2, "status 500", NOW + 5)
    assert outbox.waiting("volume_alert", "backend") == (1, NOW + 5)
    assert outbox.take("volume_alert", "backend", NOW + 4, NOW + 9) is None
    again = outbox.take("volume_alert", "backend", NOW + 5, NOW + 9)
    assert again is not None
    assert again.id == 2
    assert rows(path, "SELECT sent_at, last_error FROM outbox ORDER BY id") == [
        (NOW + 1, None), (None, "status 500"),
    ]  # fmt: skip


def test_one_transaction_prunes_five_thousand_rows_and_no_more(
    path: Path, store: DurableConnection
) -> None:
    """Ingest waits for it half a second at most."""
    with store.transaction() as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5001)"
            " INSERT INTO alert (key, consumer, symbol, kind, at, body)"
            " SELECT i, 'volume_alert', 'BTCUSDT', 'SPIKE', 1.0, '{}' FROM n"
        )
        connection.execute(
            "INSERT INTO outbox (consumer, target, path, body, idempotency_key, created_at, due_at)"
            " SELECT consumer, 'backend', '/path', body, key, at, at FROM alert"
        )
    assert OutboxStore(store).prune(NOW, NOW) == 5_000
    assert rows(path, "SELECT (SELECT count(*) FROM alert), count(*) FROM outbox") == [(1, 1)]


def test_old_alerts_and_accepted_posts_are_pruned(path: Path, store: DurableConnection) -> None:
    outbox = OutboxStore(store)
    for at, key in ((NOW, "old"), (NOW + 100, "sent"), (NOW + 100, "waits")):
        outbox.complete("volume_alert", 300, at, [alert(key, at=at)], ["backend"])
    outbox.sent(2, NOW + 101)
    assert outbox.prune(NOW + 50, NOW + 101) == 1  # "old" was never accepted
    assert rows(path, "SELECT id FROM outbox") == [(2,), (3,)]
    assert outbox.prune(NOW + 50, NOW + 102) == 0
    assert rows(path, "SELECT id FROM outbox") == [(3,)]
    # The alert outlives its post, and keeps it from being written again.
    outbox.complete("volume_alert", 600, NOW + 200, [alert("sent", at=NOW + 100)], ["backend"])
    assert rows(path, "SELECT id FROM outbox") == [(3,)]
    assert rows(path, "SELECT key FROM alert ORDER BY key") == [("sent",), ("waits",)]


KILLED = """
import os, signal, sys
from pathlib import Path
from funding.model.alert import Alert, Post
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
outbox = OutboxStore(DurableConnection(Path(sys.argv[1])))
made = Alert("k", "volume_alert", "A", "SPIKE", 1.0, "message", "/path", {"a": 1})
outbox.complete("volume_alert", 300, 1.0, [made], ["backend"])
if sys.argv[2] == "taken":
    assert outbox.take("volume_alert", "backend", 1.0, 31.0)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["stored", "taken"])
def test_kill_9_between_alert_and_send_loses_and_doubles_nothing(
    path: Path, moment: str, store: DurableConnection
) -> None:
    outbox = OutboxStore(store)
    store.close()
    command = [sys.executable, "-c", KILLED, str(path), moment]
    done = subprocess.run(command, cwd=ROOT, env=environment(), timeout=WAIT_SECONDS, check=False)
    assert done.returncode == -9
    # The restarted program scans again: the alert is known, its post is still there, once.
    again = Alert("k", "volume_alert", "A", "SPIKE", 1.0, "message", "/path", {"a": 1})
    assert outbox.complete("volume_alert", 300, 2.0, [again], ["backend"]) == []
    found = outbox.take("volume_alert", "backend", 31.0, 61.0)
    assert found is not None
    assert outbox.take("volume_alert", "backend", 31.0, 61.0) is None


def test_sqlite_of_the_standard_library_reads_the_tables(
    path: Path, store: DurableConnection
) -> None:
    outbox = OutboxStore(store)
    outbox.complete("volume_alert", 300, NOW, [alert()], ["backend"])
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as other:
        for table in ("alert", "outbox", "consumer", "open_interest", "open_interest_edge",
                      "universe"):  # fmt: skip
            other.execute(f"SELECT * FROM {table}").fetchall()
    other.close()
