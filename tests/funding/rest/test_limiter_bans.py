"""The bans that all processes of the group share."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding import errors
from funding.model.ban import LONGEST_BAN_SECONDS, Ban, BanKind
from funding.rest.client import RestClient
from funding.runtime.clock import SYSTEM
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage
from harness.processes import WAIT_SECONDS, environment, until
from harness.stand_in import StandIn
from tests.conftest import ROOT
from tests.support.clock import ManualClock, rows
from tests.support.http_script import Turn, reply, scripted, sends
from tests.support.rest_group import ANSWER, Group, error, failure, store


def store_ban(group: Group, address: str, end: float, pauses: int) -> None:
    """As another process of the group has stored it."""
    insert = "INSERT INTO rest_ban (address, until, pauses, reason) VALUES (?, ?, ?, 'no')"
    store(group.path, insert, address, end, pauses)


BANS = [
    (error(429, -1003, "Too many requests.", Retry_After="17"), 17.0),
    (error(418, -1003, f"IP banned until {1_764_725_610_000 + 90_500}."), 90.5),
    (error(418, -1003, f"IP banned until {1_764_725_610_000 + 90_500}.", Retry_After="5"), 5.0),
    (error(429, -1003, "Too many requests."), 60.0),
    (error(418, -1003, "IP banned until 1721323200000."), 60.0),
    (error(429, -1003, "Slow down.", Retry_After="0"), 60.0),
    (error(429, -1003, "Slow down.", Retry_After="soon"), 60.0),
    (error(418, -1003, "IP banned until 9999999999999."), 3_600.0),
    (error(418, -1003, "IP banned until 99999999999999999999999."), 3_600.0),
    (error(429, -1003, "Slow.", Retry_After="99999999999999999999"), 3_600.0),
    (error(418, -1003, "Banned.", Retry_After="86400"), 86_400.0),
    (error(429, -1003, "Slow.", Retry_After="86400"), 3_600.0),
    (error(429, -1003, "Slow.", Retry_After="Wed, 03 Dec 2025 01:34:00 GMT"), 30.0),
    (error(429, -1003, "Slow.", Retry_After="Wednesday, 03-Dec-25 01:34:00 GMT"), 30.0),
    (error(429, -1003, "Slow.", Retry_After="Wed, 03 Dec 2025 01:33:00 GMT"), 60.0),
    (error(429, -1003, "Slow.", Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"), 3_600.0),
    (error(429, -1003, "Slow.", Retry_After="Wed, 99 Dec 2025 99:99:99 GMT"), 60.0),
    (error(429, -1003, "Slow.", Retry_After="-5"), 60.0),
    (sends(reply(418, b"<html>")), 60.0),
]


@contextmanager
def rest_caller(path: Path, url: str, caller: str) -> Iterator[Callable[[], str]]:
    """A process that asks REST each time this is called, which gives what the process says."""
    command = [sys.executable, "-m", "tests.support.rest_caller", str(path), url, caller]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None

        def ask() -> str:
            print(file=process.stdin, flush=True)
            return str(process.stdout.readline()).strip()  # type: ignore[union-attr]

        try:
            yield ask
        finally:
            process.kill()


# Bans


@pytest.mark.parametrize(("turn", "seconds"), BANS)
def test_a_ban_stops_everybody_until_it_ends(group: Group, turn: Turn, seconds: float) -> None:
    with scripted(turn, ANSWER) as server:
        met, other = group.client(server.url, "met"), group.client(server.url + "/", "other")
        raised = failure(met.premium_indices)
        assert type(raised) is errors.RestBanned
        assert raised.retry_after_seconds == pytest.approx(seconds)
        for client in (met, other):
            again = failure(client.server_time)
            assert type(again) is errors.RestBanned
            assert again.retry_after_seconds == pytest.approx(seconds)
        group.hand.advance(seconds - 0.1)
        assert type(failure(other.server_time)) is errors.RestBanned
        assert len(server.asked) == 1
        group.hand.advance(0.2)
        assert other.premium_index("BTCUSDT").symbol == "BTCUSDT"
    assert rows(group.path, "SELECT * FROM rest_ban") == []


def test_a_ban_is_in_the_audit_trail_with_its_reason(group: Group) -> None:
    with scripted(error(429, -1003, "Too many requests.", Retry_After="17")) as server:
        failure(group.client(server.url, "somebody").server_time)
    assert rows(group.path, "SELECT source, kind, detail FROM event WHERE kind = 'rest-pause'") == [
        (
            "somebody",
            "rest-pause",
            "status 429, code -1003: Too many requests.: no calls for 17 s",
        )
    ]


@pytest.mark.parametrize("status", [429, 418, 403, 451])
def test_the_pause_grows_where_no_end_is_stated(group: Group, status: int) -> None:
    pauses = []
    with scripted(sends(reply(status, b"no"))) as server:
        client = group.client(server.url)
        for _ in range(9):
            pauses.append(failure(client.server_time).retry_after_seconds)
            assert type(failure(client.server_time)) is errors.RestBanned
            group.hand.advance(pauses[-1])
        assert len(server.asked) == 9
    assert pauses == pytest.approx([60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600])


@pytest.mark.parametrize(
    ("headers", "seconds"), [({}, 60.0), ({"Retry_After": "30"}, 30.0), ({"Retry_After": "0"}, 60)]
)
def test_many_refusals_at_once_are_one_ban(
    group: Group, headers: dict[str, str], seconds: float
) -> None:
    """Twenty threads have asked before the first of them is refused."""
    all_asked = threading.Barrier(20)

    def refused(connection: Any, stopping: threading.Event) -> None:
        all_asked.wait(WAIT_SECONDS)
        error(429, -1003, "Too many.", **headers)(connection, stopping)

    with scripted(refused) as server, ThreadPoolExecutor(20) as pool:
        clients = [group.client(server.url, f"thread {n}") for n in range(20)]
        for number in range(2):
            raised = list(pool.map(lambda client: failure(client.server_time), clients))
            assert {type(each) for each in raised} == {errors.RestBanned}
            assert len(server.asked) == 20 * (number + 1)
            grown = seconds if seconds == 30 else seconds * 2**number
            assert [each.retry_after_seconds for each in raised] == pytest.approx([grown] * 20)
            count = "SELECT count(*) FROM event WHERE kind = 'rest-pause'"
            assert rows(group.path, count) == [(number + 1,)]
            group.hand.advance(grown)


def test_a_longer_ban_that_is_met_while_one_lasts_is_kept(group: Group) -> None:
    known = threading.Event()

    def late(connection: Any, stopping: threading.Event) -> None:
        known.wait(WAIT_SECONDS)
        error(418, -1003, "Banned.", Retry_After="900")(connection, stopping)

    with scripted(late, error(429, -1003, "Too many.")) as server, ThreadPoolExecutor(1) as pool:
        one, other = group.client(server.url, "one"), group.client(server.url, "other")
        begun = pool.submit(failure, one.server_time)
        until(lambda: len(server.asked) == 1, "the first has asked")
        assert failure(other.server_time).retry_after_seconds == pytest.approx(60)
        known.set()
        assert begun.result().retry_after_seconds == pytest.approx(900)
        assert failure(other.server_time).retry_after_seconds == pytest.approx(900)
    assert rows(group.path, "SELECT pauses FROM rest_ban") == [(1,)]


def test_a_pause_does_not_grow_for_ever(group: Group) -> None:
    with scripted(sends(reply(451))) as server:
        client = group.client(server.url)
        store_ban(group, server.url, group.hand.wall - 1, 5_000)
        assert failure(client.server_time).retry_after_seconds == 3_600


def test_an_answer_ends_the_growth(group: Group) -> None:
    no, yes = sends(reply(429)), ANSWER
    with scripted(no, no, yes, no) as server:
        client = group.client(server.url)
        for pause in (60, 120):
            assert failure(client.server_time).retry_after_seconds == pytest.approx(pause)
            group.hand.advance(pause)
        client.premium_index("BTCUSDT")
        assert failure(client.server_time).retry_after_seconds == pytest.approx(60)


@pytest.mark.parametrize(("status", "words"), [(403, "firewall"), (451, "restricted location")])
def test_a_refusal_of_this_address_is_explained_and_not_repeated(
    group: Group, status: int, words: str
) -> None:
    with scripted(sends(reply(status, b"<html>Forbidden</html>"))) as server:
        client = group.client(server.url)
        raised = failure(client.server_time)
        assert type(raised) is errors.RestRestricted
        assert words in str(raised)
        for _ in range(5):
            group.hand.advance(10)
            again = failure(client.server_time)
            assert (type(again), words in str(again)) == (errors.RestBanned, True)
        assert len(server.asked) == 1


def test_a_ban_that_cannot_be_stored_stops_the_caller_that_met_it(
    path: Path, hand: ManualClock
) -> None:
    store, clock = DurableConnection(path, lambda: 0.01), hand.clock()
    other = apsw.Connection(str(path))

    def locks(connection: Any, stopping: threading.Event) -> None:
        other.execute("BEGIN IMMEDIATE")
        error(429, -1003, "Too many.", Retry_After="90")(connection, stopping)

    with scripted(locks, ANSWER) as server:
        client = RestClient(
            server.url, "test", usage=RestUsage(store), budget=100, clock=clock, timeout=20.0
        )
        with pytest.raises(errors.StoreLocked):
            client.server_time()
        for statement in ("SELECT 1", "ROLLBACK"):
            other.execute(statement)
            assert failure(client.server_time).retry_after_seconds == pytest.approx(90)
        assert len(server.asked) == 1
        hand.advance(90)
        assert client.premium_index("BTCUSDT")
        client.close()
    other.close()
    store.close()


def test_a_ban_of_another_address_does_not_count(group: Group) -> None:
    with scripted(error(418, -1003, "No.", Retry_After="99")) as one, scripted(ANSWER) as other:
        failure(group.client(one.url).server_time)
        assert group.client(other.url).premium_index("BTCUSDT")


def test_a_ban_stored_by_a_wrong_clock_does_not_count(group: Group) -> None:
    with scripted(ANSWER) as server:
        client = group.client(server.url)
        store_ban(group, server.url, group.hand.wall + 10 * 365 * 86_400, 1)
        assert client.premium_index("BTCUSDT")


@pytest.mark.parametrize(("more", "counts"), [(0.0, True), (0.5, False)])
def test_a_ban_may_be_as_long_as_any_and_an_hour_longer(
    group: Group, more: float, counts: bool
) -> None:
    """The clock of whoever met it may have been an hour ahead."""
    with scripted(ANSWER) as server:
        client = group.client(server.url)
        store_ban(group, server.url, group.hand.wall + LONGEST_BAN_SECONDS + 3_600 + more, 1)
        if counts:
            assert type(failure(client.server_time)) is errors.RestBanned
        else:
            assert client.premium_index("BTCUSDT")


def test_a_ban_stored_by_a_wrong_clock_hides_no_other(group: Group) -> None:
    with scripted(error(418, -1003, "No.", Retry_After="5"), ANSWER) as server:
        client = group.client(server.url)
        store_ban(group, server.url, group.hand.wall + 10 * 365 * 86_400, 1)
        for _ in range(2):
            assert failure(client.server_time).retry_after_seconds == pytest.approx(5)
        assert len(server.asked) == 1


def test_the_longest_ban_outlasts_a_clock_that_steps_back(group: Group) -> None:
    with scripted(error(418, -1003, "No.", Retry_After="999999"), ANSWER) as server:
        client = group.client(server.url)
        failure(client.server_time)
        group.hand.advance(-30)
        assert type(failure(client.server_time)) is errors.RestBanned


def test_an_answer_does_not_lift_a_ban_that_was_met_meanwhile(group: Group) -> None:
    other = DurableConnection(group.path)

    def turn(connection: Any, stopping: Any) -> None:
        ban = Ban(group.hand.wall + 50, BanKind.BANNED, 1, "met by another")
        RestUsage(other).set_ban(server.url, ban)
        ANSWER(connection, stopping)

    with scripted(error(418, -1003, "No.", Retry_After="5"), turn) as server:
        client = group.client(server.url)
        failure(client.server_time)
        group.hand.advance(6)
        assert client.premium_index("BTCUSDT")
        assert failure(client.server_time).retry_after_seconds == pytest.approx(50)
    other.close()


def test_one_process_is_banned_and_the_other_asks_nothing(path: Path, exchange: StandIn) -> None:
    with (
        rest_caller(path, exchange.rest_url, "one") as one,
        rest_caller(path, exchange.rest_url, "two") as two,
    ):
        assert two() == one() == "BTCUSDT"
        with exchange.faults(rest_status=418, rest_retry_after=3):
            assert one().startswith("RestBanned ")
        calls = exchange.calls()  # the exchange would answer again from here on
        (until_seconds,) = rows(path, "SELECT until FROM rest_ban")[0]
        said = [two()]

        def answered() -> bool:
            said.append(two())
            return said[-1] == "BTCUSDT"

        until(answered, "the ban ends")
        assert SYSTEM.wall() >= until_seconds
    assert len(said) > 1
    assert all(each.startswith("RestBanned") for each in said[:-1])
    assert exchange.calls() == calls + 1, "it asked while the ban lasted"
