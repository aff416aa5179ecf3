"""Rows 3 and 4: what lookups cost while ingest runs; each contender in turn, in rounds."""

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from harness.bench import goals
from harness.bench.contenders import BEFORE
from harness.bench.figures import OURS
from harness.bench.measuring import Loaded, Run
from harness.group import Group
from harness.processes import module, output

HERD, HERD_CONNECTIONS = 341, 20
_BULK, _UNCHANGED = "bulk of all", "bulk unchanged"


@dataclass(frozen=True, slots=True)
class Question:
    """A kind of question: its targets, and which contenders can answer it."""

    name: str
    targets: tuple[str, ...]
    options: tuple[str, ...] = ()
    ours_alone: bool = False
    constant_too: bool = False


def measure(run: Run, ours: Group, ports: dict[str, int]) -> None:
    """`ports` are those of all contenders, ours and the floor among them."""
    symbols = [row["symbol"] for row in ours.ask("/funding").json["data"]]
    plain = [symbol for symbol in symbols if symbol.isascii()]
    one = tuple(f"/funding/{symbol}" for symbol in plain)
    questions = (
        Question("one", one[:HERD], constant_too=True),
        Question("batch of 100", (f"/funding/batch?symbols={','.join(plain[:100])}",)),
        Question(_BULK, ("/funding",)),
        Question(_UNCHANGED, ("/funding",), ("--etag",), ours_alone=True),
    )
    seconds = run.pick(0.2, 2.0)
    for question in questions:
        rounds = int(run.pick(2 if question.constant_too else 1, 4))
        for connections in goals.CONNECTIONS:
            _cell(run, question, connections, _asked(question, ports), seconds, rounds)
    _herds(run, one[:HERD], ports, seconds, int(run.pick(1, 4)))
    _raw(run, ours)


def _asked(question: Question, ports: dict[str, int]) -> dict[str, int]:
    return {
        name: port
        for name, port in ports.items()
        if name in (OURS, BEFORE)
        or (name == goals.CONSTANT and question.constant_too)
        or (name != goals.CONSTANT and not question.ours_alone)
    }


def _cell(
    run: Run,
    question: Question,
    connections: int,
    ports: dict[str, int],
    seconds: float,
    rounds: int,
) -> None:
    loads: dict[str, list[Loaded]] = defaultdict(list)
    for _ in range(rounds):
        for name, port in ports.items():
            loads[name].append(
                run.load(port, list(question.targets), connections, seconds, *question.options)
            )
    for name, each in loads.items():
        what = f"{question.name}, {connections} conn."
        times = [ms for load in each for ms in load.ms]
        errors = sum(load.errors for load in each)
        run.figures.samples(3, what, name, "ms", times, f"{errors} errors" if errors else "")
        if question.name == "one":
            _rate(run, f"one per second, {connections} conn.", name, each)


def _rate(run: Run, what: str, name: str, loads: Sequence[Loaded]) -> None:
    rates = sorted(load.per_second for load in loads)
    busiest = max(load.cpu for load in loads)
    note = f"the load itself at {busiest:.0%} of a core" if busiest > 0.6 else ""
    run.figures.single(3, what, name, "/s", rates[len(rates) // 2], note)


def _herds(
    run: Run, targets: Sequence[str], ports: dict[str, int], seconds: float, rounds: int
) -> None:
    kinds = (("herd, one lookup", ()), ("herd, a connection per lookup", ("--fresh",)))
    errors: dict[str, int] = defaultdict(int)
    for what, options in kinds:
        times: dict[str, list[float]] = defaultdict(list)
        for _ in range(rounds):
            for name, port in ports.items():
                if name != goals.CONSTANT:
                    seen = run.load(port, list(targets), HERD_CONNECTIONS, seconds, *options)
                    times[name] += seen.ms
                    errors[name] += seen.errors
                    time.sleep(0.05)
        for name, each in times.items():
            run.figures.samples(4, what, name, "ms", each)
    for name, count in errors.items():
        run.figures.single(4, "herd, errors", name, "", count)


def _raw(run: Run, ours: Group) -> None:
    """The floor of reading: SQLite alone, in process."""
    seconds = run.pick(0.9, 6.0)
    text = output(module("harness.bench.floors.read", ours.database, seconds), seconds + 20)
    for kind, times in json.loads(text).items():
        what = {"one": "one", "batch": "batch of 100", "all": _BULK}[kind]
        run.figures.samples(3, f"{what}, 1 conn.", "floor: SQLite read", "ms", times)
