"""The watchdog's checks and its report: facts in, findings out."""

import json
from dataclasses import replace
from typing import Any

import pytest

from funding.comparison.pair import Comparison, compare_all
from funding.exchanges.binance.rest import PremiumIndex
from funding.health.checks import Facts, Finding, LastComparison, Level, Probe, Process, check
from funding.health.report import as_data, as_text, healthy
from funding.health.verdict import Limits
from funding.model.feed import Feed, StoredQuote

AT = 1_764_725_610.0
FEED = Feed("binance", "test.invalid", 17, "boot", AT, 0.0, connected=1, frames=1_944)
PROGRAMS = (
    Process("funding:ingest", "RUNNING", 17, "", 500.0, 60 << 20),
    Process("funding:watchdog", "RUNNING", 18, "", 500.0, 40 << 20),
    Process("api:api_00", "RUNNING", 19, "", 500.0, 50 << 20),
    Process("api:api_01", "RUNNING", 20, "", 500.0, 50 << 20),
)
AGES = {f"S{number:03}": 0.4 for number in range(600)}


Pairs = tuple[float | None, float | None, float | None, float | None]


def compared(pairs: Pairs, skew_ms: int = 0) -> list[Comparison]:
    """BTCUSDT as the comparer finds it; a missing price is a missing side."""
    ours, theirs, rate, rest_rate = pairs
    reading = StoredQuote("binance", "BTCUSDT", ours or 0.0, 1.0, rate, 1, 5_000 + skew_ms, AT, 0.1)
    reply = PremiumIndex("BTCUSDT", theirs or 0.0, 1.0, rest_rate, 1, 5_000)
    readings = [] if ours is None else [reading]
    replies = [] if theirs is None else [reply]
    return compare_all(readings, replies, readings, source="watchdog", exchange="binance", at=AT)


HEALTHY = Facts(
    Limits(stale_after=180.0, min_symbols=500),
    feed=FEED,
    heartbeat=0.3,
    last_frame=0.4,
    ages=AGES,
    processes=PROGRAMS,
    probes={"api:api_00": Probe(True, "status 200"), "api:api_01": Probe(True, "status 200")},
    api=Probe(True, "status 200"),
    comparing=LastComparison(compared((100.0, 100.0, 0.0001, 0.0001))),
    compared_ago=5.0,
    disk_free_bytes=10 << 30,
)


def with_program(name: str, **changes: Any) -> Facts:
    """All is well, but for this program."""
    programs = [p._replace(**changes) if p.name == name else p for p in PROGRAMS]
    return replace(HEALTHY, processes=programs)


def with_rest(
    ours: float | None, theirs: float | None, rate: float | None, rest_rate: float | None,
    skew_ms: int = 0,
) -> Facts:  # fmt: skip
    """All is well, but for this comparison."""
    rows = compared((ours, theirs, rate, rest_rate), skew_ms)
    return replace(HEALTHY, comparing=LastComparison(rows))


def found(facts: Facts, level: Level) -> list[tuple[str, str]]:
    """The findings of `level`: check and text."""
    return [(each.check, each.text) for each in check(facts) if each.level is level]


def test_all_is_well() -> None:
    findings = check(HEALTHY)
    assert healthy(findings)
    assert {each.level for each in findings} == {Level.INFO}
    assert [each.check for each in findings] == [
        *["programs"] * 3, "feed", "symbols", "frame", "api", "rest", "rest"
    ]  # fmt: skip


W, E = Level.WARNING, Level.ERROR
TABLE: list[tuple[Facts, Level, str, str]] = [
    # 1 and 7: the programs
    (with_program("funding:ingest", state="FATAL", description="x"), E, "programs", "FATAL: x"),
    (with_program("funding:ingest", state="BACKOFF"), E, "programs", "funding:ingest is BACKOFF"),
    (with_program("funding:ingest", state="STOPPED"), E, "programs", "operator"),
    (with_program("api:api_01", state="EXITED"), E, "programs", "api:api_01 is EXITED"),
    (replace(HEALTHY, processes=PROGRAMS[1:]), E, "programs", "no funding:ingest"),
    (replace(HEALTHY, processes=PROGRAMS[:2]), E, "programs", "no api"),
    (replace(HEALTHY, processes=None, control_problem="why"), W, "supervisor", "why"),
    # 2: the feed
    (replace(HEALTHY, store_problem="corrupt"), E, "store", "corrupt"),
    (replace(HEALTHY, feed=None, heartbeat=None), E, "feed", "nothing is stored"),
    (replace(HEALTHY, heartbeat=10.1), E, "feed", "not written for 10 s"),
    (replace(HEALTHY, feed=replace(FEED, connected=0, last_error="refused")), E, "feed", "refused"),
    # 3, 4 and what is behind
    (replace(HEALTHY, ages=dict(list(AGES.items())[:499])), E, "symbols", "499 fresh symbols"),
    (replace(HEALTHY, ages=AGES | {"DEAD": 180.1}), W, "stale", "1 stale symbols"),
    (replace(HEALTHY, ages=AGES | {"SLOW": 10.1}), W, "behind", "SLOW"),
    # 5: what must not be NULL
    (replace(HEALTHY, without_rate=["BUSDT", "AUSDT"]), W, "nulls", "AUSDT, BUSDT"),
    # 6: the last frame
    (replace(HEALTHY, last_frame=60.1), E, "frame", "60 s old"),
    (replace(HEALTHY, last_frame=None), E, "frame", "no frame"),
    # 7: the API
    (replace(HEALTHY, api=Probe(False, "late")), E, "api", "late"),
    (replace(HEALTHY, probes={"api:api_00": Probe(False, "late")}), E, "api", "api:api_00"),
    # 8: REST
    (with_rest(100.1002, 100.0, 0.0001, 0.0001), W, "rest", "mark_price"),
    (with_rest(101.0, 100.0, 0.0001, 0.0001), W, "rest", "mark_price"),
    (with_rest(101.001, 100.0, 0.0001, 0.0001), E, "rest", "mark_price"),
    (with_rest(101.001, 100.0, 0.0001, 0.0001, skew_ms=5_000), E, "rest", "5000 ms apart"),
    (with_rest(100.0, 100.0, 0.0001001, 0.0001), W, "rest", "funding_rate"),
    (with_rest(100.0, 100.0, -0.0001, 0.0001), W, "rest", "funding_rate"),
    (with_rest(100.0, 100.0, None, 0.0001), W, "rest", "funding_rate"),
    (with_rest(None, 100.0, None, 0.0001), W, "rest", "mark_price"),
    (with_rest(100.0, None, 0.0001, None), W, "rest", "mark_price"),
    (replace(HEALTHY, comparing=LastComparison(problem="status 451")), W, "rest", "status 451"),
    # Beyond the eight
    (with_program("api:api_00", memory_bytes=(384 << 20) + 1), W, "memory", "api:api_00 has 384"),
    (replace(HEALTHY, wal_bytes=(64 << 20) + 1), W, "wal", "64 MB"),
    (replace(HEALTHY, disk_free_bytes=(500 << 20) - 1), W, "disk", "500 MB"),
    (replace(HEALTHY, disk_free_bytes=(50 << 20) - 1), E, "disk", "50 MB"),
    (replace(HEALTHY, clock_step=-3_600.0), W, "clock", "-3600 s"),
    (replace(HEALTHY, clock_step=3_600.0), W, "clock", "+3600 s"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "level", "name", "words"), TABLE)
def test_what_is_not_well(facts: Facts, level: Level, name: str, words: str) -> None:
    told = found(facts, level)
    assert any(one == name and words in text for one, text in told), check(facts)
    assert healthy(check(facts)) is (level is Level.WARNING)
    other = E if level is W else W
    # A missing side has two fields; nothing else may come with the finding.
    assert {one for one, _ in told} == {name}
    assert found(facts, other) == []


FINE: list[Facts] = [
    replace(HEALTHY, heartbeat=10.0),
    replace(HEALTHY, last_frame=60.0),
    replace(HEALTHY, ages=dict(list(AGES.items())[:500])),
    replace(HEALTHY, ages=dict.fromkeys(AGES, 100.0)),  # all alike: the feed is slow
    with_rest(100.1, 100.0, 0.0001, 0.0001),
    with_rest(100.0, 100.0, 0.00010009, 0.0001),
    with_rest(100.0, 100.0, None, None),
    with_program("api:api_00", memory_bytes=384 << 20),
    replace(HEALTHY, disk_free_bytes=None, clock_step=1.9, wal_bytes=64 << 20, comparing=None),
    with_program("funding:watchdog", state="STOPPED"),
]


@pytest.mark.parametrize("facts", FINE)
def test_what_is_just_well(facts: Facts) -> None:
    assert {each.level for each in check(facts)} == {Level.INFO}


def test_only_a_few_symbols_are_named() -> None:
    facts = replace(HEALTHY, ages=AGES | {f"D{n}": 999.0 for n in range(9)})
    ((_, text),) = found(facts, W)
    assert text == "9 stale symbols (over 180 s): D0, D1, D2, D3, D4 and 4 more"


# The report


FINDINGS = [
    Finding(Level.INFO, "feed", "connected"),
    Finding(Level.WARNING, "stale", "3 stale symbols"),
    Finding(Level.ERROR, "api", "the API does not answer"),
]


def test_the_report_as_text() -> None:
    assert as_text(FINDINGS, AT) == (
        "Funding service, 2025-12-03T01:33:30Z\n"
        "\n"
        "INFO\n"
        "  - connected\n"
        "\n"
        "WARNINGS\n"
        "  - 3 stale symbols\n"
        "\n"
        "ERRORS\n"
        "  - the API does not answer\n"
        "\n"
        "STATUS: UNHEALTHY - ACTION REQUIRED"
    )


def test_warnings_alone_are_healthy() -> None:
    text = as_text(FINDINGS[:2], AT)
    assert text.splitlines()[-1] == "STATUS: HEALTHY"
    assert "ERRORS\n  - none" in text


def test_the_report_as_data() -> None:
    assert json.loads(json.dumps(as_data(FINDINGS, AT))) == {
        "time": "2025-12-03T01:33:30Z",
        "status": "UNHEALTHY - ACTION REQUIRED",
        "healthy": False,
        "info": [{"check": "feed", "text": "connected"}],
        "warnings": [{"check": "stale", "text": "3 stale symbols"}],
        "errors": [{"check": "api", "text": "the API does not answer"}],
    }
    assert as_data([], AT)["healthy"] is True
