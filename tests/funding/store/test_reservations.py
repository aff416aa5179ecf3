"""Weight taken in blocks, by many threads."""

import threading
from pathlib import Path
from typing import Any

from funding.model.ban import Ban, BanKind
from funding.store.durable import DurableConnection
from funding.store.reservations import ReservedUsage
from funding.store.rest_usage import Calls, RestUsage
from tests.support.clock import rows

AT = 1_764_725_610.0
MINUTE = int(AT // 60)


def usage(path: Path) -> list[Any]:
    return rows(path, "SELECT minute, caller, route, calls, weight FROM rest_usage")


def test_weight_is_taken_in_blocks_and_what_is_left_is_given_back(
    path: Path, store: DurableConnection
) -> None:
    reserved = ReservedUsage(RestUsage(store), block=10)
    assert [reserved.spend("me", "klines", 2, MINUTE, 100) for _ in range(3)] == [0, 2, 4]
    assert usage(path) == [(MINUTE, "me", "klines", 10, 20)]
    reserved.release()
    reserved.release()
    assert usage(path) == [(MINUTE, "me", "klines", 3, 6)]
    assert reserved.spend("me", "klines", 2, MINUTE, 100) == 6
    assert reserved.spend("me", "klines", 2, MINUTE + 1, 100) == 0  # a new minute is a new block
    reserved.release()
    assert usage(path) == [(MINUTE, "me", "klines", 4, 8), (MINUTE + 1, "me", "klines", 1, 2)]


def test_reservations_never_exceed_the_budget(path: Path, store: DurableConnection) -> None:
    plain = RestUsage(store)
    reserved = ReservedUsage(plain, block=10)
    plain.spend("other", "x", 7, MINUTE, 20)
    granted = 0
    while reserved.spend("me", "klines", 1, MINUTE, 20) + 1 <= 20:
        granted += 1
    assert granted == 13
    assert plain.spend("other", "x", 1, MINUTE, 20) == 20
    reserved.release()
    assert sum(weight for *_, weight in usage(path)) == 20


def test_an_unused_block_leaves_no_row(path: Path, store: DurableConnection) -> None:
    calls = Calls(MINUTE, "me", "klines", 10, 20)
    assert RestUsage(store).reserve(calls, 100) == (0, 10)
    RestUsage(store).release(calls)
    assert usage(path) == []


def test_twenty_threads_share_the_blocks_and_count_every_call(
    path: Path, store: DurableConnection
) -> None:
    reserved, allowed = ReservedUsage(RestUsage(store)), 1_000
    failures: list[BaseException] = []
    granted = [0] * 20

    def work(number: int) -> None:
        try:
            for _ in range(100):
                reserved.ban("x")
                reserved.set_ban(f"{number}", Ban(1.0, BanKind.BANNED, 1, ""))
                granted[number] += (
                    reserved.spend("me", "openInterest", 1, MINUTE, allowed) < allowed
                )
        except BaseException as error:  # noqa: BLE001 (shown by the assertion)
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reserved.release()
    assert failures == []
    assert sum(granted) == allowed
    assert usage(path) == [(MINUTE, "me", "openInterest", 1_000, 1_000)]
