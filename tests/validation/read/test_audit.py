"""The audit trail: crashes, hangs and replacements."""

from pathlib import Path

from tests.support.report_days import Report, event, failed, loose, run
from tests.support.report_world import END, tamper
from validation.read.audit import EventKind, audit_of
from validation.read.database import opened
from validation.read.period import Period


def crashed(world: Path, script: str) -> tuple[set[str], Report]:
    """The criteria that fail because of the programs, and the events."""
    tamper(world, script)
    _, report = run(world, "--no-store")
    return failed(report) & {"programs that crashed", "programs that hung"}, report["events"]


INGEST = "funding:ingest"


def test_crash_of_ingest_is_counted_once(world: Path) -> None:
    told = event(5.001, INGEST, "crash", f"{INGEST} ended by itself: by a signal")
    lines, events = crashed(world, told + event(5, "ingest", "start", "pid 9"))
    assert lines == {"programs that crashed"}
    assert len(events["crashes"]) == 1
    lines, events = crashed(world, event(4, "ingest", "start", "pid 10"))
    assert len(events["crashes"]) == 2, "the next start has a crash of its own"


def test_program_that_the_watchdog_ended_hung_and_did_not_crash(world: Path) -> None:
    ordered = event(5.01, "watchdog", "restart", "(hung ingest): no heartbeat for 6 s", INGEST)
    lines, events = crashed(world, ordered + event(5, "ingest", "start", "pid 9"))
    assert (lines, events["crashes"]) == (set(), []), "one restart a day is allowed"
    killed = event(4.01, "watchdog", "kill", "(kill): still there 2 s after TERM", INGEST)
    lines, events = crashed(world, killed + event(4, "ingest", "start", "pid 10"))
    assert (lines, events["crashes"]) == ({"programs that hung"}, [])
    assert {each["kind"] for each in events["shown"]} >= {"restart", "kill", "start"}


def test_restart_of_one_program_does_not_excuse_another(world: Path) -> None:
    ordered = event(5.01, "watchdog", "restart", "(hung API): 2 requests", "api:api_00")
    lines, _ = crashed(world, ordered + event(5, "ingest", "start", "pid 9"))
    assert lines == {"programs that crashed"}


def test_replaced_process_is_listed(world: Path) -> None:
    replaced = event(5, "watchdog", "replaced", "api:api_00 is a new process: 7 → 8")
    lines, events = crashed(world, replaced)
    assert lines == set()
    assert "replaced" in {each["kind"] for each in events["shown"]}


def test_database_of_an_older_version_names_no_program(world: Path) -> None:
    tamper(world, loose("event", "ALTER TABLE event DROP COLUMN program"))
    with opened(world) as connection:
        audit = audit_of(connection, Period(0, END, 0, END, [], 0, 0, 0, END))
    assert {each.program for each in audit.shown} == {"ingest"}
    assert audit.count(EventKind.STOP) == 1


def test_only_the_last_events_are_listed(world: Path) -> None:
    many = "".join(event(1 - n / 100, "ingest", "stall", f"number {n}") for n in range(60))
    lines, events = crashed(world, many)
    assert lines == set()
    assert [each["detail"] for each in events["shown"]] == [f"number {n}" for n in range(20, 60)]
    assert events["counts"]["stall (ingest)"] == 60
