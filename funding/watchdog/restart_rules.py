"""When the watchdog restarts a program, as a table: a rule says when, the budget says how often.

The watchdog never stops a program: it sends a signal, and supervisord's autorestart starts the
program again. A program that an operator has STOPPED stays stopped.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from funding.health.checks import MEMORY_RESTART_BYTES
from funding.health.facts import API_GROUP, INGEST, Facts, Process, ProcessState

BUDGET = 3
BUDGET_SECONDS = 600.0
KILL_AFTER_SECONDS = 2.0
HUNG_SECONDS = 5.0
"""Ingest writes each second. A locked store can hold it for at most 5 s before it exits."""
SILENT_SECONDS = 60.0
ANSWER_MARGIN_SECONDS = 10.0
"""An exchange that answered this long after the last frame has not failed together with it."""
MISSED_PROBES = 2
ROLL_SECONDS = 8.0
"""Until a restarted API process serves again: before that, no other one is restarted."""


class Verb(enum.StrEnum):
    """What is done to a program: a signal is sent, or it is started."""

    TERM = "TERM"
    KILL = "KILL"
    START = "START"


class RuleName(enum.StrEnum):
    """Why it is done; the words stand in the column `rule` of the audit trail."""

    FATAL = "fatal"
    HUNG_INGEST = "hung ingest"
    HUNG_API = "hung API"
    HUNG_WATCHDOG = "hung watchdog"  # by supervisor_plugin
    MEMORY = "memory"
    NO_DATA = "no data"
    KILL = "kill"  # TERM was not enough


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


class Decision(NamedTuple):
    """The actions of one moment, at most one for each program.

    `over_budget` has, by program, what would be done if the budget allowed it.
    """

    actions: list[Action]
    over_budget: dict[str, str]


class Rule(NamedTuple):
    """`applies(facts, process, missed)` gives a reason, or "" where the rule does not apply.

    `missed` counts probes in a row that were not answered. A process younger than `grace` seconds
    is left alone. Two restarts of one program by this rule are at least `every` seconds apart.
    """

    name: RuleName
    verb: Verb
    grace: float
    every: float
    applies: Callable[[Facts, Process, int], str]


def _fatal(_facts: Facts, process: Process, _missed: int) -> str:
    return f"FATAL: {process.description}" if process.state is ProcessState.FATAL else ""


def _ingest_hung(facts: Facts, process: Process, _missed: int) -> str:
    if process.name != INGEST or not process.is_running or facts.store_problem:
        return ""  # a store that cannot be read says nothing about ingest
    age, feed = facts.heartbeat_age, facts.feed
    if age is None or feed is None or feed.pid != process.pid:
        # It has written nothing since it started: it hangs before its first turn.
        return f"running for {process.age_seconds:.0f} s and has written nothing"
    return f"no heartbeat for {age:.0f} s" if age > HUNG_SECONDS else ""


def _api_hung(_facts: Facts, process: Process, missed: int) -> str:
    if not process.is_api or not process.is_running:
        return ""
    return f"{missed} requests in a row not answered" if missed >= MISSED_PROBES else ""


def _memory(_facts: Facts, process: Process, _missed: int) -> str:
    size = process.memory_bytes if process.is_running else 0
    return f"{size >> 20} MB resident" if size > MEMORY_RESTART_BYTES else ""


def _no_data(facts: Facts, process: Process, _missed: int) -> str:
    """Ingest lives and receives nothing although the exchange answers."""
    if process.name != INGEST or not process.is_running:
        return ""
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
    Rule(RuleName.HUNG_API, Verb.TERM, grace=8.0, every=0.0, applies=_api_hung),
    Rule(RuleName.MEMORY, Verb.TERM, grace=60.0, every=0.0, applies=_memory),
    # Ingest reconnects by itself; this rule is for an ingest that fails to.
    Rule(RuleName.NO_DATA, Verb.TERM, grace=60.0, every=1_800.0, applies=_no_data),
)


def decide(
    facts: Facts, missed: Mapping[str, int], history: Sequence[PastRestart], now: float
) -> Decision:
    """What is to be done at `now` (Unix seconds).

    `missed` counts unanswered probes in a row by program. `history` has the restarts of at least
    the last half hour.
    """
    decision = Decision([], {})
    for process in facts.processes or ():
        past = [each for each in history if each.program == process.name and each.at <= now]
        action = _first_action(facts, process, missed.get(process.name, 0), past, now)
        if action is None:
            continue
        if action.verb is not Verb.START and _must_wait(process, decision.actions, history, now):
            continue
        if sum(now - each.at < BUDGET_SECONDS for each in past) >= BUDGET:
            decision.over_budget[process.name] = (
                f"{process.name}: {action.reason}, but it was restarted {BUDGET} times"
                f" in {BUDGET_SECONDS / 60:.0f} minutes: a person must look"
            )
        else:
            decision.actions.append(action)
    return decision


def _first_action(
    facts: Facts, process: Process, missed: int, past: Sequence[PastRestart], now: float
) -> Action | None:
    """The action of the first rule that applies, whatever the budget allows."""
    for rule in RULES:
        if process.age_seconds < rule.grace:
            continue
        reason = rule.applies(facts, process, missed)
        if reason and not any(p.rule == rule.name and now - p.at < rule.every for p in past):
            return Action(process.name, rule.verb, rule.name, reason)
    return None


def _must_wait(
    process: Process, actions: Sequence[Action], history: Sequence[PastRestart], now: float
) -> bool:
    """Whether another process of the API is being restarted: they are replaced one by one, so
    that one of them always serves."""
    if not process.is_api:
        return False
    recent = {past.program for past in history if 0 <= now - past.at < ROLL_SECONDS}
    others = (recent | {action.program for action in actions}) - {process.name}
    return any(name.startswith(API_GROUP) for name in others)


def kill_due(process: Process | None, pid: int, since: float, now: float) -> Action | None:
    """KILL for process `pid` that was sent TERM at `since` and still runs at `now`, in seconds of
    one clock; None while it may still end, or when it has ended."""
    if process is None or process.pid != pid or now - since < KILL_AFTER_SECONDS:
        return None
    reason = f"still there {now - since:.0f} s after TERM"
    return Action(process.name, Verb.KILL, RuleName.KILL, reason)
