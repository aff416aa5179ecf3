"""The calls and bans of a group."""

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from funding.errors import StoreError
from funding.model.ban import Ban, BanKind
from funding.model.event import Event, EventKind
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.rest_usage import Calls, RestUsage
from tests.support.clock import rows

AT = 1_764_725_610.0
MINUTE = int(AT // 60)


def banned(seconds: float, pauses: int, reason: str) -> Ban:
    return Ban(AT + seconds, BanKind.BANNED, pauses, reason)


def test_old_minutes_are_pruned(path: Path, store: DurableConnection) -> None:
    usage = RestUsage(store)
    for minute in (MINUTE - 100, MINUTE - 2, MINUTE - 1, MINUTE):
        usage.spend("test", "time", 1, minute, 10)
    assert (usage.prune(AT), usage.prune(AT)) == (3, 0)
    assert rows(path, "SELECT minute FROM rest_usage") == [(MINUTE,)]


def test_spending_stays_within_what_is_allowed(path: Path, store: DurableConnection) -> None:
    usage = RestUsage(store)
    assert [usage.spend("a", "all", 10, MINUTE, 25) for _ in range(4)] == [0, 10, 20, 20]
    assert usage.spend("b", "one", 5, MINUTE, 25) == 20
    assert usage.spend("b", "one", 1, MINUTE, 25) == 25
    assert usage.spend("b", "one", 1, MINUTE + 1, 25) == 0
    assert rows(path, "SELECT minute, caller, route, calls, weight FROM rest_usage") == [
        (MINUTE, "a", "all", 2, 20), (MINUTE, "b", "one", 1, 5), (MINUTE + 1, "b", "one", 1, 1)
    ]  # fmt: skip


def test_calls_without_weight_are_counted_over_five_minutes(store: DurableConnection) -> None:
    usage = RestUsage(store)
    spent = [usage.spend("a", "free", 0, MINUTE + n, 3) for n in range(7)]
    assert spent == [0, 1, 2, 3, 3, 3, 2]
    assert usage.spend("a", "dear", 3, MINUTE + 6, 3) == 0


def test_each_exchange_has_its_own_allowance(store: DurableConnection) -> None:
    here, there = RestUsage(store), RestUsage(store, "kucoin")
    for usage, name in ((here, "here"), (there, "there")):
        for weight in (0, 2):
            spent = [usage.spend("a", f"{name} {weight}", weight, MINUTE, 2) for _ in "12"]
            assert spent == [0, weight or 1]
    assert [usage.used(MINUTE) for usage in (here, there)] == [2, 2]
    there.release(Calls(MINUTE, "a", "there 2", 1, 2))
    assert [usage.used(MINUTE) for usage in (here, there)] == [2, 0]


def test_two_connections_never_overspend_together(path: Path, store: DurableConnection) -> None:
    store.close()
    made: list[bool] = []

    def spend(caller: str) -> None:
        with closing(DurableConnection(path)) as mine:
            made.extend(RestUsage(mine).spend(caller, "one", 1, MINUTE, 50) < 50 for _ in range(40))

    threads = [threading.Thread(target=spend, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), sum(made)) == (80, 50)
    assert rows(path, "SELECT sum(calls), sum(weight) FROM rest_usage") == [(50, 50)]


def test_a_ban_is_seen_by_all_and_ends_no_sooner_than_the_latest_says(
    path: Path, store: DurableConnection
) -> None:
    with closing(DurableConnection(path)) as second:
        one, other = RestUsage(store), RestUsage(second)
        assert one.ban("x") is None
        assert one.set_ban("x", banned(50, 1, "first"))
        assert other.ban("x") == banned(50, 1, "first")
        assert not other.set_ban("x", banned(20, 2, "a shorter one"))
        assert not other.set_ban("x", banned(51, 2, "the same one, met by another thread"))
        assert one.ban("x") == banned(50, 1, "first")
        assert one.set_ban("x", banned(80, 2, "a longer one"))
        assert other.ban("x") == banned(80, 2, "a longer one")
        assert one.ban("y") is None
        one.lift_ban("x", AT + 79)
        assert other.ban("x") is not None
        one.lift_ban("x", AT + 80)
        assert other.ban("x") is None


def test_a_ban_that_a_wrong_clock_has_stored_is_replaced(store: DurableConnection) -> None:
    usage = RestUsage(store)
    assert usage.set_ban("x", banned(10 * 365 * 86_400, 1, "in another age"))
    assert usage.set_ban("x", banned(60, 1, "now"))
    assert usage.ban("x") == banned(60, 1, "now")


def test_a_ban_keeps_its_kind(store: DurableConnection) -> None:
    usage = RestUsage(store)
    near = Ban(AT + 50, BanKind.OVER_BUDGET, 0, "2300 of 2400")
    for ban in (near, banned(60, 1, "status 429"), near._replace(until=AT + 70)):
        assert usage.set_ban("x", ban)
        assert usage.ban("x") == ban


def test_only_a_new_ban_is_stored_with_its_event(store: DurableConnection) -> None:
    usage, events = RestUsage(store), Events(store)
    pause = Event(AT, "test", EventKind.REST_PAUSE, "no calls")
    assert usage.set_ban("x", banned(50, 1, "first"), pause)
    assert not usage.set_ban("x", banned(50, 1, "again"), pause)
    of_exchange = replace(pause, rule="binance")
    assert events.recall("test", EventKind.REST_PAUSE, AT) == [of_exchange]


def test_calls_that_could_not_be_counted_are_counted_later(
    path: Path, store: DurableConnection
) -> None:
    usage = RestUsage(store)
    usage.spend("me", "time", 1, MINUTE, 100)
    calls = [Calls(MINUTE, "me", "time", 3, 3), Calls(MINUTE - 1, "me", "premiumIndex", 1, 10)]
    usage.add(calls)
    assert (usage.used(MINUTE), usage.used(MINUTE - 1), usage.used(MINUTE + 1)) == (4, 10, 0)
    wrong = calls[0]._replace(weight="heavy")  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        usage.add([*calls, wrong])
    assert usage.used(MINUTE) == 4


def test_weight_of_others_is_their_worst_minute(store: DurableConnection) -> None:
    usage = RestUsage(store)
    for caller, minute, calls in (("a", MINUTE - 1, 3), ("b", MINUTE - 1, 2), ("a", MINUTE - 11, 9),
                                  ("a", MINUTE, 8), ("me", MINUTE - 2, 7)):  # fmt: skip
        for _ in range(calls):
            usage.spend(caller, "klines", 1, minute, 1_200)
    assert usage.used_by_others("me", MINUTE) == 5
    assert usage.used_by_others("b", MINUTE) == 7


def test_each_exchange_has_a_budget_of_its_own(store: DurableConnection) -> None:
    one, other = RestUsage(store), RestUsage(store, "kucoin")
    assert one.spend("a", "all", 20, MINUTE, 25) == 0
    assert other.spend("a", "contracts", 20, MINUTE, 25) == 0
    assert other.spend("a", "free", 0, MINUTE, 1) == 0
    assert one.spend("a", "also free", 0, MINUTE, 1) == 0
    assert (one.used(MINUTE), other.used(MINUTE)) == (20, 20)
    assert one.used_by_others("b", MINUTE + 1) == 20
    assert RestUsage(store, "backpack").used_by_others("b", MINUTE + 1) == 0
