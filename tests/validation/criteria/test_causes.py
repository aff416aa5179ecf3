"""The table of causes: each names criteria that exist, and a criterion belongs to the first."""

from pathlib import Path

import pytest

from tests.support.report_days import REAL, failed, run
from tests.support.report_world import END, HOUR, tamper
from validation.criteria import verdict
from validation.criteria.advice import ADVICE
from validation.criteria.causes import CAUSES


def test_causes_name_criteria_that_exist(world: Path) -> None:
    names = {each["name"] for each in run(world)[1]["criteria"]}
    assert len(names) == sum(map(len, verdict.CRITERIA.values()))
    for cause in CAUSES:
        assert cause.head <= cause.criteria <= names
        assert cause.advice_of in ADVICE


SILENT = f"""
DELETE FROM comparison WHERE compared_at > {END - 3 * HOUR};
UPDATE feed SET heartbeat_at = {END - 3 * HOUR};
UPDATE quote SET updated_at = updated_at - 10800, event_time = event_time - 10800000;
"""
YOUNG = f"DELETE FROM comparison WHERE compared_at < {END - 5 * HOUR};"
ONE_SIDED = f"UPDATE comparison SET ws_value = NULL WHERE symbol = 'COIN1USDT' AND {REAL};"


@pytest.mark.parametrize(
    ("script", "arguments", "text", "some", "needs"),
    [
        (SILENT, (), "nobody looked for 3 h", {"feed", "quotes fresh", "longest gap"},
         {"feed", "quotes fresh"}),
        (YOUNG, (), "no whole day has been compared yet", {"span", "funding settlements"}, set()),
        ("", ("--since", "15m"), "the period is shorter than a day",
         {"span", "funding settlements"}, {"span"}),
        (ONE_SIDED, (), "symbols that should be compared are missing",
         {"on one side only", "symbols compared", "symbol × hour compared"},
         {"on one side only"}),
    ],
)  # fmt: skip
def test_one_cause_accounts_for_all_that_fails(
    world: Path, script: str, arguments: tuple[str, ...], text: str, some: set[str], needs: set[str]
) -> None:
    tamper(world, script)
    _, report = run(world, "--no-store", *arguments)
    (failure,) = report["failures"]
    assert failure["text"].startswith(text)
    assert some <= set(failure["criteria"]) == failed(report)
    assert needs <= set(report["go_possible"]["needs"])
    assert (report["go_possible"]["at"] is None) is bool(needs)


def test_young_service_may_say_go_a_day_after_its_first_comparison(world: Path) -> None:
    tamper(world, YOUNG)
    _, report = run(world, "--no-store")
    first = report["coverage"]["first"]
    assert first + 24 * HOUR <= report["go_possible"]["at"] < first + 24 * HOUR + 660
