"""Everything that a soak has observed, as a value: the verdict rests on nothing else."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.soak.answer_checks import Anomaly
from harness.soak.fault_courses import Fault
from harness.soak.slopes import Slope
from harness.soak.speed import Speed


@dataclass(slots=True)
class Observations:
    """One run. Moments of faults and anomalies are monotonic seconds."""

    speed: Speed
    faults: list[Fault] = field(default_factory=list)
    given_up: str = ""
    answers: Counter[str] = field(default_factory=Counter)
    anomalies: list[Anomaly] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    wrong_count: int = 0
    rows: int = 0
    clients: int = 0
    read_rows: int = 0
    acknowledged: int = 0
    asked: int = 0
    missing: list[int] = field(default_factory=list)
    salvaged: int = 0
    unsalvaged: list[int] = field(default_factory=list)
    destroyed: int = 0
    refused: int = 0
    slopes: Mapping[str, Mapping[str, Slope]] = field(default_factory=dict)
    checks: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    told: tuple[int, int] = (0, 0)
    wal_bytes: int = 0
    unexpected_ends: list[str] = field(default_factory=list)
    stop: str = ""
    load: float = 0.0
