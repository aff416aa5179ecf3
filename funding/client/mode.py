"""Where values come from, and when REST may be left. No I/O, no clock.

    mode            asks the service   asks REST                            compares
    rest            never              always                               never
    parallel        always             always; used where the service has   always
                                       nothing fresh
    websocket       always             where the service has nothing fresh  never
    websocket-only  always             never                                never

The last two are for a service that has proven itself: they need a GO of validate_report.py.
"""

from typing import NamedTuple

from funding.model.mode import Mode
from funding.model.verdict import GO, GO_SECONDS

CLOCK_SLACK_SECONDS = 60.0
"""How far ahead a verdict may be dated; a clock that was set back would make it valid for ever."""


class Decision(NamedTuple):
    """The mode to run in, and why it is not simply the one asked for; "" where it is."""

    mode: Mode
    why: str


def needs_go(mode: Mode) -> bool:
    """Whether `mode` is for a service that has proven itself."""
    return mode in (Mode.WEBSOCKET, Mode.WEBSOCKET_ONLY)


def decide(
    wanted: Mode, *, forced: bool, verdict: tuple[float, str] | None, problem: str, now: float
) -> Decision:
    """The mode to run in at `now` Unix seconds when `wanted` is asked for.

    `verdict` is the time (Unix seconds) and word of the last stored report, None without one;
    `problem` is in words why it could not be read, or "".
    """
    if not needs_go(wanted):
        return Decision(wanted, "")
    if forced:
        why = f"FUNDING_FORCE_MODE=1: mode {wanted}, whatever the last report says"
        return Decision(wanted, why)
    lacking = problem or _lacking(verdict, now)
    if not lacking:
        return Decision(wanted, "")
    need = f"mode {wanted} needs a GO verdict less than 7 days old"
    return Decision(Mode.PARALLEL, f"{need}, and {lacking}: running as parallel")


def _lacking(verdict: tuple[float, str] | None, now: float) -> str:
    if verdict is None:
        return "the store has none"
    at, word = verdict
    days = (now - at) / 86_400
    if word != GO:
        return f"the last one is {word}"
    if now - at >= GO_SECONDS:
        return f"the last one is {days:.1f} days old"
    return "the last one is dated in the future" if at - now > CLOCK_SLACK_SECONDS else ""
