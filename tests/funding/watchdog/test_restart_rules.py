"""The restart rules: facts and history in, actions out."""

import random
from dataclasses import replace
from typing import Any

import pytest

from funding.health.checks import check
from funding.health.facts import Facts, LastComparison, LockHolder, OtherFeed, Process, ProcessState
from funding.health.findings import Level
from funding.health.report import healthy
from funding.health.verdict import Limits, heartbeat_age
from funding.model.feed import Feed
from funding.watchdog.restart_decision import decide
from funding.watchdog.restart_rules import (
    FAILED_PROBES,
    BadProbes,
    PastRestart,
    RuleName,
    Verb,
)

RUNNING, FATAL = ProcessState.RUNNING, ProcessState.FATAL
STOPPED, STOPPING = ProcessState.STOPPED, ProcessState.STOPPING
NOW = 1_764_725_610.0
FEED = Feed("binance", "test.invalid", 17, "boot", NOW, 0.0, connected=1, good_since=NOW)
INGEST = Process("funding:ingest", RUNNING, 17, "", 500.0, 60 << 20)
ONE = Process("api:api_00", RUNNING, 19, "", 500.0, 50 << 20)
TWO = Process("api:api_01", RUNNING, 20, "", 500.0, 50 << 20)
OTHER = Process("funding:volume_alert", RUNNING, 21, "", 500.0, 50 << 20)
FACTS = Facts(
    Limits(stale_after=180.0, min_symbols=5),
    feed=FEED,
    heartbeat_age=0.3,
    last_frame_age=0.4,
    processes=(INGEST, ONE, TWO, OTHER),
    last_comparison=LastComparison(),
    comparison_age=5.0,
)
DEAD = {"last_frame_age": 500.0, "feed": replace(FEED, connected=0)}


def having(*processes: Process, **changes: Any) -> Facts:
    """`FACTS` with these in place of the processes of the same names, and `changes`."""
    named = {each.name: each for each in (*(FACTS.processes or ()), *processes)}
    return replace(FACTS, processes=tuple(named.values()), **changes)


def holding(pid: int, seconds: float, waited: float = 99.0) -> dict[str, Any]:
    """Facts of a process that has held the write lock for `seconds`."""
    words, holder = f"process {pid} (python)", LockHolder(pid, seconds)
    return {"heartbeat_age": waited, "locked_by": words, "lock_holder": holder}


def decided(
    facts: Facts, missed: dict[str, int] | None = None, history: tuple[PastRestart, ...] = ()
) -> list[tuple[Verb, str, RuleName]]:
    """The actions: verb, program and rule."""
    bad = {name: BadProbes(count, count) for name, count in (missed or {}).items()}
    return [(a.verb, a.program, a.rule) for a in decide(facts, bad, history, NOW)[0]]


BANNED = LastComparison(problem="not asked for 99 s more")
AWAY = LastComparison(problem="x", reachable=False)
TERM_INGEST = [("TERM", "funding:ingest", "hung ingest")]
HOLDS_LOCK = [("TERM", "funding:volume_alert", "holds the lock")]
NO_DATA = [("TERM", "funding:ingest", "no data")]
TABLE: list[tuple[str, Facts, list[tuple[str, str, str]]]] = [
    ("healthy", FACTS, []),
    ("no supervisord", replace(FACTS, processes=None, heartbeat_age=99.0), []),
    # A hung ingest
    ("heartbeat old", having(heartbeat_age=5.1), TERM_INGEST),
    ("heartbeat just young enough", having(heartbeat_age=5.0), []),
    ("a row of another process", having(feed=replace(FEED, pid=1)), TERM_INGEST),
    ("nothing stored", having(feed=None, heartbeat_age=None), TERM_INGEST),
    ("nothing readable", having(feed=None, heartbeat_age=None, store_problem="corrupt"), []),
    ("waits for the disk", having(heartbeat_age=99.0, disk_free_bytes=4_000_000), []),
    ("a disk with room", having(heartbeat_age=99.0, disk_free_bytes=4 << 20), TERM_INGEST),
    ("waits for a lock", having(heartbeat_age=99.0, locked_by="process 5 (sqlite3)"), []),
    ("a program of ours has the lock", having(**holding(21, 30.1)), HOLDS_LOCK),
    ("it has had it for a moment", having(**holding(21, 30.0)), []),
    ("ingest has waited for a moment", having(**holding(21, 99.0, waited=30.0)), []),
    ("a person has the lock", having(**holding(5, 99.0)), []),
    ("it upgrades", having(OTHER._replace(age_seconds=119.9), **holding(21, 99.0)), []),
    ("within its grace", having(INGEST._replace(age_seconds=7.9), heartbeat_age=99.0), []),
    ("after its grace", having(INGEST._replace(age_seconds=8.0), heartbeat_age=99.0), TERM_INGEST),
    # Only a RUNNING process can hang
    *[
        (state, having(INGEST._replace(state=state), heartbeat_age=99.0), [])
        for state in ProcessState if state not in (RUNNING, FATAL)
    ],
    # FATAL is started, whatever its age; STOPPED is left alone
    ("FATAL", having(INGEST._replace(state=FATAL, pid=0, age_seconds=0.0)),
     [("START", "funding:ingest", "fatal")]),
    ("FATAL consumer", having(OTHER._replace(state=FATAL)),
     [("START", "funding:volume_alert", "fatal")]),
    ("STOPPED", having(*(p._replace(state=STOPPED, pid=0) for p in (INGEST, ONE, TWO))), []),
    # Memory
    ("memory", having(OTHER._replace(memory_bytes=(512 << 20) + 1)),
     [("TERM", "funding:volume_alert", "memory")]),
    ("memory, just", having(OTHER._replace(memory_bytes=512 << 20)), []),
    ("memory, being stopped", having(OTHER._replace(memory_bytes=1 << 30, state=STOPPING)), []),
    ("memory, young", having(OTHER._replace(memory_bytes=1 << 30, age_seconds=59.0)), []),
    # No data although the exchange answers
    ("no data", having(**DEAD), NO_DATA),
    ("no data for a minute", having(**DEAD | {"last_frame_age": 60.0}), []),
    ("nothing readable about frames", having(**DEAD | {"last_frame_age": None, "feed": None},
                                             store_problem="of a newer version"), []),
    ("no store at all", having(**DEAD | {"last_frame_age": None, "feed": None},
                               heartbeat_age=None), TERM_INGEST),
    ("a pause that was asked for", having(**DEAD, stated_wait=0.1), []),
    ("no data behind a lock", having(**DEAD, locked_by="process 5 (sqlite3)"), []),
    ("never any data", having(**DEAD | {"last_frame_age": None}), NO_DATA),
    ("not yet any data", having(INGEST._replace(age_seconds=60.0), **DEAD), []),
    ("the exchange is unreachable", having(**DEAD, last_comparison=AWAY), []),
    ("banned", having(**DEAD, last_comparison=BANNED), []),
    ("not asked yet", having(**DEAD, last_comparison=None), []),
    ("asked before it fell silent", having(**DEAD, comparison_age=495.0), []),
    ("asked long enough after", having(**DEAD, comparison_age=490.0), NO_DATA),
]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_rules(facts: Facts, expected: list[tuple[str, str, str]]) -> None:
    assert decided(facts) == expected


HISTORY = Process("funding:history", RUNNING, 22, "", 500.0, 50 << 20)
PUBLISH = Process("funding:publish", RUNNING, 23, "", 500.0, 50 << 20)


@pytest.mark.parametrize(
    ("age", "process", "changes", "acts"),
    [
        (59.0, PUBLISH, {}, False),
        (61.0, PUBLISH, {}, True),
        (None, PUBLISH, {}, True),
        (61.0, PUBLISH, {"locked_by": "pid 9"}, False),
        (179.0, HISTORY, {}, False),
        (181.0, HISTORY, {}, True),
        (None, HISTORY, {}, True),  # it never gave a sign of life
        (None, HISTORY._replace(age_seconds=179.0), {}, False),
        (9_999.0, HISTORY._replace(age_seconds=200.0), {}, True),
        (9_999.0, HISTORY._replace(age_seconds=100.0), {}, False),
        (181.0, HISTORY._replace(state=STOPPED), {}, False),
        (181.0, HISTORY, {"store_problem": "locked"}, False),
        (181.0, HISTORY, {"locked_by": "pid 9"}, False),
        (181.0, HISTORY, {"feed": None}, False),
        (181.0, OTHER, {}, False),
    ],
)
def test_program_that_gives_no_sign_of_life_is_restarted(
    age: float | None, process: Process, changes: dict[str, Any], acts: bool
) -> None:
    silences = {} if age is None else {process.name: age}
    found = [
        each
        for each in decided(having(process, silences=silences, **changes))
        if each[1] == process.name
    ]
    rule = f"hung {process.name.partition(':')[2]}"
    assert found == [("TERM", process.name, rule)] * acts


def test_action_has_a_reason() -> None:
    (action,), waiting = decide(having(heartbeat_age=37.0), {}, (), NOW)
    assert action.reason == "no heartbeat for 37 s"
    assert waiting == {}
    (action,), _ = decide(having(INGEST._replace(state=FATAL, description="x")), {}, (), NOW)
    assert action.reason == "FATAL: x"


# The API


def test_api_process_that_missed_two_probes_is_hung() -> None:
    assert decided(FACTS, {"api:api_01": 1}) == []
    assert decided(FACTS, {"api:api_01": 2}) == [("TERM", "api:api_01", "hung API")]
    young = having(TWO._replace(age_seconds=7.9))
    assert decided(young, {"api:api_01": 9}) == []
    stopped = having(TWO._replace(state=STOPPED))
    assert decided(stopped, {"api:api_01": 9}) == []


def test_api_process_that_answers_wrongly_is_restarted_after_a_grace() -> None:
    """It answers, but not with what the watchdog itself reads."""
    facts = having(quote_ages={"BTCUSDT": 0.4})

    def wrong(facts: Facts, count: int) -> list[tuple[Verb, str, RuleName]]:
        bad = {"api:api_01": BadProbes(missed=0, failed=count)}
        return [(a.verb, a.program, a.rule) for a in decide(facts, bad, (), NOW)[0]]

    assert wrong(facts, FAILED_PROBES - 1) == []
    assert wrong(facts, FAILED_PROBES) == [("TERM", "api:api_01", "failing API")]
    assert wrong(replace(facts, store_problem="locked"), 99) == []
    assert wrong(replace(facts, quote_ages={}), 99) == []
    young = having(TWO._replace(age_seconds=7.9), quote_ages={"BTCUSDT": 0.4})
    assert wrong(young, 99) == []


# Long runs


class SimulatedService:
    """A service and its clocks, and the facts that the watchdog would collect."""

    def __init__(self) -> None:
        self.uptime, self.wall = 1_000.0, NOW
        self.last_frame = self.heartbeat = self.compared = self.uptime

    def facts(self, step: float = 0.0) -> Facts:
        feed = replace(FEED, boot_id="boot", heartbeat_at=NOW, heartbeat_uptime=self.heartbeat)
        silent = self.uptime - self.last_frame
        return having(
            feed=feed,
            heartbeat_age=heartbeat_age(feed, self.uptime, "boot"),
            last_frame_age=silent,
            quote_ages={f"S{n}": silent for n in range(5)},
            comparison_age=self.uptime - self.compared,
            clock_step=step,
        )


def test_healthy_jittered_feed_causes_no_action_in_72_hours() -> None:
    service, dice = SimulatedService(), random.Random(1)
    for _ in range(72 * 3_600 // 5):
        passed = dice.uniform(4.9, 6.5)
        service.uptime += passed
        service.wall += passed
        service.last_frame = service.uptime - dice.expovariate(2.0)  # a second late now and then
        service.heartbeat = service.uptime - dice.uniform(0.0, 1.5)
        if service.uptime - service.compared > 60:
            service.compared = service.uptime
        facts = service.facts()
        missed = {"api:api_00": BadProbes(int(dice.random() < 0.001))}
        assert decide(facts, missed, (), service.wall) == ([], {})
        assert healthy(check(replace(facts, port_probe=None)))


@pytest.mark.parametrize("step", [-3_600.0, 3_600.0])
def test_step_of_the_wall_clock_restarts_nothing(step: float) -> None:
    service = SimulatedService()
    service.wall += step
    facts = service.facts(step)
    assert decide(facts, {}, (), service.wall) == ([], {})
    assert healthy(check(facts))
    assert [f.check for f in check(facts) if "clock stepped" in f.text] == ["clock"]


@pytest.mark.parametrize("step", [-3_600.0, 3_600.0])
def test_dead_feed_is_found_although_the_wall_clock_stepped(step: float) -> None:
    service = SimulatedService()
    service.wall += step
    service.uptime += 181.0
    service.wall += 181.0
    facts = service.facts()
    assert ("TERM", "funding:ingest", "hung ingest") in decided(facts)
    assert {"feed", "symbols", "frame"} <= {f.check for f in check(facts) if f.level is Level.ERROR}


KUCOIN = Process("funding:ingest-kucoin", RUNNING, 31, "", 500.0, 60 << 20)
OTHER_FEED = OtherFeed(
    "kucoin",
    300,
    feed=replace(FEED, exchange="kucoin", pid=31),
    heartbeat_age=0.3,
    last_frame_age=0.4,
    answered=60.0,
    program="funding:ingest-kucoin",
)
TERM_KUCOIN = [("TERM", "funding:ingest-kucoin", "hung ingest")]
KUCOIN_SILENT = [("TERM", "funding:ingest-kucoin", "no data")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"heartbeat_age": 5.0}, []),
        ({"heartbeat_age": 5.1}, TERM_KUCOIN),
        ({"feed": None, "heartbeat_age": None}, TERM_KUCOIN),
        ({"feed": replace(FEED, pid=1)}, TERM_KUCOIN),
        ({"last_frame_age": 300.0}, []),
        ({"last_frame_age": 301.0}, KUCOIN_SILENT),
        ({"last_frame_age": None}, KUCOIN_SILENT),
        ({"last_frame_age": 301.0, "answered": 292.0}, []),
        ({"last_frame_age": 301.0, "answered": None}, []),
        ({"last_frame_age": 301.0, "stated_wait": 9.0}, []),
    ],
)
def test_each_ingest_is_judged_by_its_own_feed(
    changes: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    others = [OTHER_FEED._replace(**changes)]
    assert decided(having(KUCOIN, others=others)) == expected


def test_trouble_of_binance_restarts_no_other_ingest() -> None:
    dead = {"heartbeat_age": 99.0, "last_frame_age": 500.0}
    assert decided(having(KUCOIN, others=[OTHER_FEED], **dead)) == TERM_INGEST


def test_locked_store_or_full_disk_is_no_fault_of_any_ingest() -> None:
    hung = [OTHER_FEED._replace(heartbeat_age=99.0, last_frame_age=999.0)]
    for waits in (
        {"locked_by": "process 5 (sqlite3)"},
        {"store_problem": "corrupt"},
    ):
        assert decided(having(KUCOIN, others=hung, **waits)) == []
