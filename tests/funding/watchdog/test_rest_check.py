"""The watchdog's thread that asks REST: a real thread, a real store, a scripted REST interface."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.exchanges.binance.exchange import BINANCE
from funding.health.facts import LastComparison
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.schedule import Every
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.watchdog.rest_check import RETRY_SECONDS, Job, RestChecker, Schedule
from harness.processes import WAIT_SECONDS, until
from tests.support.clock import ManualClock, feed_at, rows, write
from tests.support.compared_service import TIME, ComparedService, json_reply, premium, quote
from tests.support.http_script import Scripted, Turn, hangs, reply, scripted, sends

OLD = Comparison(0.0, "x", "binance", "X", Field.MARK_PRICE, 1, 1, 0, 0, Outcome.MATCH, 0, None)


def add(service: ComparedService, *comparisons: Comparison) -> None:
    store = DurableConnection(service.path)
    Comparisons(store).add(comparisons)
    store.close()


def concluded(checker: RestChecker) -> LastComparison:
    """The result of the first attempt."""
    checker.wait_for_first(WAIT_SECONDS)
    assert checker.latest is not None
    return checker.latest


def attempted(checker: RestChecker, uptime: float) -> None:
    """Wait for the attempt made at `uptime`."""
    until(
        lambda: checker.latest is not None and checker.latest.uptime == uptime, "the next attempt"
    )


def test_one_symbol_is_compared_at_once(compared: ComparedService) -> None:
    with scripted(json_reply(premium())) as server, compared.checker(server.url) as checker:
        found = concluded(checker)
    assert (found.problem, found.reachable, found.uptime) == ("", True, compared.hand.uptime)
    assert [row.outcome for row in found.rows] == ["match"] * 3
    assert [row[1] for row in compared.comparisons()] == ["BTCUSDT"] * 3


def test_comparison_is_repeated_when_it_is_due(compared: ComparedService) -> None:
    with scripted(json_reply(premium())) as server, compared.checker(server.url) as checker:
        concluded(checker)
        compared.hand.advance(59.9)
        for passed in (0.2, 60.0):
            count = len(server.asked)
            compared.hand.advance(passed)
            attempted(checker, compared.hand.uptime)
            assert len(server.asked) == count + 1


def test_rhythm_does_not_follow_a_step_of_the_wall_clock(compared: ComparedService) -> None:
    with scripted(json_reply(premium())) as server, compared.checker(server.url) as checker:
        concluded(checker)
        compared.hand.wall -= 3_600
        compared.hand.uptime += 61
        until(lambda: len(server.asked) == 2, "the next one")


def every_reply(server: Scripted) -> Turn:
    """The replies to everything that a checker asks for."""

    def turn(connection: Any, stopping: threading.Event) -> None:
        path = server.paths[-1]
        if "/time" in path:
            value: object = {"serverTime": TIME}
        else:
            value = premium() if "symbol=" in path else [premium()]
        json_reply(value)(connection, stopping)

    return turn


def test_housekeeping(compared: ComparedService) -> None:
    add(compared, *(OLD._replace(compared_at=compared.hand.wall - age) for age in (10_001, 1)))
    with scripted(hangs) as server:
        server.turns = [every_reply(server)]
        with compared.checker(server.url, Schedule(60.0, 600.0, 10_000.0, plants=True)) as checker:
            concluded(checker)
            until(
                lambda: len(compared.comparisons("source = 'x'")) == 1, "the old ones are deleted"
            )
            planted = "source = 'control' AND outcome = 'significant'"
            until(lambda: len(compared.comparisons(planted)) == 3, "the planted pair")
            compared.hand.advance(3_600)
            until(lambda: checker.exchange_offset is not None, "the exchange's clock")
            assert checker.exchange_offset == pytest.approx(TIME / 1000 - compared.hand.uptime)
            until(
                lambda: len(compared.comparisons("source = 'control'")) == 6,
                "the next planted pair",
            )
            checker.check()
    assert compared.events() == []


def test_without_housekeeping_it_only_compares(compared: ComparedService) -> None:
    with scripted(json_reply(premium())) as server, compared.checker(server.url) as checker:
        concluded(checker)
        compared.hand.advance(60)
        until(lambda: len(server.asked) == 2, "the next one")
    assert {row[0] for row in compared.comparisons()} == {"watchdog"}


@pytest.mark.parametrize(
    ("turn", "reachable", "words"),
    [
        (sends(reply(500)), False, "status 500"),
        (hangs, False, "timed out"),
        (sends(b"", close=True), False, "Protocol"),
        (sends(reply(418, Retry_After="99")), True, "status 418"),
        (sends(reply(451)), True, "restricted location"),
        (sends(reply(400, b'{"code":-1121,"msg":"Invalid symbol."}')), True, "-1121"),
        (json_reply([]), True, "premiumIndex"),
        (json_reply(17), True, "premiumIndex"),
    ],
    ids=["500", "hangs", "closes", "418", "451", "unknown", "empty", "not an object"],
)
def test_failure_is_the_result(
    compared: ComparedService, turn: Turn, reachable: bool, words: str
) -> None:
    if turn is hangs:
        compared.timeout = 0.4
    with scripted(turn) as server, compared.checker(server.url) as checker:
        found = concluded(checker)
        assert found.reachable is reachable
        assert words in found.problem
        assert checker.is_alive()
    assert compared.comparisons() == []


def test_refusing_exchange_is_not_asked_every_minute(compared: ComparedService) -> None:
    with scripted(sends(reply(451))) as server, compared.checker(server.url) as checker:
        concluded(checker)
        for _ in range(8):  # minutes
            compared.hand.advance(60)
            attempted(checker, compared.hand.uptime)
    assert len(server.asked) == 4  # after 1, 2 and 4 minutes more


def test_rest_that_does_not_answer_leaves_one_event_with_its_duration(
    compared: ComparedService,
) -> None:
    turns = [*[sends(reply(500))] * 4, json_reply(premium())]
    began = compared.hand.wall
    with scripted(*turns) as server, compared.checker(server.url) as checker:
        concluded(checker)
        for _ in range(4):  # minutes
            compared.hand.advance(60)
            attempted(checker, compared.hand.uptime)
        stored = "SELECT at, rule, duration_seconds FROM event WHERE kind = 'rest-unavailable'"
        until(lambda: rows(compared.path, stored) == [(began, "binance", 240.0)], "its end")


@pytest.mark.parametrize(
    ("every", "words"),
    [
        (60, ""), (600, ""), (1_000, ""), (1_001, "one symbol alone"), (3_600, "one symbol alone"),
        (4_001, "cannot say GO"), (86_400, "cannot say GO"), (0, "cannot say GO"),
    ],
)  # fmt: skip
def test_what_an_interval_cannot_prove_is_said_beforehand(every: float, words: str) -> None:
    said = Schedule(60.0, every).unproven
    assert words in said
    assert bool(said) is bool(words)
    assert not said or said.startswith(f"FUNDING_COMPARE_ALL_INTERVAL={every}: ")


def test_comparison_begins_when_the_store_is_there(tmp_path: Path) -> None:
    compared = ComparedService(tmp_path / "funding.db", ManualClock())
    with scripted(json_reply(premium())) as server, compared.checker(server.url) as checker:
        assert "not there yet" in concluded(checker).problem
        write(compared.path, compared.hand.clock(), [quote()], feed_at(compared.hand.clock()))
        compared.hand.advance(60)
        until(lambda: compared.comparisons(), "the comparison")


def test_defect_is_raised_in_the_main_thread() -> None:
    def open_store() -> tuple[Reader, DurableConnection, ExchangeClient]:
        raise RuntimeError("a defect")

    checker = RestChecker(open_store, Schedule(1.0), exchange=BINANCE, clock=ManualClock().clock())
    checker.start()
    checker.join()
    with pytest.raises(RuntimeError, match="a defect"):
        checker.wait_for_first(0.0)
    assert checker.latest is None, "the main thread waited in vain"


def test_all_symbols_are_compared_when_that_is_asked_for(compared: ComparedService) -> None:
    turns = json_reply(premium()), json_reply([premium(), premium("NEWUSDT")])
    schedule = Schedule(60.0, 600.0)
    with scripted(*turns) as server, compared.checker(server.url, schedule):
        until(lambda: compared.comparisons("symbol = 'NEWUSDT'"), "all symbols")
    assert server.paths[1] == "/fapi/v1/premiumIndex"


def test_comparison_that_is_not_ready_is_tried_again_soon(tmp_path: Path) -> None:
    service = ComparedService(tmp_path / "funding.db", ManualClock())
    service.write()
    every, now = Every(60.0), service.hand.uptime
    checker = RestChecker(
        lambda: service.open_store(""), Schedule(60.0), exchange=BINANCE,
        clock=service.hand.clock(),
    )  # fmt: skip
    with service.jobs("http://127.0.0.1:1") as jobs:
        assert every.due(now)
        checker._attempt(Job(every, jobs.compare_one, sets_latest=True), jobs)
    assert checker.latest is None
    assert not every.due(now + RETRY_SECONDS - 0.1)
    assert every.due(now + RETRY_SECONDS)


def test_old_rows_are_deleted_also_without_quotes(tmp_path: Path) -> None:
    service = ComparedService(tmp_path / "funding.db", ManualClock())
    service.write()
    add(service, OLD)
    with service.checker("http://127.0.0.1:1", Schedule(60.0, keep_seconds=1.0)):
        until(lambda: not service.comparisons(), "the old row is gone")


def test_first_result_is_not_waited_for_longer_than_that(compared: ComparedService) -> None:
    open_store = partial(compared.open_store, "http://127.0.0.1:1")
    clock = compared.hand.clock()
    checker = RestChecker(open_store, Schedule(60.0), exchange=BINANCE, clock=clock)
    checker.wait_for_first(0.0)  # its thread has not begun
    assert checker.latest == LastComparison(problem="no answer within 0 s", reachable=False)
