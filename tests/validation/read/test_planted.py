"""Planted pairs: caught, missed or edited."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.report_days import run
from tests.support.report_rows import row
from tests.support.report_world import tamper
from validation.read.planted import PlantedPairs


def test_planted_pair_is_not_counted_as_a_comparison(world: Path) -> None:
    _, before = run(world, "--no-store")
    tamper(world, "DELETE FROM comparison WHERE source = 'control';")
    _, after = run(world, "--no-store")
    assert before["totals"]["all"] == after["totals"]["all"]
    assert before["differences"] == after["differences"]


@pytest.mark.parametrize(
    ("changes", "missed", "edited"),
    [
        ({}, 0, 0),
        ({"rest": None}, 1, 0),
        ({"ws": "x"}, 1, 0),
        ({"field": "open_interest"}, 1, 0),
        ({"ws": 98.5, "stored_pct": -1.5}, 0, 0),
        ({"ws": 99.5, "stored_pct": -0.5}, 1, 0),
        ({"stored": "match"}, 1, 1),
        ({"stored_pct": 0.01}, 0, 1),
    ],
)
def test_planted_pair_is_caught_by_its_values_and_its_outcome(
    changes: dict[str, Any], missed: int, edited: int
) -> None:
    pairs = PlantedPairs()
    pairs.add(row(ws=98.0, stored="significant", stored_pct=-2.0)._replace(**changes))
    assert (pairs.planted, pairs.missed, pairs.edited) == (1, missed, edited)
    assert pairs.symbols == {"BTCUSDT"}
