"""Restarts by the rules: a real store and real processes; the test sets clock and supervisord."""

import apsw
import pytest

from funding.health.facts import LastComparison, ProcessState
from funding.model.event import Event, EventKind
from funding.watchdog import probe
from funding.watchdog.restart_rules import Verb
from tests.support.clock import feed_at
from tests.support.http_script import hangs, reply, scripted, sends
from tests.support.watched_service import INGEST, NEW, OLD, WatchedService

TERM_INGEST, KILL_INGEST = (Verb.TERM, INGEST), (Verb.KILL, INGEST)
START_INGEST = (Verb.START, INGEST)


def test_hung_ingest_gets_term_then_kill(service: WatchedService) -> None:
    service.step()
    assert not service.monitor.restart_pending
    service.step(6.0)
    assert service.supervisor.orders == [TERM_INGEST]
    assert service.monitor.restart_pending
    service.step(1.9)
    assert len(service.supervisor.orders) == 1
    for _ in range(3):
        service.step(0.5)
    assert service.supervisor.orders[1:] == [KILL_INGEST]
    service.restart_ingest()
    service.step(0.5)
    assert not service.monitor.restart_pending
    assert len(service.supervisor.orders) == 2
    assert service.events() == [
        ("restart", "funding:ingest (hung ingest): no heartbeat for 6 s"),
        ("kill", "funding:ingest (kill): still there 2 s after TERM"),
    ]


def test_process_that_ends_by_term_is_not_killed(service: WatchedService) -> None:
    service.step()
    service.step(6.0)
    service.supervisor.put(INGEST, ProcessState.EXITED)
    service.step(3.0)
    service.restart_ingest()
    service.step(3.0)
    assert service.supervisor.orders == [TERM_INGEST]
    assert [kind for kind, _ in service.events()] == ["restart"], "an ordered end is not a crash"


def test_process_that_outlives_kill_is_given_up(service: WatchedService) -> None:
    service.step()
    for _ in range(20):
        service.step(6.0)
    assert not service.monitor.restart_pending
    assert service.supervisor.orders == [TERM_INGEST, KILL_INGEST] * 3


def test_program_stopped_by_an_operator_is_not_restarted(service: WatchedService) -> None:
    service.step()
    service.supervisor.put(INGEST, ProcessState.STOPPING, OLD)
    service.step(9.0)
    service.supervisor.put(INGEST, ProcessState.STOPPED)
    service.step(9.0)
    service.restart_ingest()
    service.step()
    assert (service.supervisor.orders, service.events()) == ([], [])


def test_fatal_program_is_started(service: WatchedService) -> None:
    service.supervisor.put(INGEST, ProcessState.FATAL)
    service.step()
    assert service.supervisor.orders == [START_INGEST]
    assert service.events(EventKind.START) == [
        ("start", "funding:ingest (fatal): FATAL: says FATAL")
    ]
    assert not service.monitor.restart_pending


def test_refused_order_is_given_again(service: WatchedService) -> None:
    service.supervisor.refuses = True
    service.step()
    service.step(6.0)
    assert not service.monitor.restart_pending
    service.supervisor.refuses = False
    service.step(3.0)
    assert service.supervisor.orders == [TERM_INGEST], "KILL without TERM"
    assert len(service.events(EventKind.RESTART)) == 1


def test_kill_follows_although_supervisord_was_away_for_a_moment(service: WatchedService) -> None:
    service.step()
    service.step(6.0)
    service.supervisor.silent = True
    service.step(1.0)
    service.supervisor.silent = False
    service.step(1.0)
    assert service.supervisor.orders[1:] == [KILL_INGEST]


def test_signals_are_sent_directly_while_supervisord_is_away(service: WatchedService) -> None:
    """Its socket was removed, or it hangs: it sees the end of a process all the same."""
    service.step()
    service.supervisor.silent = True
    service.step(6.0)
    service.step(3.0)
    assert service.supervisor.orders == []
    assert service.supervisor.direct == [(Verb.TERM, OLD), (Verb.KILL, OLD)]
    service.supervisor.silent = False
    service.restart_ingest()
    service.step(1.0)
    assert [kind for kind, _ in service.events()] == ["restart", "kill"]
    assert not service.monitor.restart_pending


def test_version_of_the_store_that_nobody_knows_restarts_nothing(service: WatchedService) -> None:
    """By hand while all runs: the watchdog cannot read it, and so knows nothing about frames."""
    service.last_comparison = LastComparison(uptime=service.hand.uptime)
    service.step()
    connection = apsw.Connection(str(service.path))
    connection.pragma("user_version", 99)
    connection.close()
    for _ in range(30):
        service.last_comparison = LastComparison(uptime=service.hand.uptime)
        facts = service.step(60.0)
    assert "schema version 99" in facts.store_problem
    assert service.supervisor.orders == []


# The budget


def test_after_three_starts_it_reports_once_and_waits(service: WatchedService) -> None:
    service.supervisor.put(INGEST, ProcessState.FATAL)
    for _ in range(6):
        service.step(5.0)
    assert service.supervisor.orders == [START_INGEST] * 3
    ((_, text),) = service.events(EventKind.WAITING)
    assert "restarted 3 times in 10 minutes" in text
    service.step(600.0 - 25.0)
    assert len(service.supervisor.orders) == 4


def test_last_restart_of_the_budget_is_under_way_and_not_reported_as_waiting(
    service: WatchedService,
) -> None:
    for number, pid in enumerate([NEW, OLD, NEW]):
        service.step(6.0)
        assert service.supervisor.orders == [TERM_INGEST] * (number + 1)
        service.step(0.5)
        service.restart_ingest(pid)
        service.step(0.5)
    assert service.events(EventKind.WAITING, EventKind.REPLACED) == []
    service.step(6.0)
    assert len(service.supervisor.orders) == 3
    assert len(service.events(EventKind.WAITING)) == 1


def test_waiting_is_reported_once_although_its_text_changes(service: WatchedService) -> None:
    past = [
        Event(service.hand.wall - n, "watchdog", EventKind.RESTART, "", INGEST, "x")
        for n in (3, 2, 1)
    ]
    service.audit.add(past)
    for _ in range(4):
        service.step(6.0)  # the heartbeat is older each time
    assert service.supervisor.orders == []
    assert len(service.events(EventKind.WAITING)) == 1


def test_budget_survives_a_restart_of_the_watchdog(service: WatchedService) -> None:
    service.supervisor.put(INGEST, ProcessState.FATAL)
    for _ in range(2):
        service.step(5.0)
        service.monitor = service.new_monitor()
    service.step(5.0)
    service.monitor = service.new_monitor()
    for _ in range(2):
        service.step(5.0)
    assert len(service.supervisor.orders) == 3
    assert len(service.events(EventKind.WAITING)) == 1


def test_rule_of_a_past_restart_is_remembered(service: WatchedService) -> None:
    at = service.hand.wall - 1_200
    service.audit.add([Event(at, "watchdog", EventKind.RESTART, "for people", INGEST, "no data")])
    service.hand.advance(100)
    service.write_heartbeat()
    service.last_comparison = LastComparison(uptime=service.hand.uptime)
    service.step()
    assert service.supervisor.orders == [], "no data: once in half an hour"
    service.hand.advance(600)
    service.write_heartbeat()
    service.last_comparison = LastComparison(uptime=service.hand.uptime)
    service.step()
    assert service.supervisor.orders == [TERM_INGEST]


def test_without_a_store_it_acts_and_stores_the_event_later(service: WatchedService) -> None:
    service.step()
    service.remove_store()
    service.step(6.0)
    assert service.supervisor.orders == [TERM_INGEST]
    service.feed = feed_at(service.clock, NEW)
    service.restart_ingest()
    service.step(0.5)
    assert [kind for kind, _ in service.events()] == ["restart"]


# The API


def test_api_process_that_does_not_answer_is_restarted(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 0.1)
    for name in ("api_00", "api_01"):
        service.supervisor.put(f"api:{name}", ProcessState.RUNNING, OLD)
    good, hung = str(service.folder / "api_00.sock"), str(service.folder / "api_01.sock")
    with scripted(sends(reply(503)), unix=good), scripted(hangs, unix=hung):
        service.step()
        assert service.supervisor.orders == []
        service.step()
        assert service.supervisor.orders == [(Verb.TERM, "api:api_01")]
        assert service.monitor.restart_pending


def test_answer_resets_the_count_of_missed_probes(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 0.1)
    service.supervisor.put("api:api_00", ProcessState.RUNNING, OLD)
    turns = [hangs, sends(reply(200)), hangs, sends(reply(200))]
    with scripted(*turns, unix=str(service.folder / "api_00.sock")):
        for _ in turns:
            service.step()
    assert service.supervisor.orders == []


def test_new_api_process_has_missed_no_probe(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 0.1)
    service.supervisor.put("api:api_00", ProcessState.RUNNING, OLD)
    with scripted(hangs, unix=str(service.folder / "api_00.sock")):
        service.step()
        service.step()
        service.supervisor.put("api:api_00", ProcessState.RUNNING, NEW)
        service.step()
        assert len(service.supervisor.orders) == 1
        service.step()
        assert service.supervisor.orders == [(Verb.TERM, "api:api_00")] * 2
