"""What is to be restarted now: the first rule that applies to each program, and the budget, which
says how often."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from funding.health.facts import API_GROUP, Facts, Process
from funding.watchdog.restart_rules import RULES, Action, BadProbes, PastRestart, RuleName, Verb

BUDGET = 3
BUDGET_SECONDS = 600.0
KILL_AFTER_SECONDS = 2.0
ROLL_SECONDS = 8.0
"""Until a restarted API process serves again: before that, no other one is restarted."""


class Decision(NamedTuple):
    """The actions of one moment, at most one for each program.

    `over_budget` has, by program, what would be done if the budget allowed it.
    """

    actions: list[Action]
    over_budget: dict[str, str]


def decide(
    facts: Facts, bad_probes: Mapping[str, BadProbes], history: Sequence[PastRestart], now: float
) -> Decision:
    """What is to be done at `now` (Unix seconds).

    `bad_probes` is by program. `history` has the restarts of at least the last half hour.
    """
    decision = Decision([], {})
    for process in facts.processes or ():
        past = [each for each in history if each.program == process.name and each.at <= now]
        action = _first_action(facts, process, bad_probes.get(process.name, BadProbes()), past, now)
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
    facts: Facts, process: Process, bad: BadProbes, past: Sequence[PastRestart], now: float
) -> Action | None:
    """The action of the first rule that applies, whatever the budget allows."""
    for rule in RULES:
        if process.age_seconds < rule.grace:
            continue
        reason = rule.applies(facts, process, bad)
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
