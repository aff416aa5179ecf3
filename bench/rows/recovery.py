"""Row 7: the same fault for everybody at once, and how long each is without data after it."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from bench.clients import Listener, uptime, wait
from bench.run import Run
from bench.service import Exchange

_IN_FLIGHT_SECONDS = 0.25  # what was on its way when the fault came is no recovery
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Trial:
    """`begin` brings the fault; the time counts from its return. `end` clears what is left."""

    name: str
    begin: Callable[[Exchange], None]
    end: dict[str, object]
    bound: float


def measure(run: Run, at: Exchange, listeners: list[Listener]) -> None:
    """Every fault, `rounds` times, in turn; who has no data before a trial sits it out."""
    rounds = int(run.pick(1, 2))
    seen: dict[tuple[str, str], list[float]] = defaultdict(list)
    why: dict[tuple[str, str], str] = {}
    for _ in range(rounds):
        for trial in trials(run):
            present = _present(listeners)
            for one in listeners:
                if one not in present:
                    why[trial.name, one.name] = f"no data before it: {one.why_not()}"
            trial.begin(at)
            since = uptime() + _IN_FLIGHT_SECONDS
            for name, seconds in wait(present, since, trial.bound).items():
                if seconds is None:
                    why[trial.name, name] = f"no data within {trial.bound:g} s"
                else:
                    seen[trial.name, name].append(seconds + _IN_FLIGHT_SECONDS)
            at.fault(**trial.end)
    for trial in trials(run):
        for one in listeners:
            key = trial.name, one.name
            run.figures.samples(7, trial.name, one.name, "s", seen[key], why.get(key, ""))


def _present(listeners: list[Listener]) -> list[Listener]:
    heard = wait(listeners, uptime(), _SETTLE_SECONDS)
    return [one for one in listeners if heard[one.name] is not None]


def trials(run: Run) -> tuple[Trial, ...]:
    """The catalogue; the bounds are seconds."""
    short, long = run.pick(3, 30), run.pick(6.5, 30)
    outage = run.pick(3, 90)
    return (
        Trial("reset", _post(abort=True), {}, short),
        Trial("close 1001", _post(close={"code": 1001, "reason": ""}), {}, short),
        Trial("half-open", _post(half_open=True), {"half_open": None}, long),
        Trial("stall", _post(silence_open=True), {"silence_open": None}, long),
        Trial("silent from the start", _silent(run.pick(2, 8)), {"silence_open": None}, long),
        Trial(f"outage of {outage:g} s", _outage(outage), {}, long),
    )


def _post(**faults: object) -> Callable[[Exchange], None]:
    return lambda at: at.fault(**faults)


def _silent(seconds: float) -> Callable[[Exchange], None]:
    def begin(at: Exchange) -> None:
        at.fault(silence=True, abort=True)
        time.sleep(seconds)
        # From now on new connections are fed; those made meanwhile stay silent.
        at.fault(silence=None, silence_open=True)

    return begin


def _outage(seconds: float) -> Callable[[Exchange], None]:
    def begin(at: Exchange) -> None:
        at.fault(drop_connections=True, abort=True)
        time.sleep(seconds)
        at.fault(drop_connections=None)

    return begin
