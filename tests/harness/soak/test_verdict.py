"""Each criterion of the soak can fail, and its report says so."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.soak import verdict
from harness.soak.answer_checks import Anomaly
from harness.soak.catalogue import at_most
from harness.soak.fault_courses import CUT, SILENT, Fault, FaultKind
from harness.soak.observations import Observations
from harness.soak.report import data, markdown
from harness.soak.slopes import MEASURES, Slope
from harness.soak.verdict import verdicts
from tests.harness.soak.worlds import SPEED


def fault(seconds: float = 1.0, *, excuses: frozenset[str] = SILENT, **more: Any) -> Fault:
    kind = FaultKind("a fault", lambda environment, fault: iter(()), at_most(5), excuses)
    return Fault(kind, 100.0, 100.0, 100.0 + seconds, **more)


FLAT = {name: Slope(0.0, 0.0, 0.0, 3_000.0, 9.0, 9.0) for name in MEASURES}


def good() -> Observations:
    """A run in which everything went well."""
    made = Observations(SPEED, faults=[fault(excuses=SILENT | CUT, killed=1)], rows=9, read_rows=9)
    made.answers.update({"200": 5, "lost": 1})
    made.anomalies = [Anomaly(100.5, 100.6, "lost")]
    made.clients, made.acknowledged, made.asked, made.checks = 5, 9, 9, ["ok"]
    made.slopes, made.told = {"funding:ingest": FLAT}, (9, 0)
    return made


def verdict_of(seen: Observations) -> dict[str, str]:
    return {each.name: each.verdict for each in verdicts(seen)}


def test_a_good_run_passes() -> None:
    assert set(verdict_of(good()).values()) == {"PASS"}


def growing(seen: Observations) -> None:
    found = Slope(40.0, 30.0, 50.0, 3_000.0, 9.0, 49.0)
    seen.slopes = {"funding:ingest": FLAT, "supervisord": FLAT | {"threads": found}}


BAD: dict[str, tuple[str, Callable[[Observations], None]]] = {
    "a wrong row": ("every lookup", lambda s: setattr(s, "wrong_count", 1)),
    "an error too early": ("errors", lambda s: s.anomalies.append(Anomaly(98, 99, "lost"))),
    "an error too late": ("errors", lambda s: s.anomalies.append(Anomaly(103, 104, "lost"))),
    "an error of another kind": (
        "errors",
        lambda s: s.anomalies.append(Anomaly(100, 101, "refused")),
    ),
    "a 500": ("errors", lambda s: s.anomalies.append(Anomaly(100, 101, "500 oops"))),
    "more lost than in hand": ("no request", lambda s: s.anomalies.extend(s.anomalies * 6)),
    "a lost comparison": ("no acknowledged", lambda s: s.missing.append(3)),
    "one not salvaged": ("salvaged", lambda s: s.unsalvaged.append(3)),
    "growth": ("no growth", growing),
    "too late": ("every fault", lambda s: s.faults.append(fault(5.1))),
    "never": ("every fault", lambda s: s.faults.append(fault(-100.0))),
    "given up": ("every fault", lambda s: setattr(s, "given_up", "reset: not recovered")),
    "damage": ("integrity", lambda s: s.checks.append("row 3 missing from index")),
    "a large WAL": ("integrity", lambda s: setattr(s, "wal_bytes", verdict.WAL_BYTES + 1)),
    "a signal twice": ("history,", lambda s: s.contradictions.append("X crossed twice")),
    "an unexpected end": ("no other", lambda s: s.unexpected_ends.append("ingest")),
    "a stop that is not clean": ("no other", lambda s: setattr(s, "stop", "left 17")),
}


@pytest.mark.parametrize("name", BAD)
def test_each_criterion_can_fail(name: str) -> None:
    words, spoil = BAD[name]
    seen = good()
    spoil(seen)
    failed = [each for each, verdict in verdict_of(seen).items() if verdict == "FAIL"]
    assert [each.startswith(words) for each in failed] == [True]
    assert "FAIL" in markdown("heading", verdicts(seen), seen)
    assert b"NaN" not in data("heading", verdicts(seen), seen)
    json.loads(data("heading", verdicts(seen), seen))


def test_nothing_is_proven_by_seeing_nothing() -> None:
    found = verdict_of(Observations(SPEED))
    assert found["every lookup answered truly"] == "OPEN"
    assert found["no growth of descriptors, threads, memory"] == "OPEN"
    assert found["no acknowledged comparison lost"] == "OPEN"
    assert "PASS" not in {v for name, v in found.items() if name.startswith(("every", "integrity"))}


def test_only_the_first_details_are_shown() -> None:
    seen = good()
    seen.missing = list(range(100))
    (found,) = (each for each in verdicts(seen) if each.details)
    assert len(found.details) == 5
