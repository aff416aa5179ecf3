"""Each restart rule by itself, just below and at its limits, and what it says."""

from dataclasses import replace

import pytest

from funding.health.facts import Facts, LastComparison, Process, ProcessState
from funding.health.verdict import Limits
from funding.model.feed import Feed
from funding.watchdog.restart_rules import RULES, BadProbes, RuleName

RUNNING = ProcessState.RUNNING
INGEST = Process("funding:ingest", RUNNING, 17, "", 500.0, 60 << 20)
API = Process("api:api_00", RUNNING, 19, "", 500.0, 50 << 20)
OTHER = Process("funding:oi_poller", RUNNING, 21, "", 500.0, 50 << 20)
FEED = Feed("binance", "test.invalid", 17, "boot", 0.0, 0.0, connected=1, good_since=0.0)
FACTS = Facts(
    Limits(stale_after=180.0, min_symbols=5),
    feed=FEED,
    heartbeat_age=0.3,
    last_frame_age=0.4,
    quote_ages={"BTCUSDT": 0.4},
    last_comparison=LastComparison(),
    comparison_age=5.0,
)


def reason(
    rule: RuleName, process: Process, facts: Facts = FACTS, missed: int = 0, failed: int = 0
) -> str:
    """Why this rule would restart `process`, "" where it would not."""
    (found,) = (each for each in RULES if each.name is rule)
    return found.applies(facts, process, BadProbes(missed, failed))


def test_probes_are_good_until_one_is_bad() -> None:
    assert BadProbes() == (0, 0)


@pytest.mark.parametrize("rule", [rule for rule in RuleName if rule in {r.name for r in RULES}])
@pytest.mark.parametrize("process", [INGEST, API, OTHER])
def test_healthy_process_is_left_alone(rule: RuleName, process: Process) -> None:
    assert reason(rule, process) == ""


def test_each_rule_has_its_grace_and_its_distance() -> None:
    """Seconds that a process is left alone after its start, and between two restarts."""
    assert {rule.name: (rule.grace, rule.every) for rule in RULES} == {
        RuleName.FATAL: (0.0, 0.0),
        RuleName.HUNG_INGEST: (8.0, 0.0),
        RuleName.HOLDS_LOCK: (120.0, 0.0),
        RuleName.HUNG_HISTORY: (180.0, 0.0),
        RuleName.HUNG_PUBLISH: (60.0, 0.0),
        RuleName.HUNG_API: (8.0, 0.0),
        RuleName.FAILING_API: (8.0, 0.0),
        RuleName.MEMORY: (60.0, 0.0),
        RuleName.NO_DATA: (60.0, 1_800.0),
    }


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, heartbeat_age=None),
        replace(FACTS, feed=None),
        replace(FACTS, feed=replace(FEED, pid=18)),
    ],
)
def test_ingest_that_has_written_nothing_hangs(facts: Facts) -> None:
    words = "running for 500 s and has written nothing"
    assert reason(RuleName.HUNG_INGEST, INGEST, facts) == words
    assert reason(RuleName.HUNG_INGEST, OTHER, facts) == "", "another program writes nothing"


def test_ingest_is_known_by_its_pid() -> None:
    pid = 4_000_000
    facts = replace(FACTS, feed=replace(FEED, pid=int(str(pid))))
    assert reason(RuleName.HUNG_INGEST, INGEST._replace(pid=pid), facts) == ""


def test_bad_probes_restart_a_running_process_of_the_api_alone() -> None:
    assert reason(RuleName.HUNG_API, API, missed=1) == ""
    assert reason(RuleName.HUNG_API, API, missed=2) == "2 requests in a row not answered"
    assert reason(RuleName.HUNG_API, API, missed=3) == "3 requests in a row not answered"
    assert reason(RuleName.FAILING_API, API, failed=3) == ""
    assert reason(RuleName.FAILING_API, API, failed=5).startswith("5 answers in a row")
    words = "4 answers in a row are not what the store holds"
    assert reason(RuleName.FAILING_API, API, failed=4) == words
    for process in (INGEST, API._replace(state=ProcessState.STARTING)):
        assert reason(RuleName.HUNG_API, process, missed=9) == ""
        assert reason(RuleName.FAILING_API, process, failed=9) == ""


def test_memory_is_told_in_megabytes() -> None:
    large = OTHER._replace(memory_bytes=(512 << 20) + 1)
    assert reason(RuleName.MEMORY, large) == "512 MB resident"
    assert reason(RuleName.MEMORY, OTHER._replace(memory_bytes=512 << 20)) == ""


@pytest.mark.parametrize(
    ("age", "frame", "asked", "seconds"),
    [
        (500.0, 60.0, 5.0, None),
        (500.0, 60.1, 5.0, 60),
        (61.0, 500.0, 5.0, 61),  # of another ingest
        (60.0, 500.0, 5.0, None),
        (500.0, None, 5.0, 500),
        (500.0, 200.0, 190.0, 200),
        (500.0, 200.0, 190.1, None),
    ],
)
def test_ingest_without_data_although_the_exchange_answered_later(
    age: float, frame: float | None, asked: float, seconds: int | None
) -> None:
    facts = replace(FACTS, last_frame_age=frame, comparison_age=asked)
    words = "" if seconds is None else f"no frame for {seconds} s although the exchange answers"
    assert reason(RuleName.NO_DATA, INGEST._replace(age_seconds=age), facts) == words


@pytest.mark.parametrize(
    "last", [None, LastComparison(problem="banned"), LastComparison(reachable=False)]
)
def test_ingest_without_data_is_left_alone_while_nobody_answers(
    last: LastComparison | None,
) -> None:
    facts = replace(FACTS, last_frame_age=200.0, last_comparison=last)
    assert reason(RuleName.NO_DATA, INGEST, facts) == ""


@pytest.mark.parametrize(
    "changes", [{"store_problem": "corrupt"}, {"feed": None}, {"locked_by": "process 5 (sqlite3)"}]
)
def test_ingest_is_left_alone_while_nothing_is_known_about_frames(
    changes: dict[str, object],
) -> None:
    silent = replace(FACTS, last_frame_age=200.0)
    assert reason(RuleName.NO_DATA, INGEST, silent) != ""
    assert reason(RuleName.NO_DATA, INGEST, replace(silent, **changes)) == ""  # type: ignore[arg-type]
