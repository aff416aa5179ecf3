"""Which restarts are made now: one by one, within the budget, and KILL after TERM."""

import pytest

from funding.health.facts import Facts, ProcessState
from funding.watchdog.restart_decision import decide, kill_due
from funding.watchdog.restart_rules import Action, PastRestart, RuleName, Verb
from tests.funding.watchdog.test_restart_rules import (
    DEAD,
    FACTS,
    INGEST,
    NO_DATA,
    NOW,
    ONE,
    OTHER,
    TERM_INGEST,
    TWO,
    decided,
    having,
)

FATAL = ProcessState.FATAL


def test_api_processes_are_replaced_one_by_one() -> None:
    both = {"api:api_00": 3, "api:api_01": 3}
    assert decided(FACTS, both) == [("TERM", "api:api_00", "hung API")]
    done = PastRestart(NOW - 7.9, "api:api_00", "hung API")
    assert decided(FACTS, {"api:api_01": 3}, (done,)) == []
    done = PastRestart(NOW - 8.0, "api:api_00", "hung API")
    assert decided(FACTS, {"api:api_01": 3}, (done,)) == [("TERM", "api:api_01", "hung API")]
    large = having(ONE._replace(memory_bytes=1 << 30), TWO._replace(memory_bytes=1 << 30))
    assert decided(large) == [("TERM", "api:api_00", "memory")]


def test_api_process_waits_for_no_other_program() -> None:
    facts = having(heartbeat_age=99.0)
    mine = PastRestart(NOW - 1, "api:api_00", "hung API")
    expected = [*TERM_INGEST, ("TERM", "api:api_00", "hung API")]
    assert decided(facts, {"api:api_00": 2}, (mine,)) == expected
    dead = having(ONE._replace(state=FATAL), TWO._replace(state=FATAL))
    assert decided(dead) == [("START", "api:api_00", "fatal"), ("START", "api:api_01", "fatal")]


# The budget


def restarts(*ages: float, program: str = "funding:ingest") -> tuple[PastRestart, ...]:
    return tuple(PastRestart(NOW - age, program, "hung ingest") for age in ages)


@pytest.mark.parametrize("facts", [having(heartbeat_age=9.0), having(INGEST._replace(state=FATAL))])
def test_after_three_restarts_in_ten_minutes_it_waits(facts: Facts) -> None:
    assert len(decided(facts, history=restarts(599, 300))) == 1
    assert len(decided(facts, history=restarts(600, 300, 20))) == 1
    actions, waiting = decide(facts, {}, restarts(599, 300, 20), NOW)
    assert actions == []
    assert list(waiting) == ["funding:ingest"]
    assert "restarted 3 times in 10 minutes: a person must look" in waiting["funding:ingest"]


def test_each_program_has_its_own_budget() -> None:
    assert (
        decided(having(heartbeat_age=9.0), history=restarts(9, 8, 7, program="api:api_00"))
        == TERM_INGEST
    )


def test_used_up_budget_keeps_no_other_program_waiting() -> None:
    facts = having(OTHER._replace(state=FATAL), heartbeat_age=9.0)
    assert decided(facts, history=restarts(9, 8, 7)) == [("START", "funding:volume_alert", "fatal")]


def test_restarts_without_data_are_half_an_hour_apart() -> None:
    facts = having(**DEAD)
    assert decided(facts, history=(PastRestart(NOW - 1_799, "funding:ingest", "no data"),)) == []
    assert (
        decided(facts, history=(PastRestart(NOW - 1_800, "funding:ingest", "no data"),)) == NO_DATA
    )
    assert decided(facts, history=restarts(1_000)) == NO_DATA


# TERM, then KILL


def test_process_that_outlives_term_is_killed() -> None:
    assert kill_due(INGEST, 17, since=100.0, now=101.9) is None
    expected = Action("funding:ingest", Verb.KILL, RuleName.KILL, "still there 2 s after TERM")
    assert kill_due(INGEST, 17, since=100.0, now=102.0) == expected
    assert kill_due(INGEST._replace(pid=18), 17, since=100.0, now=102.0) is None
    assert kill_due(None, 17, since=100.0, now=102.0) is None
