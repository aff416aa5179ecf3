"""What the watchdog does: facts and history in, orders out."""

import random
from dataclasses import replace
from typing import Any

import pytest

from funding.health.checks import Facts, LastComparison, Process, check
from funding.health.report import healthy
from funding.health.verdict import Limits, heartbeat_age
from funding.model.feed import Feed
from funding.watchdog.restart_rules import Action, PastRestart, decide, escalate

NOW = 1_764_725_610.0
FEED = Feed("binance", "test.invalid", 17, "boot", NOW, 0.0, connected=1)
INGEST = Process("funding:ingest", "RUNNING", 17, "", 500.0, 60 << 20)
ONE = Process("api:api_00", "RUNNING", 19, "", 500.0, 50 << 20)
TWO = Process("api:api_01", "RUNNING", 20, "", 500.0, 50 << 20)
OTHER = Process("funding:volume_alert", "RUNNING", 21, "", 500.0, 50 << 20)
FACTS = Facts(
    Limits(stale_after=180.0, min_symbols=5),
    feed=FEED,
    heartbeat=0.3,
    last_frame=0.4,
    processes=(INGEST, ONE, TWO, OTHER),
    comparing=LastComparison(),
    compared_ago=5.0,
)
DEAD = {"last_frame": 500.0, "feed": replace(FEED, connected=0)}


def having(*processes: Process, **changes: Any) -> Facts:
    """`FACTS` with these in place of the processes of the same names, and `changes`."""
    named = {each.name: each for each in (*(FACTS.processes or ()), *processes)}
    return replace(FACTS, processes=tuple(named.values()), **changes)


def orders(
    facts: Facts, missed: dict[str, int] | None = None, history: tuple[PastRestart, ...] = ()
) -> list[tuple[str, str, str]]:
    """What is to be done: verb, program and rule."""
    return [(a.verb, a.program, a.rule) for a in decide(facts, missed or {}, history, NOW)[0]]


AWAY = LastComparison(problem="x", reachable=False)
TERM_INGEST = [("TERM", "funding:ingest", "hung ingest")]
NO_DATA = [("TERM", "funding:ingest", "no data")]
TABLE: list[tuple[str, Facts, list[tuple[str, str, str]]]] = [
    ("all is well", FACTS, []),
    ("no supervisord", replace(FACTS, processes=None, heartbeat=99.0), []),
    # A hung ingest
    ("heartbeat old", having(heartbeat=5.1), TERM_INGEST),
    ("heartbeat just young enough", having(heartbeat=5.0), []),
    ("a row of another process", having(feed=replace(FEED, pid=1)), TERM_INGEST),
    ("nothing stored", having(feed=None, heartbeat=None), TERM_INGEST),
    ("nothing readable", having(feed=None, heartbeat=None, store_problem="corrupt"), []),
    ("within its grace", having(INGEST._replace(age_seconds=7.9), heartbeat=99.0), []),
    ("after its grace", having(INGEST._replace(age_seconds=8.0), heartbeat=99.0), TERM_INGEST),
    # Only what is RUNNING can hang
    *[
        (state, having(INGEST._replace(state=state), heartbeat=99.0), [])
        for state in ("STARTING", "STOPPING", "STOPPED", "BACKOFF", "EXITED", "UNKNOWN")
    ],
    # FATAL is started, whatever its age; STOPPED is left
    ("FATAL", having(INGEST._replace(state="FATAL", pid=0, age_seconds=0.0)),
     [("START", "funding:ingest", "fatal")]),
    ("FATAL consumer", having(OTHER._replace(state="FATAL")),
     [("START", "funding:volume_alert", "fatal")]),
    ("STOPPED", having(*(p._replace(state="STOPPED", pid=0) for p in (INGEST, ONE, TWO))), []),
    # Memory
    ("memory", having(OTHER._replace(memory_bytes=(512 << 20) + 1)),
     [("TERM", "funding:volume_alert", "memory")]),
    ("memory, just", having(OTHER._replace(memory_bytes=512 << 20)), []),
    ("memory, being stopped", having(OTHER._replace(memory_bytes=1 << 30, state="STOPPING")), []),
    ("memory, young", having(OTHER._replace(memory_bytes=1 << 30, age_seconds=59.0)), []),
    # No data although the exchange answers
    ("no data", having(**DEAD), NO_DATA),
    ("no data for a minute", having(**DEAD | {"last_frame": 60.0}), []),
    ("never any data", having(**DEAD | {"last_frame": None}), NO_DATA),
    ("not yet any data", having(INGEST._replace(age_seconds=60.0), **DEAD), []),
    ("the exchange is unreachable", having(**DEAD, comparing=AWAY), []),
    ("banned", having(**DEAD, comparing=LastComparison(problem="not asked for 99 s more")), []),
    ("not asked yet", having(**DEAD, comparing=None), []),
    ("asked before it fell silent", having(**DEAD, compared_ago=495.0), []),
    ("asked long enough after", having(**DEAD, compared_ago=490.0), NO_DATA),
]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_the_rules(facts: Facts, expected: list[tuple[str, str, str]]) -> None:
    assert orders(facts) == expected


def test_an_action_says_why() -> None:
    (action,), waiting = decide(having(heartbeat=37.0), {}, (), NOW)
    assert action.reason == "no heartbeat for 37 s"
    assert waiting == {}
    (action,), _ = decide(having(INGEST._replace(state="FATAL", description="x")), {}, (), NOW)
    assert action.reason == "FATAL: x"


# The API


def test_an_api_that_missed_two_probes_is_hung() -> None:
    assert orders(FACTS, {"api:api_01": 1}) == []
    assert orders(FACTS, {"api:api_01": 2}) == [("TERM", "api:api_01", "hung API")]
    young = having(TWO._replace(age_seconds=7.9))
    assert orders(young, {"api:api_01": 9}) == []
    stopped = having(TWO._replace(state="STOPPED"))
    assert orders(stopped, {"api:api_01": 9}) == []


def test_the_processes_of_the_api_are_replaced_one_by_one() -> None:
    both = {"api:api_00": 3, "api:api_01": 3}
    assert orders(FACTS, both) == [("TERM", "api:api_00", "hung API")]
    done = PastRestart(NOW - 7.9, "api:api_00", "hung API")
    assert orders(FACTS, {"api:api_01": 3}, (done,)) == []
    done = PastRestart(NOW - 8.0, "api:api_00", "hung API")
    assert orders(FACTS, {"api:api_01": 3}, (done,)) == [("TERM", "api:api_01", "hung API")]
    large = having(ONE._replace(memory_bytes=1 << 30), TWO._replace(memory_bytes=1 << 30))
    assert orders(large) == [("TERM", "api:api_00", "memory")]


def test_a_process_of_the_api_does_not_wait_for_itself_or_for_others() -> None:
    facts = having(heartbeat=99.0)
    mine = PastRestart(NOW - 1, "api:api_00", "hung API")
    expected = [*TERM_INGEST, ("TERM", "api:api_00", "hung API")]
    assert orders(facts, {"api:api_00": 2}, (mine,)) == expected
    dead = having(ONE._replace(state="FATAL"), TWO._replace(state="FATAL"))
    assert orders(dead) == [("START", "api:api_00", "fatal"), ("START", "api:api_01", "fatal")]


# The budget


def deeds(*ages: float, program: str = "funding:ingest") -> tuple[PastRestart, ...]:
    return tuple(PastRestart(NOW - age, program, "hung ingest") for age in ages)


@pytest.mark.parametrize("facts", [having(heartbeat=9.0), having(INGEST._replace(state="FATAL"))])
def test_three_restarts_in_ten_minutes_then_it_reports_and_waits(facts: Facts) -> None:
    assert len(orders(facts, history=deeds(599, 300))) == 1
    assert len(orders(facts, history=deeds(600, 300, 20))) == 1
    actions, waiting = decide(facts, {}, deeds(599, 300, 20), NOW)
    assert actions == []
    assert list(waiting) == ["funding:ingest"]
    assert "restarted 3 times in 10 minutes: a person must look" in waiting["funding:ingest"]


def test_each_program_has_a_budget_of_its_own() -> None:
    assert (
        orders(having(heartbeat=9.0), history=deeds(9, 8, 7, program="api:api_00")) == TERM_INGEST
    )


def test_a_budget_that_is_used_up_keeps_no_other_program_waiting() -> None:
    facts = having(OTHER._replace(state="FATAL"), heartbeat=9.0)
    assert orders(facts, history=deeds(9, 8, 7)) == [("START", "funding:volume_alert", "fatal")]


def test_for_want_of_data_ingest_is_restarted_seldom() -> None:
    facts = having(**DEAD)
    assert orders(facts, history=(PastRestart(NOW - 1_799, "funding:ingest", "no data"),)) == []
    assert (
        orders(facts, history=(PastRestart(NOW - 1_800, "funding:ingest", "no data"),)) == NO_DATA
    )
    assert orders(facts, history=deeds(1_000)) == NO_DATA


# TERM, then KILL


def test_what_outlives_term_is_killed() -> None:
    assert escalate(INGEST, 17, since=100.0, now=101.9) is None
    expected = Action("funding:ingest", "KILL", "kill", "still there 2 s after TERM")
    assert escalate(INGEST, 17, since=100.0, now=102.0) == expected
    assert escalate(INGEST._replace(pid=18), 17, since=100.0, now=102.0) is None
    assert escalate(None, 17, since=100.0, now=102.0) is None


# Long runs


class World:
    """A service at a moment: what the watchdog would see of it."""

    def __init__(self) -> None:
        self.uptime, self.wall = 1_000.0, NOW
        self.fed = self.beaten = self.compared = self.uptime

    def facts(self, step: float = 0.0) -> Facts:
        feed = replace(FEED, boot_id="boot", heartbeat_at=NOW, heartbeat_uptime=self.beaten)
        silent = self.uptime - self.fed
        return having(
            feed=feed,
            heartbeat=heartbeat_age(feed, self.wall, self.uptime, "boot"),
            last_frame=silent,
            ages={f"S{n}": silent for n in range(5)},
            compared_ago=self.uptime - self.compared,
            clock_step=step,
        )


def test_72_hours_of_a_healthy_jittered_feed_see_no_action() -> None:
    world, dice = World(), random.Random(1)
    for _ in range(72 * 3_600 // 5):
        passed = dice.uniform(4.9, 6.5)
        world.uptime += passed
        world.wall += passed
        world.fed = world.uptime - dice.expovariate(2.0)  # a second late now and then
        world.beaten = world.uptime - dice.uniform(0.0, 1.5)
        if world.uptime - world.compared > 60:
            world.compared = world.uptime
        facts = world.facts()
        missed = {"api:api_00": int(dice.random() < 0.001)}
        assert decide(facts, missed, (), world.wall) == ([], {})
        assert healthy(check(replace(facts, api=None)))


@pytest.mark.parametrize("step", [-3_600.0, 3_600.0])
def test_a_step_of_the_wall_clock_restarts_nothing(step: float) -> None:
    world = World()
    world.wall += step
    facts = world.facts(step)
    assert decide(facts, {}, (), world.wall) == ([], {})
    assert healthy(check(facts))
    assert [f.check for f in check(facts) if "clock stepped" in f.text] == ["clock"]


@pytest.mark.parametrize("step", [-3_600.0, 3_600.0])
def test_a_dead_feed_is_found_though_the_wall_clock_stepped(step: float) -> None:
    world = World()
    world.wall += step
    world.uptime += 181.0
    world.wall += 181.0
    facts = world.facts()
    assert ("TERM", "funding:ingest", "hung ingest") in orders(facts)
    assert {"feed", "symbols", "frame"} <= {
        f.check for f in check(facts) if f.level.name == "ERROR"
    }
