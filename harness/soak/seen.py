"""What a soak has seen, as a value: all that the verdict rests on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.soak.answers import Oddity
from harness.soak.faults import Injury
from harness.soak.growth import Slope
from harness.soak.pace import Pace


@dataclass(slots=True)
class Seen:
    """One run. Moments of injuries and oddities are monotonic seconds."""

    pace: Pace
    injuries: list[Injury] = field(default_factory=list)
    given_up: str = ""
    answers: Counter[str] = field(default_factory=Counter)
    odd: list[Oddity] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    wrongs: int = 0
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
    wal_bytes: int = 0
    ended_by_itself: list[str] = field(default_factory=list)
    stop: str = ""
    load: float = 0.0
