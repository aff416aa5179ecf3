"""What the plugin tells of starts and ends: test_guard has a real supervisord."""

from types import SimpleNamespace
from typing import Any

from supervisor import events
from supervisor.states import ProcessStates

from funding.model.event import EventKind
from funding.watchdog.restart_rules import RuleName
from funding.watchdog.supervisor_plugin import reports
from funding.watchdog.supervisor_plugin.reports import Reports


def process(pid: int = 9) -> Any:
    group = SimpleNamespace(config=SimpleNamespace(name="funding"))
    config = SimpleNamespace(name="oi_poller")
    return SimpleNamespace(config=config, group=group, pid=pid, laststart=40.0, exitstatus=0)


def stopped() -> Any:
    return events.ProcessStateStoppedEvent(process(), ProcessStates.STOPPING)


def test_start_is_reported_at_its_own_time() -> None:
    reports = Reports(lambda: 42.0)
    reports.note(events.ProcessStateRunningEvent(process(), ProcessStates.STARTING))
    (report,) = reports.after(0)
    text = "funding:oi_poller started: pid 9"
    assert report == (1, 40.0, "start", "funding:oi_poller", 9, text, "")


def test_stop_by_an_operator_and_the_stop_of_the_group_are_told_apart() -> None:
    reports = Reports(lambda: 42.0)
    reports.note(stopped())
    reports.group_stops = True
    reports.note(stopped())
    assert [(report[2], report[5], report[6]) for report in reports.after(0)] == [
        ("stop", "funding:oi_poller was stopped by an operator", "operator"),
        ("stop", "funding:oi_poller was stopped with its group", ""),
    ]


def test_words_of_reports_are_those_of_the_audit_trail() -> None:
    kinds = (
        reports.START,
        reports.STOP,
        reports.KILL,
        reports.CRASH,
    )
    assert [EventKind(each) for each in kinds] == [
        EventKind.START, EventKind.STOP, EventKind.KILL, EventKind.CRASH
    ]  # fmt: skip
    assert RuleName(reports.OPERATOR) is RuleName.OPERATOR
