"""What the checks of the programs and the machine say, word for word: a person acts on it."""

from dataclasses import replace

from funding.health.checks import check
from funding.health.facts import Facts, Probe
from funding.health.facts import ProcessState as State
from funding.health.findings import Check, Finding, Level
from tests.support.health_facts import HEALTHY, found, with_program


def test_report_of_a_healthy_service() -> None:
    findings = [each for each in check(HEALTHY) if each.check is not Check.REST]
    assert findings == [
        Finding(Level.INFO, name, text, text.split()[0] if "RUNNING" in text else "")
        for name, text in (
            (Check.INGEST, "funding:ingest RUNNING for 500 s, 60 MB"),
            (Check.PROGRAMS, "api:api_00 RUNNING for 500 s, 50 MB"),
            (Check.PROGRAMS, "api:api_01 RUNNING for 500 s, 50 MB"),
            (Check.FEED, "connected to test.invalid, 1944 frames since ingest started"),
            (Check.SYMBOLS, "600 fresh symbols"),
            (Check.FRAME, "the last frame is 0.4 s old"),
            (Check.API, "the API answers: status 200"),
        )
    ]


def test_supervisord_that_does_not_answer_says_nothing_of_the_programs() -> None:
    late = replace(HEALTHY, supervisor_problem="no answer within 5 s")
    assert found(late, Level.WARNING) == [(Check.SUPERVISOR, "no answer within 5 s")]
    assert not {Check.INGEST, Check.PROGRAMS} & {each.check for each in check(late)}
    unknown = replace(HEALTHY, processes=None)
    assert found(unknown, Level.WARNING) == [(Check.SUPERVISOR, "supervisord does not answer")]


def errors(facts: Facts) -> list[tuple[Check, str]]:
    return found(facts, Level.ERROR)


def test_program_that_is_not_running_is_named_with_its_state() -> None:
    stopped = "funding:ingest is STOPPED: stopped by an operator; not restarted"
    ill = with_program("funding:ingest", state=State.STOPPED, description="x")
    assert errors(ill) == [(Check.INGEST, stopped)]
    ill = with_program("funding:ingest", state=State.STOPPED, description="Not started")
    assert errors(ill) == [(Check.INGEST, "funding:ingest was not started yet")]
    ill = with_program("funding:ingest", state=State.FATAL, description="Not started")
    assert errors(ill) == [(Check.INGEST, "funding:ingest is FATAL: Not started")]
    ill = replace(HEALTHY, processes=())
    assert errors(ill) == [
        (Check.INGEST, "supervisord has no program funding:ingest"),
        (Check.PROGRAMS, "supervisord has no program api"),
    ]


def test_process_of_the_api_that_does_not_answer_is_named() -> None:
    ill = replace(HEALTHY, process_probes={"api:api_01": Probe(False, "timeout")})
    assert errors(ill) == [(Check.API, "api:api_01 does not answer: timeout")]
    ill = replace(HEALTHY, port_probe=Probe(False, "refused"))
    assert errors(ill) == [(Check.API, "the API does not answer: refused")]


def test_machine_is_measured_in_megabytes_and_seconds() -> None:
    """At the limits themselves all is well, except for a disk with less than that."""
    ill = replace(
        with_program("api:api_00", memory_bytes=400 << 20),
        wal_bytes=65 << 20,
        disk_free_bytes=499 << 20,
        clock_step=2.6,
    )
    assert found(ill, Level.WARNING) == [
        (Check.MEMORY, "api:api_00 has 400 MB resident"),
        (Check.WAL, "the WAL has 65 MB: does a reader hold an old snapshot?"),
        (Check.DISK, "499 MB left on the disk"),
        (Check.CLOCK, "the wall clock stepped by +3 s"),
    ]
    assert errors(replace(HEALTHY, disk_free_bytes=50 << 20)) == []
    assert found(replace(HEALTHY, disk_free_bytes=500 << 20), Level.WARNING) == []
    assert errors(replace(HEALTHY, disk_free_bytes=(50 << 20) - 1)) == [
        (Check.DISK, "50 MB left on the disk")
    ]
