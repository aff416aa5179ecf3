"""The audit trail as the watchdog uses it, with a real store."""

import pytest

from funding.model.event import Event, EventKind
from funding.watchdog.audit_trail import MAX_UNSAVED, ORDER_SECONDS, AuditTrail
from funding.watchdog.restart_rules import PastRestart
from tests.support.clock import rows
from tests.support.watched_service import INGEST, WatchedService

AT = 1_764_725_610.0
RESTART = Event(AT, "watchdog", EventKind.RESTART, "for people", INGEST, "no data")


@pytest.fixture
def trail(service: WatchedService) -> AuditTrail:
    return AuditTrail(service.audit)


def details(service: WatchedService) -> list[str]:
    return [detail for (detail,) in rows(service.path, "SELECT detail FROM event ORDER BY id")]


def note(number: int) -> Event:
    return Event(AT, "watchdog", EventKind.NOTICE, str(number))


def test_events_are_kept_until_they_are_stored(
    service: WatchedService, trail: AuditTrail, caplog: pytest.LogCaptureFixture
) -> None:
    assert trail.save(), "there is nothing to store"
    content = service.damage()
    for number in range(MAX_UNSAVED + 2):
        trail.add(note(number))
    assert not trail.save()
    assert f"{MAX_UNSAVED + 2} events not stored yet, retrying" in caplog.text
    trail.add(note(MAX_UNSAVED + 2))
    service.path.unlink()
    service.path.write_bytes(content)
    assert trail.save()
    assert details(service) == [str(number) for number in range(2, MAX_UNSAVED + 3)]
    assert trail.save()
    assert len(details(service)) == MAX_UNSAVED + 1, "stored twice"


def test_warning_is_logged_and_stored(
    service: WatchedService, trail: AuditTrail, caplog: pytest.LogCaptureFixture
) -> None:
    trail.warn(note(1))
    assert trail.save()
    assert [record.message for record in caplog.records] == ["1"]
    assert details(service) == ["1"]


def test_restarts_are_read_from_the_columns(service: WatchedService, trail: AuditTrail) -> None:
    trail.add(RESTART)
    trail.add(Event(AT + 1, "watchdog", EventKind.START, "x (y): z", "api:api_00", "new rule"))
    trail.add(Event(AT + 1, "watchdog", EventKind.KILL, "", INGEST, "kill"))
    trail.add(Event(AT + 1, "funding:watchdog", EventKind.START, "pid 7"))
    trail.save()
    assert trail.restarts(AT) == [
        PastRestart(AT, INGEST, "no data"),
        PastRestart(AT + 1, "api:api_00", "new rule"),
    ]
    assert [past.program for past in trail.restarts(AT + 0.5)] == ["api:api_00"]


def test_restart_of_no_program_is_not_counted(service: WatchedService, trail: AuditTrail) -> None:
    detail = "funding:ingest (no data): x"
    trail.add(Event(AT, "watchdog", EventKind.RESTART, detail))
    trail.save()
    assert trail.restarts(AT) == []


def test_without_a_store_there_are_no_restarts(service: WatchedService, trail: AuditTrail) -> None:
    service.damage()
    assert trail.restarts(AT) == []
    assert not trail.explains(RESTART)


@pytest.mark.parametrize(
    ("program", "after", "explained"),
    [
        (INGEST, 0.0, True),
        (INGEST, ORDER_SECONDS, True),
        (INGEST, ORDER_SECONDS + 1, False),
        (INGEST, -1.0, False),
        ("api:api_00", 0.0, False),
        ("funding:ing", 0.0, False),
    ],
)
def test_order_explains_the_end_that_follows_it(
    trail: AuditTrail, program: str, after: float, explained: bool
) -> None:
    trail.add(RESTART)
    trail.save()
    end = Event(AT + after, program, EventKind.CRASH, "ended", program)
    assert trail.explains(end) is explained


def test_stored_end_needs_no_second_event(trail: AuditTrail) -> None:
    end = Event(AT, INGEST, EventKind.CRASH, "ended", INGEST)
    assert not trail.explains(end)
    trail.add(end)
    trail.save()
    assert trail.explains(end)
    assert not trail.explains(Event(AT, INGEST, EventKind.CRASH, "another", INGEST))
