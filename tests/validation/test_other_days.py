"""The made-up days as those of exchanges that name no tick: fair ones say GO, spoilt ones do not.

Each day is spoilt as one of Binance, and then translated.
"""

import shutil
from pathlib import Path

import pytest

from tests.support import odd_days
from tests.support.odd_cases import FAIR, SABOTAGED, Case
from tests.support.other_days import translate
from tests.support.report_days import failed, run
from tests.support.report_world import tamper

MANY = 110
FAIR_DAYS = {
    "hyperliquid": (
        "nothing happens",
        "metals and shares are closed",
        "REST refuses for forty minutes",
        "a restart, a few stalls and lost connections",
    ),
    "backpack": ("nothing happens", "metals and shares are closed"),
}
SPOILT_DAYS = {
    "hyperliquid": (
        "stored prices × 1.02",
        "stored prices × 100",
        "stored rates negated",
        "stored index × 10",
        "index × 10 in the stream",
        "one coin 0.3 % off for an hour",
        "one coin 2 % off, called lag",
        "rates of all symbols frozen on both sides",
        "a major in REST only",
        "a coin that trades in REST only",
        "300 stalls",
        "two minutes without data",
        "an API that stood still for twenty hours",
        "no control planted",
        "quotes of an hour ago",
    ),
    "backpack": ("stored prices × 1.02", "one coin 0.3 % off for an hour"),
}


def listed(days: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(exchange, day) for exchange, names in days.items() for day in names]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("other") / "funding.db"
    odd_days.build(path, 1, many=MANY)
    return path


def refused(plain: Path, path: Path, exchange: str, case: Case) -> set[str]:
    """The criteria that the day of `case` fails, as one of `exchange`."""
    if case.made:
        odd_days.build(path, 1, many=MANY, **case.made)
    else:
        shutil.copy(plain, path)
    tamper(path, case.script(MANY), honest=False)
    translate(path, exchange)
    tamper(path, "", honest=case.honest)
    code, report = run(path, "--no-store", "--exchange", exchange, now=odd_days.END)
    path.unlink()
    assert (code == 1) is bool(failed(report))
    return failed(report)


@pytest.mark.parametrize(("exchange", "day"), listed(FAIR_DAYS))
def test_fair_day_says_go(plain: Path, tmp_path: Path, exchange: str, day: str) -> None:
    assert refused(plain, tmp_path / "funding.db", exchange, FAIR[day]) == set()


@pytest.mark.parametrize(("exchange", "day"), listed(SPOILT_DAYS))
def test_sabotaged_day_is_no_go(plain: Path, tmp_path: Path, exchange: str, day: str) -> None:
    assert refused(plain, tmp_path / "funding.db", exchange, SABOTAGED[day])


LIE = "UPDATE comparison SET ws_value = ws_value * 1.02 WHERE field <> 'funding_rate';"


def test_exchange_that_lies_fails_by_its_values(plain: Path, tmp_path: Path) -> None:
    names = refused(plain, tmp_path / "funding.db", "hyperliquid", Case(lambda _many: LIE))
    assert "equal but for the time between" in names
