"""Where values come from, and who may leave REST. No I/O, no clock.

    mode            asks the service   asks REST                            compares
    rest            never              always                               never
    parallel        always             always; used where the service has   always
                                       nothing fresh
    websocket       always             where the service has nothing fresh  never
    websocket-only  always             never                                never

The last two are for a service that has proven itself: they need a GO of validate_report.py.
"""

from typing import NamedTuple

NEEDS_GO = ("websocket", "websocket-only")
GO_SECONDS = 7 * 86_400.0
CLOCK_SLACK_SECONDS = 60.0
"""How far ahead a verdict may be dated; a clock that was set back would make it valid for ever."""


class Decision(NamedTuple):
    """The mode to run in, and why it is not simply the one asked for; "" where it is."""

    mode: str
    why: str


def decide(
    asked: str, *, forced: bool, verdict: tuple[float, str] | None, problem: str, now: float
) -> Decision:
    """The mode to run in at `now` Unix seconds when `asked` is wanted.

    `verdict` is the time (Unix seconds) and word of the last stored report, None without one;
    `problem` is in words why it could not be read, or "".
    """
    if asked not in NEEDS_GO:
        return Decision(asked, "")
    if forced:
        return Decision(asked, f"FUNDING_FORCE_MODE=1: mode {asked}, whatever the last report says")
    lacking = problem or _lacking(verdict, now)
    if not lacking:
        return Decision(asked, "")
    need = f"mode {asked} needs a GO verdict less than 7 days old"
    return Decision("parallel", f"{need}, and {lacking}: running as parallel")


def _lacking(verdict: tuple[float, str] | None, now: float) -> str:
    if verdict is None:
        return "the store has none"
    at, word = verdict
    days = (now - at) / 86_400
    if word != "GO":
        return f"the last one is {word}"
    if now - at >= GO_SECONDS:
        return f"the last one is {days:.1f} days old"
    return "the last one is dated in the future" if at - now > CLOCK_SLACK_SECONDS else ""
