"""The watchdog's checks: the facts of one moment → findings for its report."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from funding.comparison.difference import SAME_RATE, Field, Outcome, outcome
from funding.comparison.pair import Comparison
from funding.health.verdict import HEARTBEAT_SECONDS, Limits
from funding.model.feed import Feed

INGEST = "funding:ingest"
API = "api:"
MEGABYTE = 1024 * 1024
MEMORY_WARNING_BYTES = 384 * MEGABYTE
MEMORY_RESTART_BYTES = 512 * MEGABYTE
WAL_WARNING_BYTES = 64 * MEGABYTE
DISK_WARNING_BYTES = 500 * MEGABYTE
DISK_ERROR_BYTES = 50 * MEGABYTE
FRAME_SECONDS = 60.0
BEHIND_SECONDS = 9.0
"""Nine ticks without a newer quote while others have them: the symbol is behind."""
CLOCK_STEP_SECONDS = 2.0
MAX_NAMES = 5


class Level(enum.Enum):
    """How much a finding matters; the values are the report's headings."""

    INFO = "INFO"
    WARNING = "WARNINGS"
    ERROR = "ERRORS"


class Finding(NamedTuple):
    """One sentence of the report; `check` names the check it comes from."""

    level: Level
    check: str
    text: str


class Process(NamedTuple):
    """One program as supervisord sees it, with its age and resident memory where it runs."""

    name: str
    state: str
    pid: int
    description: str = ""
    age_seconds: float = 0.0
    memory_bytes: int = 0


class Probe(NamedTuple):
    """Whether a program answered a request in time, and what it said or why it did not."""

    answered: bool
    detail: str


class LastComparison(NamedTuple):
    """How the last comparison with REST went: its rows, or why there are none.

    `reachable` is False where REST gave no answer at all: then the exchange may be down.
    `uptime` is when that was, in seconds since boot.
    """

    rows: Sequence[Comparison] = ()
    problem: str = ""
    reachable: bool = True
    uptime: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the watchdog saw in one look. Ages and durations in seconds.

    `processes` is None where supervisord does not answer; `ages` has every stored symbol;
    `without_rate` names symbols that have a next funding time but no rate; `compared_ago` is the
    age of `comparing`.
    """

    limits: Limits
    feed: Feed | None = None
    heartbeat: float | None = None
    last_frame: float | None = None
    ages: Mapping[str, float] = field(default_factory=dict)
    without_rate: Sequence[str] = ()
    store_problem: str = ""
    processes: Sequence[Process] | None = None
    control_problem: str = ""
    probes: Mapping[str, Probe] = field(default_factory=dict)
    api: Probe | None = None
    comparing: LastComparison | None = None
    compared_ago: float = 0.0
    wal_bytes: int = 0
    disk_free_bytes: int | None = None
    clock_step: float = 0.0

    def process(self, name: str) -> Process | None:
        """The program `name`, if supervisord knows it."""
        return next((each for each in self.processes or () if each.name == name), None)


def check(facts: Facts) -> list[Finding]:
    """All checks, in the order of the report."""
    findings: list[Finding] = []
    for each in CHECKS:
        findings += each(facts)
    return findings


def _info(name: str, text: str) -> Finding:
    return Finding(Level.INFO, name, text)


def _warning(name: str, text: str) -> Finding:
    return Finding(Level.WARNING, name, text)


def _error(name: str, text: str) -> Finding:
    return Finding(Level.ERROR, name, text)


def named(symbols: Sequence[str]) -> str:
    """A few of `symbols`, and how many more there are."""
    more = f" and {len(symbols) - MAX_NAMES} more" if len(symbols) > MAX_NAMES else ""
    return ", ".join(symbols[:MAX_NAMES]) + more


def _programs(facts: Facts) -> Iterator[Finding]:
    """1 ingest is RUNNING, and half of 7: so is the API."""
    if facts.processes is None:
        yield _warning("supervisor", facts.control_problem or "supervisord does not answer")
        return
    wanted = [each for each in facts.processes if each.name == INGEST or each.name.startswith(API)]
    for name in (INGEST, API):
        if not any(each.name.startswith(name) for each in wanted):
            yield _error("programs", f"supervisord knows no {name.rstrip(':')}")
    for each in wanted:
        if each.state == "RUNNING":
            running = f"{each.name} RUNNING for {each.age_seconds:.0f} s"
            yield _info("programs", f"{running}, {each.memory_bytes / MEGABYTE:.0f} MB")
        elif each.state == "STOPPED":
            yield _error("programs", f"{each.name} is STOPPED: an operator's work, left alone")
        else:
            yield _error("programs", f"{each.name} is {each.state}: {each.description}")


def _connected(facts: Facts) -> Iterator[Finding]:
    """2 the feed says connected, by an ingest that is alive."""
    feed, beat = facts.feed, facts.heartbeat
    if facts.store_problem:
        yield _error("store", facts.store_problem)
    if feed is None or beat is None:
        yield _error("feed", "nothing is stored yet: is ingest running?")
    elif beat > HEARTBEAT_SECONDS:
        yield _error("feed", f"ingest has not written for {beat:.0f} s: it is gone or hangs")
    elif not feed.connected:
        yield _error("feed", f"not connected to {feed.address}: {feed.last_error or 'starting'}")
    else:
        yield _info("feed", f"connected to {feed.address}, {feed.frames} frames since its start")


def _symbols(facts: Facts) -> Iterator[Finding]:
    """3 enough fresh symbols, 4 stale ones, and those behind the others."""
    limits, ages = facts.limits, facts.ages
    stale = sorted(symbol for symbol, age in ages.items() if age > limits.stale_after)
    fresh = len(ages) - len(stale)
    if fresh < limits.min_symbols:
        yield _error("symbols", f"{fresh} fresh symbols, at least {limits.min_symbols} expected")
    else:
        yield _info("symbols", f"{fresh} fresh symbols")
    if stale:
        text = f"{len(stale)} stale symbols (over {limits.stale_after:g} s)"
        yield _warning("stale", f"{text}: {named(stale)}")
    behind = symbols_behind(facts)
    if behind:
        text = f"{len(behind)} symbols behind the others (over {BEHIND_SECONDS:g} s)"
        yield _warning("behind", f"{text}: {named(behind)}")


def symbols_behind(facts: Facts) -> list[str]:
    """Symbols that are not stale yet, but old while the feed flows: frozen ones."""
    ages = facts.ages
    if not ages or min(ages.values()) > BEHIND_SECONDS / 2:
        return []
    limit = facts.limits.stale_after
    return sorted(symbol for symbol, age in ages.items() if BEHIND_SECONDS < age <= limit)


def _nulls(facts: Facts) -> Iterator[Finding]:
    """5 a symbol whose funding is due has a rate; a price is never NULL, by the schema."""
    if facts.without_rate:
        names = sorted(facts.without_rate)
        yield _warning("nulls", f"{len(names)} symbols without a funding rate: {named(names)}")


def _last_frame(facts: Facts) -> Iterator[Finding]:
    """6 the last frame is younger than a minute."""
    if facts.last_frame is None:
        yield _error("frame", "no frame has come since ingest began")
    elif facts.last_frame > FRAME_SECONDS:
        yield _error("frame", f"the last frame is {facts.last_frame:.0f} s old")
    else:
        yield _info("frame", f"the last frame is {facts.last_frame:.1f} s old")


def _answers(facts: Facts) -> Iterator[Finding]:
    """7 the API answers in time."""
    if facts.api is not None:
        if facts.api.answered:
            yield _info("api", f"the API answers: {facts.api.detail}")
        else:
            yield _error("api", f"the API does not answer: {facts.api.detail}")
    for name, probe in facts.probes.items():
        if not probe.answered:
            yield _error("api", f"{name} does not answer: {probe.detail}")


def _rest(facts: Facts) -> Iterator[Finding]:
    """8 BTCUSDT agrees with REST."""
    comparing = facts.comparing
    if comparing is None:
        return
    if comparing.problem:
        yield _warning("rest", f"no comparison with REST: {comparing.problem}")
    for row in comparing.rows:
        yield _judge_row(row)


def _judge_row(row: Comparison) -> Finding:
    lag = "" if row.skew_ms is None else f", {abs(row.skew_ms)} ms apart"
    lag += ", explained by lag" if row.explained else ""
    values = f"{row.symbol} {row.field}: stream {row.ws_value}, REST {row.rest_value}{lag}"
    if row.ws_value is None or row.rest_value is None:
        level = Level.INFO if row.ws_value == row.rest_value else Level.WARNING
    elif row.field == Field.FUNDING_RATE:
        # Rounded, since 0.0001001 - 0.0001 is a little less than 1e-7 in binary.
        differs = round(abs(row.ws_value - row.rest_value), 12) >= SAME_RATE
        level = Level.WARNING if differs else Level.INFO
    else:
        levels = {
            Outcome.MATCH: Level.INFO,
            Outcome.MISMATCH: Level.WARNING,
            Outcome.SIGNIFICANT: Level.ERROR,
        }
        level = levels[outcome(row.field, row.ws_value, row.rest_value)]
    return Finding(level, "rest", values)


def _machine(facts: Facts) -> Iterator[Finding]:
    """Beyond the eight: memory, WAL, disk, clock."""
    for each in facts.processes or ():
        if each.memory_bytes > MEMORY_WARNING_BYTES:
            size = f"{each.memory_bytes / MEGABYTE:.0f} MB resident"
            yield _warning("memory", f"{each.name} has {size}")
    if facts.wal_bytes > WAL_WARNING_BYTES:
        size = f"{facts.wal_bytes / MEGABYTE:.0f} MB"
        yield _warning("wal", f"the WAL has {size}: does a reader hold an old snapshot?")
    free = facts.disk_free_bytes
    if free is not None and free < DISK_WARNING_BYTES:
        finding = _error if free < DISK_ERROR_BYTES else _warning
        yield finding("disk", f"{free / MEGABYTE:.0f} MB left on the disk")
    if abs(facts.clock_step) > CLOCK_STEP_SECONDS:
        yield _warning("clock", f"the wall clock stepped by {facts.clock_step:+.0f} s")


CHECKS = (_programs, _connected, _symbols, _nulls, _last_frame, _answers, _rest, _machine)
