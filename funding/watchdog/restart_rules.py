"""When the watchdog restarts a program, as a table. How often is restart_decision's.

The watchdog never stops a program: it sends a signal, and supervisord's autorestart starts the
program again. A program that an operator has STOPPED stays stopped.
"""

import enum
from collections.abc import Callable
from math import inf
from typing import NamedTuple

from funding.health.checks import MEGABYTE
from funding.health.facts import HISTORY, PUBLISH, Facts, OtherFeed, Process, ProcessState

MEMORY_RESTART_BYTES = 512 * MEGABYTE
HUNG_SECONDS = 5.0
"""Ingest writes each second."""
LOCK_SECONDS = 30.0
"""Our longest transactions take a tenth of a second; only an upgrade of a large database, at the
start of ingest, may take longer (hence the grace of the rule)."""
HISTORY_SECONDS = 180.0
"""The history program says every 10 s that its threads turn; a turn may take 120 s."""
PUBLISH_SECONDS = 60.0
"""publish.py says so every 10 s; a turn may take 30 s."""
SILENT_SECONDS = 60.0
OTHER_SILENT_SECONDS = 300.0
"""Other exchanges may pause for an upgrade, and their REST is asked every few minutes."""
ANSWER_MARGIN_SECONDS = 10.0
"""An exchange that answered this long after the last frame has not failed together with it."""
MISSED_PROBES = 2
FAILED_PROBES = 4
"""Answers in a row that are not what the store holds: the API has had time to open it again."""


class Verb(enum.StrEnum):
    """What is done to a program: a signal is sent, or it is started."""

    TERM = "TERM"
    KILL = "KILL"
    START = "START"


class RuleName(enum.StrEnum):
    """Why it is done; the words stand in the column `rule` of the audit trail."""

    FATAL = "fatal"
    HUNG_INGEST = "hung ingest"
    HUNG_HISTORY = "hung history"
    HUNG_PUBLISH = "hung publish"
    HUNG_API = "hung API"
    FAILING_API = "failing API"
    HUNG_WATCHDOG = "hung watchdog"  # by supervisor_plugin
    MEMORY = "memory"
    HOLDS_LOCK = "holds the lock"
    NO_DATA = "no data"
    KILL = "kill"  # TERM was not enough
    OPERATOR = "operator"  # a stop that a person asked for, by supervisor_plugin


class PastRestart(NamedTuple):
    """A restart of `program` at `at` (Unix seconds), and the name of its rule.

    The name is text, since a newer version may have written it.
    """

    at: float
    program: str
    rule: str


class Action(NamedTuple):
    """What is to be done to `program`, and why: the rule, and the reason in words."""

    program: str
    verb: Verb
    rule: RuleName
    reason: str


class BadProbes(NamedTuple):
    """Probes of a process in a row: `missed` were not answered, `failed` answered wrongly."""

    missed: int = 0
    failed: int = 0


class Rule(NamedTuple):
    """`applies(facts, process, bad)` gives a reason, or "" where the rule does not apply.

    A process younger than `grace` seconds is left alone. Two restarts of one program by this rule
    are at least `every` seconds apart.
    """

    name: RuleName
    verb: Verb
    grace: float
    every: float
    applies: Callable[[Facts, Process, BadProbes], str]


def _fatal(_facts: Facts, process: Process, _bad: BadProbes) -> str:
    return f"FATAL: {process.description}" if process.state is ProcessState.FATAL else ""


def _ingest_hung(facts: Facts, process: Process, _bad: BadProbes) -> str:
    """An ingest does not write. Each is judged by its own feed."""
    other = facts.other(process.name)
    if (
        (process.name != facts.ingest and other is None)
        or not process.is_running
        or facts.store_problem
    ):
        return ""  # a store that cannot be read says nothing about ingest
    if facts.locked_by or facts.disk_is_full:
        return ""  # ingest waits, as it should
    age, feed = facts.heartbeat_age, facts.feed
    if other is not None:
        age, feed = other.heartbeat_age, other.feed
    if age is None or feed is None or feed.pid != process.pid:
        # It has written nothing since it started: it hangs before its first turn.
        return f"running for {process.age_seconds:.0f} s and has written nothing"
    return f"no heartbeat for {age:.0f} s" if age > HUNG_SECONDS else ""


def _holds_lock(facts: Facts, process: Process, _bad: BadProbes) -> str:
    """A program of ours hangs in the middle of a transaction: nobody can write."""
    holder, waited = facts.lock_holder, facts.heartbeat_age
    if holder is None or waited is None or holder.pid != process.pid or not process.is_running:
        return ""
    if min(holder.seconds, waited) <= LOCK_SECONDS:
        return ""
    return f"has held the database's write lock for {holder.seconds:.0f} s"


def _gives_no_sign(program: str, seconds: float) -> Callable[[Facts, Process, BadProbes], str]:
    """The rule for a `program` that gives a sign of life in the store."""

    def applies(facts: Facts, process: Process, _bad: BadProbes) -> str:
        if process.name != program or not process.is_running or facts.store_problem:
            return ""
        if facts.locked_by or facts.feed is None:
            return ""  # it cannot write
        age = min(process.age_seconds, facts.silences.get(program, inf))
        return f"no heartbeat for {age:.0f} s" if age > seconds else ""

    return applies


def _api_hung(_facts: Facts, process: Process, bad: BadProbes) -> str:
    if not process.is_api or not process.is_running or bad.missed < MISSED_PROBES:
        return ""
    return f"{bad.missed} requests in a row not answered"


def _api_failing(facts: Facts, process: Process, bad: BadProbes) -> str:
    """The API cannot read what the watchdog reads."""
    if not process.is_api or not process.is_running or bad.failed < FAILED_PROBES:
        return ""
    if facts.store_problem or not facts.quote_ages:
        return ""
    return f"{bad.failed} answers in a row are not what the store holds"


def _memory(_facts: Facts, process: Process, _bad: BadProbes) -> str:
    size = process.memory_bytes if process.is_running else 0
    return f"{size >> 20} MB resident" if size > MEMORY_RESTART_BYTES else ""


def _no_data_of_another(facts: Facts, process: Process, other: OtherFeed) -> str:
    if not process.is_running or facts.store_problem or facts.locked_by:
        return ""
    age = other.last_frame_age
    silent = process.age_seconds if age is None else min(age, process.age_seconds)
    if silent <= OTHER_SILENT_SECONDS or other.answered is None or other.stated_wait:
        return ""
    if other.answered > silent - ANSWER_MARGIN_SECONDS:
        return ""
    return f"no frame for {silent:.0f} s although {other.exchange} answers"


def _no_data(facts: Facts, process: Process, _bad: BadProbes) -> str:
    """Ingest lives and receives nothing although the exchange answers."""
    other = facts.other(process.name)
    if other is not None:
        return _no_data_of_another(facts, process, other)
    if process.name != facts.ingest or not process.is_running:
        return ""
    if facts.store_problem or facts.feed is None or facts.locked_by:
        return ""  # nothing is known about frames
    if facts.stated_wait:
        return ""  # a new process would wait as well
    last, age = facts.last_comparison, facts.last_frame_age
    silent = process.age_seconds if age is None else min(age, process.age_seconds)
    if silent <= SILENT_SECONDS or last is None or last.problem or not last.reachable:
        return ""
    if facts.comparison_age > silent - ANSWER_MARGIN_SECONDS:
        return ""
    return f"no frame for {silent:.0f} s although the exchange answers"


RULES = (
    Rule(RuleName.FATAL, Verb.START, grace=0.0, every=0.0, applies=_fatal),
    Rule(RuleName.HUNG_INGEST, Verb.TERM, grace=8.0, every=0.0, applies=_ingest_hung),
    Rule(RuleName.HOLDS_LOCK, Verb.TERM, grace=120.0, every=0.0, applies=_holds_lock),
    Rule(
        RuleName.HUNG_HISTORY,
        Verb.TERM,
        grace=HISTORY_SECONDS,
        every=0.0,
        applies=_gives_no_sign(HISTORY, HISTORY_SECONDS),
    ),
    Rule(
        RuleName.HUNG_PUBLISH,
        Verb.TERM,
        grace=PUBLISH_SECONDS,
        every=0.0,
        applies=_gives_no_sign(PUBLISH, PUBLISH_SECONDS),
    ),
    Rule(RuleName.HUNG_API, Verb.TERM, grace=8.0, every=0.0, applies=_api_hung),
    Rule(RuleName.FAILING_API, Verb.TERM, grace=8.0, every=0.0, applies=_api_failing),
    Rule(RuleName.MEMORY, Verb.TERM, grace=60.0, every=0.0, applies=_memory),
    # Ingest reconnects by itself; this rule is for an ingest that fails to.
    Rule(RuleName.NO_DATA, Verb.TERM, grace=60.0, every=1_800.0, applies=_no_data),
)
