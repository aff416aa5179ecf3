"""The facts of a healthy service, and their findings."""

from dataclasses import replace
from typing import Any

from funding.comparison.pair import Comparison, compare_all
from funding.health.checks import check
from funding.health.facts import Facts, LastComparison, Probe, Process, ProcessState
from funding.health.findings import Check, Level
from funding.health.report import healthy
from funding.health.verdict import Limits
from funding.model.feed import Feed, StoredQuote
from funding.model.quote import Quote

AT = 1_764_725_610.0
FEED = Feed(
    "binance", "test.invalid", 17, "boot", AT, 0.0, connected=1, frames=1_944, good_since=AT
)
PROGRAMS = (
    Process("funding:ingest", ProcessState.RUNNING, 17, "", 500.0, 60 << 20),
    Process("funding:watchdog", ProcessState.RUNNING, 18, "", 500.0, 40 << 20),
    Process("api:api_00", ProcessState.RUNNING, 19, "", 500.0, 50 << 20),
    Process("api:api_01", ProcessState.RUNNING, 20, "", 500.0, 50 << 20),
)
AGES = {f"S{number:03}": 0.4 for number in range(600)}


Pairs = tuple[float | None, float | None, float | None, float | None]


def compared(pairs: Pairs, skew_ms: int = 0) -> list[Comparison]:
    """BTCUSDT in the store and in REST's reply; a missing price is a missing side."""
    ours, theirs, rate, rest_rate = pairs
    stored = StoredQuote("binance", "BTCUSDT", ours or 0.0, 1.0, rate, 1, 5_000 + skew_ms, AT, 0.1)
    reply = Quote("BTCUSDT", theirs or 0.0, 1.0, rest_rate, 1, 5_000)
    quotes = [] if ours is None else [stored]
    replies = [] if theirs is None else [reply]
    return compare_all(quotes, replies, quotes, source="watchdog", exchange="binance", at=AT)


HEALTHY = Facts(
    Limits(stale_after=180.0, min_symbols=500),
    feed=FEED,
    heartbeat_age=0.3,
    last_frame_age=0.4,
    quote_ages=AGES,
    processes=PROGRAMS,
    process_probes={
        "api:api_00": Probe(True, "status 200"),
        "api:api_01": Probe(True, "status 200"),
    },
    port_probe=Probe(True, "status 200"),
    last_comparison=LastComparison(compared((100.0, 100.0, 0.0001, 0.0001))),
    comparison_age=5.0,
    disk_free_bytes=10 << 30,
)


def with_program(name: str, **changes: Any) -> Facts:
    """Healthy facts, except for this program."""
    programs = [p._replace(**changes) if p.name == name else p for p in PROGRAMS]
    return replace(HEALTHY, processes=programs)


def with_rest(
    ours: float | None, theirs: float | None, rate: float | None, rest_rate: float | None,
    skew_ms: int = 0,
) -> Facts:  # fmt: skip
    """Healthy facts, except for this comparison."""
    rows = compared((ours, theirs, rate, rest_rate), skew_ms)
    return replace(HEALTHY, last_comparison=LastComparison(rows))


def found(facts: Facts, level: Level) -> list[tuple[Check, str]]:
    """The findings of `level`: check and text."""
    return [(each.check, each.text) for each in check(facts) if each.level is level]


def assert_only_finding(facts: Facts, level: Level, name: str, words: str) -> None:
    """`facts` give findings of this check and level that contain `words`, and no other worse than
    INFO."""
    bad = found(facts, level)
    assert any(each == name and words in text for each, text in bad), check(facts)
    assert healthy(check(facts)) is (level is Level.WARNING)
    other = Level.ERROR if level is Level.WARNING else Level.WARNING
    # A missing side of a comparison has two fields, thus two findings of one check.
    assert {each for each, _ in bad} == {name}
    assert found(facts, other) == []
