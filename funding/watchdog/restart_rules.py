"""What the watchdog does, as a table: a rule says when, the budget says how often.

It never stops a program: it sends a signal, and supervisord's autorestart begins it anew. What an
operator has STOPPED stays stopped.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from funding.health.checks import API, INGEST, MEMORY_RESTART_BYTES, Facts, Process

BUDGET = 3
BUDGET_SECONDS = 600.0
KILL_AFTER_SECONDS = 2.0
HUNG_SECONDS = 5.0
"""Ingest beats each second, and a lock on the store holds it for 5 s at most before it exits."""
SILENT_SECONDS = 60.0
ANSWER_MARGIN_SECONDS = 10.0
"""An exchange that answered this long after the feed fell silent has not fallen silent with it."""
MISSED_PROBES = 2
ROLL_SECONDS = 8.0
"""Until an API process that was begun anew serves: before that, no other of them is touched."""


class PastRestart(NamedTuple):
    """What was done to `program` at `at` (Unix seconds) by the rule named `rule`."""

    at: float
    program: str
    rule: str


class Action(NamedTuple):
    """What to do to `program`: `verb` is TERM, KILL or START."""

    program: str
    verb: str
    rule: str
    reason: str


class Rule(NamedTuple):
    """`applies(facts, process, missed)` gives a reason or ""; `missed` counts probes in a row
    that were not answered. A process younger than `grace` seconds is left; `every` is the least
    time in seconds between two deeds of this rule to one program."""

    name: str
    verb: str
    grace: float
    every: float
    applies: Callable[[Facts, Process, int], str]


def _fatal(_facts: Facts, process: Process, _missed: int) -> str:
    return f"FATAL: {process.description}" if process.state == "FATAL" else ""


def _ingest_hung(facts: Facts, process: Process, _missed: int) -> str:
    beat, feed = facts.heartbeat, facts.feed
    if process.name != INGEST or process.state != "RUNNING" or facts.store_problem:
        return ""  # a store that cannot be read says nothing of ingest
    if beat is None or feed is None or feed.pid != process.pid:
        # Nothing written since it began: hung before the first turn.
        return f"running for {process.age_seconds:.0f} s and has written nothing"
    return f"no heartbeat for {beat:.0f} s" if beat > HUNG_SECONDS else ""


def _api_hung(_facts: Facts, process: Process, missed: int) -> str:
    if not process.name.startswith(API) or process.state != "RUNNING":
        return ""
    return f"{missed} requests in a row not answered" if missed >= MISSED_PROBES else ""


def _memory(_facts: Facts, process: Process, _missed: int) -> str:
    size = process.memory_bytes if process.state == "RUNNING" else 0
    return f"{size >> 20} MB resident" if size > MEMORY_RESTART_BYTES else ""


def _no_data(facts: Facts, process: Process, _missed: int) -> str:
    """Ingest lives and gets nothing although the exchange answers: a fresh start may help."""
    if process.name != INGEST or process.state != "RUNNING":
        return ""
    comparing, age = facts.comparing, facts.last_frame
    silent = process.age_seconds if age is None else min(age, process.age_seconds)
    if silent <= SILENT_SECONDS or comparing is None or comparing.problem:
        return ""
    if not comparing.reachable or facts.compared_ago > silent - ANSWER_MARGIN_SECONDS:
        return ""
    return f"no frame for {silent:.0f} s although the exchange answers"


RULES = (
    Rule("fatal", "START", grace=0.0, every=0.0, applies=_fatal),
    Rule("hung ingest", "TERM", grace=8.0, every=0.0, applies=_ingest_hung),
    Rule("hung API", "TERM", grace=8.0, every=0.0, applies=_api_hung),
    Rule("memory", "TERM", grace=60.0, every=0.0, applies=_memory),
    # Reconnecting is ingest's own work; this is for the case that it fails at it.
    Rule("no data", "TERM", grace=60.0, every=1_800.0, applies=_no_data),
)


def decide(
    facts: Facts, missed: dict[str, int], history: Sequence[PastRestart], now: float
) -> tuple[list[Action], dict[str, str]]:
    """The actions of this moment, at most one per program, and by program what the budget forbids.

    `missed` counts unanswered probes in a row by program, `history` has the deeds of at least the
    last half hour, `now` is Unix seconds.
    """
    actions: list[Action] = []
    waiting: dict[str, str] = {}
    for process in facts.processes or ():
        mine = [deed for deed in history if deed.program == process.name and deed.at <= now]
        found = _first(facts, process, missed.get(process.name, 0), mine, now)
        if found is None or (found.verb != "START" and _rolling(process, actions, history, now)):
            continue
        if sum(now - deed.at < BUDGET_SECONDS for deed in mine) >= BUDGET:
            waiting[process.name] = (
                f"{process.name}: {found.reason}, but it was restarted {BUDGET} times"
                f" in {BUDGET_SECONDS / 60:.0f} minutes: a person must look"
            )
        else:
            actions.append(found)
    return actions, waiting


def _first(
    facts: Facts, process: Process, missed: int, mine: Sequence[PastRestart], now: float
) -> Action | None:
    """What the first rule that applies asks for, whatever the budget says."""
    for rule in RULES:
        if process.age_seconds < rule.grace:
            continue
        reason = rule.applies(facts, process, missed)
        if reason and not any(d.rule == rule.name and now - d.at < rule.every for d in mine):
            return Action(process.name, rule.verb, rule.name, reason)
    return None


def _rolling(
    process: Process, actions: Sequence[Action], history: Sequence[PastRestart], now: float
) -> bool:
    """Whether another process of the API is being begun anew: they are replaced one by one, since
    supervisord holds the listening socket as long as one of them lives."""
    if not process.name.startswith(API):
        return False
    recent = [deed.program for deed in history if 0 <= now - deed.at < ROLL_SECONDS]
    others = {*recent, *(action.program for action in actions)} - {process.name}
    return any(name.startswith(API) for name in others)


def escalate(process: Process | None, pid: int, since: float, now: float) -> Action | None:
    """KILL for a process `pid` that was sent TERM at `since` and is still there at `now`, both in
    seconds of one clock; None while it may still end, or has ended."""
    if process is None or process.pid != pid or now - since < KILL_AFTER_SECONDS:
        return None
    reason = f"still there {now - since:.0f} s after TERM"
    return Action(process.name, "KILL", "kill", reason)
