"""What the consumers must not lose, on real files: alerts, posts, samples, weight."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from funding.errors import StoreError, StoreMissing
from funding.model.alert import Alert, post
from funding.model.open_interest import Edge, Sample
from funding.store.ledger import Ledger
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore
from funding.store.recovery import copy_readable
from funding.store.reservations import ReservedUsage
from tests.conftest import ROOT
from tests.support.clock import Hand, rows, write
from tests.support.processes import PATIENCE_SECONDS, environment

NOW = 1_764_725_610.0
MINUTE = 29_412_093


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database as ingest leaves it."""
    made = tmp_path / "funding.db"
    write(made, Hand().clock())
    return made


@pytest.fixture
def store(path: Path) -> Iterator[OpenInterestStore]:
    made = OpenInterestStore(path)
    yield made
    made.close()


def alert(key: str = "k", **changes: Any) -> Alert:
    made = Alert(key, "volume_alert", "BTCUSDT", "SPIKE", NOW, "message", "/path", {"a": 1})
    return made._replace(**changes)


def test_an_alert_and_its_posts_are_one_transaction(path: Path, store: OutboxStore) -> None:
    fresh = store.complete("volume_alert", 300, NOW, [alert()], ["backend", "telegram"])
    assert fresh == [alert()]
    assert rows(path, "SELECT key, at, body FROM alert") == [("k", NOW, '{"a":1}')]
    posts = rows(path, "SELECT target, path, body, attempts, sent_at FROM outbox ORDER BY id")
    assert posts == [
        ("backend", "/path", '{"a":1}', 0, None),
        ("telegram", "", '{"text":"message"}', 0, None),
    ]
    assert store.done("volume_alert") == 300
    assert store.done("oi_poller") == 0
    assert store.made("volume_alert", NOW) == [("BTCUSDT", "SPIKE", NOW, '{"a":1}')]
    assert store.made("volume_alert", NOW + 1) == store.made("oi_poller", 0) == []


def test_one_that_cannot_be_stored_stores_nothing(path: Path, store: OutboxStore) -> None:
    broken = alert("b", symbol=None)
    with pytest.raises(StoreError):
        store.complete("volume_alert", 300, NOW, [alert(), broken], ["backend"])
    assert rows(path, "SELECT (SELECT count(*) FROM alert), (SELECT count(*) FROM outbox)") == [
        (0, 0)
    ]
    assert store.done("volume_alert") == 0


def test_an_alert_is_made_once(path: Path, store: OutboxStore) -> None:
    store.complete("volume_alert", 300, NOW, [alert()], ["backend"])
    again = alert(body={"a": 2}, message="other")
    assert store.complete("volume_alert", 600, NOW, [again, alert("l")], ["backend"]) == [
        alert("l")
    ]
    assert rows(path, "SELECT key, body FROM alert ORDER BY key") == [
        ("k", '{"a":1}'), ("l", '{"a":1}'),
    ]  # fmt: skip
    assert rows(path, "SELECT count(*) FROM outbox") == [(2,)]


def test_a_post_is_taken_by_one_until_its_lease_is_over(path: Path, store: OutboxStore) -> None:
    store.complete("volume_alert", 300, NOW, [alert(), alert("l")], ["backend"])
    other = OutboxStore(path)
    first = store.take("volume_alert", "backend", NOW, NOW + 30)
    second = other.take("volume_alert", "backend", NOW, NOW + 30)
    assert first is not None
    assert second is not None
    assert (first.id, first.attempts, second.id) == (1, 1, 2)
    assert store.take("volume_alert", "backend", NOW + 29, NOW + 60) is None
    assert store.take("volume_alert", "telegram", NOW + 60, NOW + 90) is None
    assert store.take("oi_poller", "backend", NOW + 60, NOW + 90) is None
    again = other.take("volume_alert", "backend", NOW + 30, NOW + 60)
    assert again is not None
    assert (again.id, again.attempts) == (1, 2)
    assert again.idempotency_key == first.idempotency_key
    other.close()


def test_what_was_sent_is_not_taken_again_and_what_failed_is(
    path: Path, store: OutboxStore
) -> None:
    store.complete("volume_alert", 300, NOW, [alert(), alert("l")], ["backend"])
    for expected in (1, 2):
        found = store.take("volume_alert", "backend", NOW, NOW + 30)
        assert found is not None
        assert found.id == expected
    store.sent(1, NOW + 1)
    store.failed(2, "status 500", NOW + 5)
    assert store.waiting("volume_alert", "backend") == (1, NOW + 5)
    assert store.take("volume_alert", "backend", NOW + 4, NOW + 9) is None
    again = store.take("volume_alert", "backend", NOW + 5, NOW + 9)
    assert again is not None
    assert again.id == 2
    assert rows(path, "SELECT sent_at, last_error FROM outbox ORDER BY id") == [
        (NOW + 1, None), (None, "status 500"),
    ]  # fmt: skip


def test_old_alerts_and_accepted_posts_go_and_the_others_stay(
    path: Path, store: OutboxStore
) -> None:
    for at, key in ((NOW, "old"), (NOW + 100, "sent"), (NOW + 100, "waits")):
        store.complete("volume_alert", 300, at, [alert(key, at=at)], ["backend"])
    store.sent(2, NOW + 101)
    assert store.prune_alerts(NOW + 50, NOW + 101) == 1  # "old" was never accepted
    assert rows(path, "SELECT id FROM outbox") == [(2,), (3,)]
    assert store.prune_alerts(NOW + 50, NOW + 102) == 0
    assert rows(path, "SELECT id FROM outbox") == [(3,)]
    # The alert outlives its post, and keeps it from being written again.
    store.complete("volume_alert", 600, NOW + 200, [alert("sent", at=NOW + 100)], ["backend"])
    assert rows(path, "SELECT id FROM outbox") == [(3,)]
    assert rows(path, "SELECT key FROM alert ORDER BY key") == [("sent",), ("waits",)]


def test_a_loop_is_stored_whole_or_not_at_all(path: Path, store: OpenInterestStore) -> None:
    samples = [Sample(NOW, "A", 5.0, 2.0), Sample(NOW, "B", 6.0, None)]
    edges = [Edge("A", "5MIN", "UP", NOW, None)]
    batch = post("backend", "/batch", "b", {"data": []})
    up = alert(consumer="oi_poller", kind="UP 5MIN")
    store.loop("oi_poller", NOW, samples, edges, [up], [batch], ["backend"])
    assert store.samples(NOW) == samples
    assert store.samples(NOW + 1) == []
    assert store.edges() == edges
    assert rows(path, "SELECT consumer, path FROM outbox ORDER BY id") == [
        ("oi_poller", "/path"), ("oi_poller", "/batch"),
    ]  # fmt: skip
    assert store.done("oi_poller") == int(NOW)
    bad = [Sample(NOW + 10, "A", -1.0, 2.0)]
    closed = [edges[0]._replace(outside="")]
    with pytest.raises(StoreError):
        store.loop("oi_poller", NOW + 10, bad, closed, [alert("l")], [], ["backend"])
    assert store.edges() == edges
    assert store.samples(NOW) == samples
    no_json = batch._replace(idempotency_key="c", body="{")
    later = [Sample(NOW + 10, "A", 1.0, 2.0)]
    with pytest.raises(StoreError):
        store.loop("oi_poller", NOW + 10, later, [], [], [no_json], [])
    assert store.samples(NOW) == samples
    assert store.done("oi_poller") == int(NOW)
    store.loop("oi_poller", NOW + 10, [], closed, [], [], [])
    assert store.edges() == closed


def test_samples_are_kept_for_a_while(path: Path, store: OpenInterestStore) -> None:
    for at in range(0, 100, 10):
        store.loop("oi_poller", at, [Sample(at, "A", 5.0, None)], [], [], [], [])
    assert store.prune_samples(50) == 5
    assert store.prune_samples(50) == 0
    assert [sample.at for sample in store.samples(0)] == [50, 60, 70, 80, 90]


def test_the_change_within_the_hour_needs_both_ends(store: OpenInterestStore) -> None:
    for at, value in ((0, 100.0), (3_600, 200.0), (3_900, 210.0), (5_000, 230.0)):
        store.loop("oi_poller", at, [Sample(at, "A", value, None)], [], [], [], [])
    store.loop("oi_poller", 5_000, [Sample(5_000, "B", 1.0, None)], [], [], [], [])
    found = store.open_interest_change(["A", "B", "C"], 3_600, 7_200)
    assert found == {"A": pytest.approx(0.15)}
    assert store.open_interest_change(["A"], 3_600, 4_000) == {"A": pytest.approx(0.05)}
    assert store.open_interest_change(["A"], 4_000, 7_600) == {}


def test_the_universe_is_replaced_and_who_stays_keeps_its_time(
    path: Path, store: OpenInterestStore
) -> None:
    assert store.universe() == {}
    store.set_universe(["A", "B"], "own", NOW)
    store.set_universe(["B", "C"], "backend", NOW + 5)
    assert store.universe() == {"B": "backend", "C": "backend"}
    assert rows(path, "SELECT symbol, entered_at FROM universe") == [("B", NOW), ("C", NOW + 5)]


def test_what_the_consumers_know_outlives_a_damaged_store(
    path: Path, store: OpenInterestStore, tmp_path: Path
) -> None:
    """The new one has begun: its scan has made one of the alerts once more."""
    store.complete("volume_alert", 300, NOW, [alert(), alert("l")], ["backend"])
    store.loop("oi_poller", NOW, [], [Edge("A", "5MIN", "UP", NOW, None)], [], [], [])
    store.set_universe(["A"], "backend", NOW)
    store.sent(1, NOW + 1)
    new = tmp_path / "new.db"
    write(new, Hand().clock())
    fresh = OpenInterestStore(new)
    fresh.complete("volume_alert", 600, NOW + 300, [alert("l", at=NOW + 300)], ["backend"])
    copied = copy_readable(path, new)
    wanted = {"alert": 2, "outbox": 2, "open_interest_edge": 1, "universe": 1, "consumer": 2}
    assert wanted.items() <= copied.items()
    assert rows(new, "SELECT key, at FROM alert") == [("k", NOW), ("l", NOW + 300)]
    assert rows(new, "SELECT sent_at FROM outbox ORDER BY sent_at") == [(None,), (NOW + 1,)]
    assert fresh.done("volume_alert") == 600
    assert fresh.edges() == store.edges()
    assert fresh.universe() == {"A": "backend"}
    fresh.close()


def test_a_store_that_ingest_has_not_made_is_not_made_here(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        OpenInterestStore(tmp_path / "none.db").done("volume_alert")
    assert not (tmp_path / "none.db").exists()


def usage(path: Path) -> list[Any]:
    return rows(path, "SELECT minute, caller, route, calls, weight FROM rest_usage")


def test_weight_of_others_is_their_worst_minute(path: Path, store: OutboxStore) -> None:
    ledger = Ledger(path)
    for caller, minute, calls in (("a", MINUTE - 1, 3), ("b", MINUTE - 1, 2), ("a", MINUTE - 11, 9),
                                  ("a", MINUTE, 8), ("me", MINUTE - 2, 7)):  # fmt: skip
        for _ in range(calls):
            ledger.spend(caller, "klines", 1, minute, 1_200)
    assert store.weight_of_others("me", MINUTE) == 5
    assert store.weight_of_others("b", MINUTE) == 7
    ledger.close()


def test_a_purse_takes_blocks_and_gives_back_what_is_left(path: Path) -> None:
    purse = ReservedUsage(path, block=10)
    assert [purse.spend("me", "klines", 2, MINUTE, 100) for _ in range(3)] == [0, 2, 4]
    assert usage(path) == [(MINUTE, "me", "klines", 10, 20)]
    purse.settle()
    purse.settle()
    assert usage(path) == [(MINUTE, "me", "klines", 3, 6)]
    assert purse.spend("me", "klines", 2, MINUTE, 100) == 6
    assert purse.spend("me", "klines", 2, MINUTE + 1, 100) == 0  # a new minute is a new block
    purse.close()
    assert usage(path) == [(MINUTE, "me", "klines", 4, 8), (MINUTE + 1, "me", "klines", 1, 2)]


def test_a_purse_never_exceeds_the_budget(path: Path) -> None:
    purse, ledger = ReservedUsage(path, block=10), Ledger(path)
    ledger.spend("other", "x", 7, MINUTE, 20)
    granted = 0
    while purse.spend("me", "klines", 1, MINUTE, 20) + 1 <= 20:
        granted += 1
    assert granted == 13
    assert ledger.spend("other", "x", 1, MINUTE, 20) == 20
    purse.close()
    assert sum(weight for *_, weight in usage(path)) == 20
    ledger.close()


def test_an_unused_block_leaves_no_row(path: Path) -> None:
    purse = ReservedUsage(path, block=10)
    purse._take(purse_block(), 100)
    purse.settle()
    assert usage(path) == []
    purse.close()


def purse_block() -> Any:
    from funding.store.reservations import _Block

    return _Block("me", "klines", 1, MINUTE)


def test_twenty_threads_share_one_purse_and_count_every_call(path: Path) -> None:
    purse, allowed = ReservedUsage(path), 1_000
    failures: list[BaseException] = []
    granted = [0] * 20

    def work(number: int) -> None:
        try:
            for _ in range(100):
                purse.ban("x")
                purse.set_ban(f"{number}", 1.0, 1, "")
                granted[number] += purse.spend("me", "openInterest", 1, MINUTE, allowed) < allowed
        except BaseException as error:  # noqa: BLE001 (shown by the assertion)
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    purse.close()
    assert failures == []
    assert sum(granted) == allowed
    assert usage(path) == [(MINUTE, "me", "openInterest", 1_000, 1_000)]


def test_a_transaction_of_one_thread_is_not_joined_by_another(path: Path) -> None:
    purse = ReservedUsage(path)
    failures: list[BaseException] = []

    def ban() -> None:
        try:
            purse.set_ban("x", 1.0, 1, "")
        except BaseException as error:  # noqa: BLE001 (shown by the assertion)
            failures.append(error)

    other = threading.Thread(target=ban)
    with purse._writing():
        other.start()
        other.join(0.1)
        assert purse.ban("x") is None
    other.join()
    assert failures == []
    assert purse.ban("x") == (1.0, 1, "")
    purse.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from funding.model.alert import Alert
from funding.store.outbox import OutboxStore as Alerts
store = Alerts(Path(sys.argv[1]))
made = Alert("k", "volume_alert", "A", "SPIKE", 1.0, "message", "/path", {"a": 1})
store.complete("volume_alert", 300, 1.0, [made], ["backend"])
if sys.argv[2] == "taken":
    assert store.take("volume_alert", "backend", 1.0, 31.0)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["stored", "taken"])
def test_kill_9_between_alert_and_send_loses_and_doubles_nothing(
    path: Path, moment: str, store: OutboxStore
) -> None:
    command = [sys.executable, "-c", KILLED, str(path), moment]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == -9
    # The restarted program scans again: the alert is known, its post is still there, once.
    again = Alert("k", "volume_alert", "A", "SPIKE", 1.0, "message", "/path", {"a": 1})
    assert store.complete("volume_alert", 300, 2.0, [again], ["backend"]) == []
    found = store.take("volume_alert", "backend", 31.0, 61.0)
    assert found is not None
    assert store.take("volume_alert", "backend", 31.0, 61.0) is None


def test_sqlite_of_the_standard_library_reads_the_tables(
    path: Path, store: OpenInterestStore
) -> None:
    store.complete("volume_alert", 300, NOW, [alert()], ["backend"])
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as other:
        for table in ("alert", "outbox", "consumer", "open_interest", "open_interest_edge",
                      "universe"):  # fmt: skip
            other.execute(f"SELECT * FROM {table}").fetchall()
    other.close()
