"""What the recovery row says beside its figures, and how often each fault comes."""

from collections import Counter
from pathlib import Path

import pytest

from harness.bench.measuring import Run
from harness.bench.rows.recovery import Outcome, trials


@pytest.mark.parametrize(
    ("outcome", "note"),
    [
        (Outcome(), ""),
        (Outcome([1.0]), ""),
        (Outcome([1.0, 2.0]), "of 2"),
        (Outcome([1.0, 2.0], late=1), "of 2; no data within 30 s"),
        (Outcome(absent=2, why="it ended"), "no data before it: it ended"),
    ],
)
def test_a_recovery_says_what_its_figures_do_not(outcome: Outcome, note: str) -> None:
    assert outcome.note(30.0) == note


@pytest.mark.parametrize("quick", [True, False])
def test_the_faults_come_once_in_a_quick_run_and_more_often_in_a_full_one(quick: bool) -> None:
    catalogue = trials(Run(Path(), quick, peers=False))
    assert not [name for name, count in Counter(t.name for t in catalogue).items() if count > 1]
    assert all((trial.times <= 1) is quick for trial in catalogue)
