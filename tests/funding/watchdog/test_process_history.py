"""How processes ended: ordered, crashed, or replaced by an operator."""

from funding.health.facts import ProcessState
from funding.model.event import EventKind
from tests.support.clock import rows
from tests.support.watched_service import INGEST, NEW, OLD, WatchedService


def test_process_that_ends_by_itself_is_one_crash(service: WatchedService) -> None:
    service.step()
    report = service.crash_report(OLD)
    service.supervisor.reports = [report]
    service.monitor.send_heartbeat()
    service.restart_ingest()
    service.step(1.0)
    assert service.crashes() == [(report.at, INGEST, report.text)]
    assert service.events() == [], "it is not a replacement as well"
    service.monitor = service.new_monitor()
    service.supervisor.reports = [report, service.crash_report(NEW, "exit status 1", 2)]
    service.monitor.send_heartbeat()
    service.step(1.0)
    assert [detail for *_, detail in service.crashes()] == [
        report.text,
        "funding:ingest: exit status 1",
    ]


def test_program_and_rule_of_an_end_are_columns(service: WatchedService) -> None:
    service.supervisor.reports = [
        service.crash_report(OLD),
        service.crash_report(7, number=2)._replace(kind=EventKind.KILL, program="funding:watchdog"),
    ]
    service.monitor.send_heartbeat()
    service.step()
    found = rows(service.path, "SELECT kind, source, program, rule FROM event WHERE program > ''")
    assert found == [
        ("crash", INGEST, INGEST, None),
        ("kill", "watchdog", "funding:watchdog", "hung watchdog"),
    ]


def test_ordered_end_is_not_a_crash_for_the_next_watchdog_either(service: WatchedService) -> None:
    service.step()
    service.step(6.0)
    assert len(service.supervisor.orders) == 1
    service.hand.advance(2.0)
    report = service.crash_report(OLD)
    service.supervisor.reports = [report]
    service.monitor.send_heartbeat()
    service.supervisor.reports = [report]
    service.monitor = service.new_monitor()
    service.hand.advance(1.0)
    service.monitor.send_heartbeat()
    service.step()
    assert service.crashes() == []


def test_end_of_another_program_is_a_crash_for_the_next_watchdog(service: WatchedService) -> None:
    service.step()
    service.step(6.0)
    assert len(service.supervisor.orders) == 1
    report = service.crash_report(7)._replace(program="api:api_00")
    service.supervisor.reports = [report]
    service.monitor = service.new_monitor()
    service.monitor.send_heartbeat()
    service.step()
    assert [source for _, source, _ in service.crashes()] == ["api:api_00"]


def test_new_process_without_a_crash_is_a_replacement(service: WatchedService) -> None:
    service.step()
    service.restart_ingest()
    service.step()
    assert service.events(EventKind.REPLACED) == [
        ("replaced", f"funding:ingest is a new process: {OLD} → {NEW}")
    ]


def test_new_process_after_a_stop_is_not_a_replacement(service: WatchedService) -> None:
    service.step()
    service.supervisor.put(INGEST, ProcessState.STOPPED)
    service.step()
    service.restart_ingest()
    service.step()
    assert service.events() == []


def test_process_that_follows_an_ordered_end_and_crashes_is_not_a_replacement(
    service: WatchedService,
) -> None:
    service.step()
    service.step(6.0)
    assert len(service.supervisor.orders) == 1
    service.supervisor.put(INGEST, ProcessState.STARTING, NEW)
    service.step(0.5)
    service.supervisor.reports = [service.crash_report(NEW)]
    service.monitor.send_heartbeat()
    service.restart_ingest(1)
    service.step(0.5)
    assert service.events(EventKind.REPLACED) == []
    assert len(service.crashes()) == 1
