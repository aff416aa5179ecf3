"""The table of the checks, and those of the programs and the machine."""

from dataclasses import replace

import pytest

from funding.health.checks import check, clock_stepped
from funding.health.facts import Facts, Probe, Process
from funding.health.facts import ProcessState as State
from funding.health.findings import Check, Level
from funding.health.report import healthy
from funding.model.verdict import DAY_SECONDS, Verdict
from tests.support.health_facts import AT, HEALTHY, PROGRAMS, assert_only_finding, with_program

W, E = Level.WARNING, Level.ERROR


def having_consumer(state: State, description: str = "x") -> Facts:
    """Healthy facts, and a consumer in `state`."""
    return replace(
        HEALTHY, processes=(*PROGRAMS, Process("funding:oi_poller", state, 0, description))
    )


TABLE: list[tuple[Facts, Level, str, str]] = [
    # The programs
    (with_program("funding:ingest", state=State.FATAL, description="x"), E, "ingest", "FATAL: x"),
    (with_program("funding:ingest", state=State.BACKOFF), E, "ingest", "ingest is BACKOFF"),
    (with_program("funding:ingest", state=State.STOPPED), E, "ingest", "operator; not restarted"),
    (with_program("api:api_01", state=State.EXITED), E, "programs", "api:api_01 is EXITED"),
    (replace(HEALTHY, processes=PROGRAMS[1:]), E, "ingest", "has no program funding:ingest"),
    (replace(HEALTHY, processes=PROGRAMS[:2]), E, "programs", "has no program api"),
    (replace(HEALTHY, processes=None, supervisor_problem="why"), W, "supervisor", "why"),
    # The consumers: a warning
    (having_consumer(State.FATAL), W, "programs", "funding:oi_poller is FATAL"),
    (having_consumer(State.STOPPED), W, "programs", "operator; not restarted"),
    # The API
    (replace(HEALTHY, port_probe=Probe(True, "503 store unavailable", serves=False)), E, "api",
     "does not answer with what the store holds: 503 store unavailable"),
    (replace(HEALTHY, process_probes={"api:api_00": Probe(True, "404", serves=False)}), E, "api",
     "api:api_00 does not answer with what the store holds: 404"),
    (replace(HEALTHY, port_probe=Probe(False, "late")), E, "api", "late"),
    (replace(HEALTHY, process_probes={"api:api_00": Probe(False, "late")}), E, "api", "api:api_00"),
    # The machine
    (with_program("api:api_00", memory_bytes=(384 << 20) + 1), W, "memory", "api:api_00 has 384"),
    (replace(HEALTHY, wal_bytes=(64 << 20) + 1), W, "wal", "64 MB"),
    (replace(HEALTHY, disk_free_bytes=(500 << 20) - 1), W, "disk", "500 MB"),
    (replace(HEALTHY, disk_free_bytes=(50 << 20) - 1), E, "disk", "50 MB"),
    (replace(HEALTHY, clock_step=-3_600.0), W, "clock", "-3600 s"),
    (replace(HEALTHY, clock_step=3_600.0), W, "clock", "+3600 s"),
    (replace(HEALTHY, clock_error=-604_800.0), W, "clock", "clock is wrong by -604800 s"),
    (replace(HEALTHY, clock_error=10.1), W, "clock", "clock is wrong by +10 s"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "level", "name", "words"), TABLE)
def test_unhealthy_facts(facts: Facts, level: Level, name: str, words: str) -> None:
    assert_only_finding(facts, level, name, words)


@pytest.mark.parametrize(
    "facts",
    [
        with_program("api:api_00", memory_bytes=384 << 20),
        replace(
            HEALTHY, disk_free_bytes=None, clock_step=1.9, wal_bytes=64 << 20, last_comparison=None
        ),
        with_program("funding:watchdog", state=State.STOPPED),
        replace(HEALTHY, clock_error=-10.0),
        having_consumer(State.RUNNING),
        having_consumer(State.STOPPED, "Not started"),
    ],
)
def test_facts_at_the_limits_are_healthy(facts: Facts) -> None:
    assert {each.level for each in check(facts)} == {Level.INFO}


@pytest.mark.parametrize(("step", "stepped"), [(2.0, False), (2.1, True), (-2.1, True)])
def test_small_drift_of_the_clock_is_not_a_step(step: float, stepped: bool) -> None:
    assert clock_stepped(replace(HEALTHY, clock_step=step)) is stepped


def test_healthy_facts_give_a_report_in_order() -> None:
    findings = check(HEALTHY)
    assert healthy(findings)
    assert {each.level for each in findings} == {Level.INFO}
    assert [each.check for each in findings] == [
        "ingest", *["programs"] * 2, "feed", "symbols", "frame", "api", *["rest"] * 3
    ]  # fmt: skip


def test_what_people_are_to_be_told() -> None:
    go = Verdict("kucoin", AT - 6 * DAY_SECONDS, "GO", AT - 6 * DAY_SECONDS)
    facts = replace(HEALTHY, at=AT, verdicts=[go, Verdict("binance", AT, "NO-GO")])
    words = "the GO of kucoin lapses in 1.0 days"
    assert_only_finding(facts, Level.WARNING, Check.VERDICT, words)
    facts = replace(HEALTHY, undelivered=["3 alerts cannot be sent"])
    assert_only_finding(facts, Level.WARNING, Check.ALERTS, "3 alerts cannot be sent")


def test_a_trail_that_waits_is_told_where_it_is_published() -> None:
    facts = replace(HEALTHY, unpublished="signals wait for NATS")
    assert all(each.check is not Check.PUBLISH for each in check(facts))
    publishes = Process("funding:publish", State.RUNNING, 99, "", 500.0)
    facts = replace(facts, processes=[*(HEALTHY.processes or ()), publishes])
    assert_only_finding(facts, Level.WARNING, Check.PUBLISH, "signals wait for NATS")
