"""Row 7: the same fault for all listeners at once, and how long each is without data after it."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.bench.figures import OURS
from harness.bench.listeners import Listener, uptime, wait
from harness.bench.measuring import Run
from harness.stand_in import StandIn

_IN_FLIGHT_SECONDS = 0.25  # what was on its way when the fault came is not a recovery


@dataclass(frozen=True, slots=True)
class Trial:
    """`begin` brings the fault; the time counts from its return. `end` clears what is left.

    `times` is how often, `bound` how many seconds are waited for data at most.
    """

    name: str
    begin: Callable[[StandIn], None]
    end: dict[str, object]
    bound: float
    times: int


@dataclass(slots=True)
class Outcome:
    """What one listener made of one fault."""

    seconds: list[float] = field(default_factory=list)
    late: int = 0
    absent: int = 0
    why: str = ""

    def note(self, bound: float) -> str:
        """What the figures do not say."""
        parts = [f"of {len(self.seconds)}"] if len(self.seconds) > 1 else []
        if self.late:
            parts.append(f"no data within {bound:g} s")
        if self.absent:
            parts.append(f"no data before it: {self.why}")
        return "; ".join(parts)


Outcomes = dict[tuple[str, str], Outcome]


def measure(run: Run, at: StandIn, listeners: list[Listener]) -> None:
    """Every fault in turn, and again; a listener without data before a trial sits it out."""
    outcomes: Outcomes = defaultdict(Outcome)
    catalogue = trials(run)
    for number in range(max(trial.times for trial in catalogue)):
        for trial in catalogue:
            if number < trial.times:
                _once(run, trial, at, listeners, outcomes)
    for trial in [trial for trial in catalogue if trial.times]:
        for one in listeners:
            outcome = outcomes[trial.name, one.name]
            run.figures.samples(
                7, trial.name, one.name, "s", outcome.seconds, outcome.note(trial.bound)
            )


def _once(
    run: Run, trial: Trial, at: StandIn, listeners: list[Listener], outcomes: Outcomes
) -> None:
    heard = wait(listeners, uptime(), run.pick(1.2, 6.0))
    present = []
    for one in listeners:
        outcome = outcomes[trial.name, one.name]
        if heard[one.name] is None:
            outcome.absent += 1
            outcome.why = one.why_not()
        elif one.name == OURS or not outcome.late:  # a library that was late once is not waited for
            present.append(one)
    trial.begin(at)
    since = uptime() + _IN_FLIGHT_SECONDS
    for name, seconds in wait(present, since, trial.bound).items():
        if seconds is None:
            outcomes[trial.name, name].late += 1
        else:
            outcomes[trial.name, name].seconds.append(seconds + _IN_FLIGHT_SECONDS)
    at.fault(**trial.end)


def trials(run: Run) -> tuple[Trial, ...]:
    """The catalogue; the bounds are seconds. One of the three that need patience is left out of a
    quick run."""
    short, long = run.pick(3, 30), run.pick(6.5, 30)
    outage = run.pick(3, 90)
    often, rarely, twice = int(run.pick(1, 5)), int(run.pick(1, 3)), int(run.pick(1, 2))
    half_open: dict[str, object] = {"half_open": None}
    stall: dict[str, object] = {"silence_open": None}
    return (
        Trial("reset", _post(abort=True), {}, short, often),
        Trial("close 1001", _post(close={"code": 1001, "reason": ""}), {}, short, often),
        Trial("half-open", _post(half_open=True), half_open, long, rarely),
        Trial("stall", _post(silence_open=True), stall, long, rarely),
        Trial("silent from the start", _silent(8), stall, long, int(run.pick(0, 3))),
        Trial(f"outage of {outage:g} s", _outage(outage), {}, long, twice),
    )


def _post(**faults: object) -> Callable[[StandIn], None]:
    return lambda at: at.fault(**faults)


def _silent(seconds: float) -> Callable[[StandIn], None]:
    def begin(at: StandIn) -> None:
        at.fault(silence=True, abort=True)
        time.sleep(seconds)
        # From now on new connections are fed; those made meanwhile stay silent.
        at.fault(silence=None, silence_open=True)

    return begin


def _outage(seconds: float) -> Callable[[StandIn], None]:
    def begin(at: StandIn) -> None:
        at.fault(drop_connections=True, abort=True)
        time.sleep(seconds)
        at.fault(drop_connections=None)

    return begin
