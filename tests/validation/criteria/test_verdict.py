"""The verdict: GO on fair days, with warnings where something should be read."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.support.report_days import failed, run
from tests.support.report_world import END, build, end_of, tamper


def test_fair_day_is_go(world: Path) -> None:
    code, report = run(world)
    assert failed(report) == set()
    assert (code, report["verdict"]) == (0, "GO")
    assert report["coverage"]["known"] == report["coverage"]["compared"] == 30
    assert len(report["coverage"]["settlements"]) == 3
    assert report["totals"]["controls"] == 72


def fails_of_a_fair_day(path: Path) -> set[str]:
    """The criteria that fail on the fair day whose seed is the name of the file."""
    seed = int(path.stem)
    build(path, seed, many=20)
    _, report = run(path, "--no-store", now=end_of(seed))
    path.unlink()
    return failed(report)


@pytest.mark.parametrize("days", [25, pytest.param(100, marks=pytest.mark.faults)])
@pytest.mark.usefixtures("few_symbols")
def test_fair_days_are_rarely_refused(tmp_path: Path, days: int) -> None:
    """Each run of the tests makes up a quarter of the days, `scripts/test --faults` all of them."""
    paths = [tmp_path / f"{seed}.db" for seed in range(1000, 1000 + days)]
    with ProcessPoolExecutor(2) as pool:
        refused = [found for found in pool.map(fails_of_a_fair_day, paths, chunksize=5) if found]
    assert len(refused) <= 1, refused


def test_missing_controls_are_a_no_go_after_the_first_hour(world: Path) -> None:
    tamper(world, "DELETE FROM comparison WHERE source = 'control';")
    assert failed(run(world)[1]) == {"controls"}
    tamper(world, f"DELETE FROM comparison WHERE compared_at < {END - 3_500};")
    assert "controls" not in failed(run(world)[1])


def test_period_without_comparisons_is_no_go(world: Path) -> None:
    code, report = run(world, now=END + 90 * 86_400)
    assert code == 1
    assert {"span", "longest gap", "symbol × hour compared", "rows"} <= failed(report)


@pytest.mark.parametrize(
    ("every", "passes", "text"),
    [(600.0, True, ""), (3_600.0, True, "a settlement by comparisons within 1 h 30 min"),
     (7_200.0, False, "no GO is possible")],
)  # fmt: skip
@pytest.mark.usefixtures("few_symbols")
def test_interval_says_what_it_cannot_prove(
    tmp_path: Path, every: float, passes: bool, text: str
) -> None:
    path = tmp_path / "funding.db"
    build(path, all_every=every)
    code, report = run(path, "--no-store")
    assert (code == 0) is passes, failed(report)
    said = [each for each in report["warnings"] if "all symbols are compared" in each]
    assert [text in each for each in said] == ([True] if text else [])
    assert ("symbol × hour compared" in failed(report)) is not passes


def test_index_prices_that_nobody_compared_are_a_warning(world: Path) -> None:
    tamper(world, "DELETE FROM comparison WHERE field = 'index_price';")
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    assert "index prices were not compared: an older watchdog" in report["warnings"]
