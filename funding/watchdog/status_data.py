"""Everything that `scripts/status` shows, as data: one look, without writing anything."""

import socket
from collections.abc import Sequence
from typing import Any

import msgspec

from funding import errors
from funding.health.checks import check
from funding.health.facts import Facts, Process
from funding.health.findings import Level
from funding.health.report import healthy
from funding.runtime.clock import Clock
from funding.settings.service import ROOT, Settings
from funding.store.reader import Reader
from funding.watchdog.collector import FactsCollector
from funding.watchdog.troubles import API, problems

EXTREMES_SHOWN, EVENTS_SHOWN = 5, 8
_EXTREMES = """
SELECT symbol, exchange, annualised_pct, funding_pct, next_funding, z_score, age_seconds
FROM extremes
"""
_EVENTS = """
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', at, 'unixepoch'), source, kind, detail, count,
    round(duration_seconds, 1)
FROM event WHERE kind NOT IN ('connect', 'start') ORDER BY id DESC LIMIT ?
"""


class Program(msgspec.Struct, rename="camel", frozen=True):
    """A program, as supervisord has it; seconds and megabytes are 0 while it does not run."""

    name: str
    state: str
    pid: int
    uptime_seconds: float
    memory_mb: float
    description: str


class FeedState(msgspec.Struct, rename="camel", frozen=True):
    """The stream of an exchange, and what came of it; `problem` is "" where all is well."""

    exchange: str
    connected: bool
    fresh_symbols: int
    stale_symbols: int
    newest_age_seconds: float | None
    lag_seconds: float
    reconnects: int
    rest_stands_in: bool
    problem: str


class Extreme(msgspec.Struct, rename="camel", frozen=True):
    """A rate among the highest and lowest; in percent, of a year and of an interval."""

    symbol: str
    exchange: str
    annualised_pct: float
    funding_pct: float
    next_funding: str | None
    z_score: float | None
    age_seconds: float | None


class Happening(msgspec.Struct, rename="camel", frozen=True):
    """A row of the audit trail."""

    at: str
    source: str
    kind: str
    detail: str
    count: int
    duration_seconds: float | None


class LastVerdict(msgspec.Struct, rename="camel", frozen=True):
    """The last report on an exchange; see `model.verdict`."""

    exchange: str
    verdict: str
    standing: str
    age_seconds: float
    failing: str


class Status(msgspec.Struct, rename="camel", frozen=True):
    """One screen. `errors` and `warnings` are the findings of the watchdog's checks."""

    at: float
    host: str
    folder: str
    status: str
    errors: list[str]
    warnings: list[str]
    api: str
    programs: list[Program]
    feeds: list[FeedState]
    extremes: list[Extreme]
    events: list[Happening]
    verdicts: list[LastVerdict]


def status_of(settings: Settings, collector: FactsCollector, clock: Clock) -> Status:
    """What is the case now. Whatever is down is said in words."""
    facts = collector.collect()
    findings = check(facts)
    degraded = facts.data.serves and not healthy(findings)
    word = "healthy" if healthy(findings) else "degraded" if degraded else "unhealthy"
    probe = facts.port_probe
    extremes, events = _stored(Reader(settings.db, settings.first, clock))
    return Status(
        at=facts.at,
        host=socket.gethostname(),
        folder=str(ROOT),
        status=word,
        errors=[each.text for each in findings if each.level is Level.ERROR],
        warnings=[each.text for each in findings if each.level is Level.WARNING],
        api=problems(facts).get(API) or (f"answers: {probe.detail}" if probe else "not asked"),
        programs=[_program(each) for each in facts.processes or ()],
        feeds=_feeds(facts),
        extremes=extremes,
        events=events,
        verdicts=[
            LastVerdict(
                each.exchange,
                each.word,
                each.standing(facts.at),
                round(max(0.0, facts.at - each.at)),
                each.failing,
            )
            for each in facts.verdicts
        ],
    )


def _program(each: Process) -> Program:
    memory = round(each.memory_bytes / 2**20, 1)
    age = round(each.age_seconds)
    return Program(each.name, each.state, each.pid, age, memory, each.description)


def _feeds(facts: Facts) -> list[FeedState]:
    wrong, data, feed = problems(facts), facts.data, facts.feed
    found = [
        FeedState(
            *(facts.exchange, data.websocket_connected, data.symbol_count - data.stale_symbols),
            *(data.stale_symbols, data.newest_data_age_seconds),
            feed.lag_seconds if feed else 0.0,
            feed.reconnects if feed else 0,
            bool(feed and feed.standby_since is not None),
            wrong[facts.exchange],
        )
    ]
    for other in facts.others:
        row = other.feed
        found.append(
            FeedState(
                other.exchange,
                bool(row and row.connected and row.good_since is not None),
                *(other.fresh, len(other.stale)),
                None if other.newest is None else round(other.newest, 3),
                row.lag_seconds if row else 0.0,
                row.reconnects if row else 0,
                bool(row and row.standby_since is not None),
                wrong[other.exchange],
            )
        )
    return found


def _stored(reader: Reader) -> tuple[list[Extreme], list[Happening]]:
    try:
        rates: Sequence[tuple[Any, ...]] = reader.rows(_EXTREMES, ())
        happened = reader.rows(_EVENTS, (EVENTS_SHOWN,))
    except errors.StoreError:
        return [], []  # the findings say why
    finally:
        reader.close()
    few = len(rates) <= 2 * EXTREMES_SHOWN
    ends = rates if few else [*rates[:EXTREMES_SHOWN], *rates[-EXTREMES_SHOWN:]]
    return [Extreme(*row) for row in ends], [Happening(*row) for row in happened]
