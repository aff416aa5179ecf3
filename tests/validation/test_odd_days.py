"""Made-up days with fat tails: of the sabotaged ones none says GO, of the fair ones all do.

A quarter of the exchange, one seed. `python -m harness.report_days` runs all of it, on many seeds.
"""

import shutil
from pathlib import Path

import pytest

from tests.support import odd_days
from tests.support.odd_cases import FAIR, SABOTAGED, Case
from tests.support.report_days import failed, run
from tests.support.report_world import tamper

MANY = 130


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("odd") / "funding.db"
    odd_days.build(path, 1, many=MANY)
    return path


@pytest.fixture
def refused(plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case) -> set[str]:
    """The criteria that the day of `case` fails."""
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", str(MANY - 20))
    path = tmp_path / "funding.db"
    if case.made:
        odd_days.build(path, 1, many=MANY, **case.made)
    else:
        shutil.copy(plain, path)
    tamper(path, case.script(MANY), honest=case.honest)
    code, report = run(path, "--no-store", now=odd_days.END)
    path.unlink()
    assert (code == 1) is bool(failed(report))
    return failed(report)


@pytest.mark.parametrize("case", FAIR.values(), ids=FAIR)
def test_fair_day_says_go(refused: set[str]) -> None:
    assert refused == set()


@pytest.mark.parametrize("case", SABOTAGED.values(), ids=SABOTAGED)
def test_sabotaged_day_is_no_go(refused: set[str]) -> None:
    assert refused
