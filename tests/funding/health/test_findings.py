"""Findings, and the names in them."""

from dataclasses import replace

from funding.health.findings import MAX_NAMES, Check, Level, error, first_names, info, warning
from tests.support.health_facts import AGES, HEALTHY, found


def test_only_a_few_symbols_are_named() -> None:
    facts = replace(HEALTHY, quote_ages=AGES | {f"D{n}": 999.0 for n in range(9)})
    ((_, text),) = found(facts, Level.WARNING)
    assert text == "9 stale symbols (over 180 s): D0, D1, D2, D3, D4 and 4 more"


def test_a_few_names_are_all_named() -> None:
    names = [f"D{number}" for number in range(MAX_NAMES)]
    assert first_names(names) == "D0, D1, D2, D3, D4"
    assert first_names([]) == ""


def test_each_level_has_its_findings() -> None:
    findings = [finding(Check.DISK, "text") for finding in (info, warning, error)]
    assert [each.level for each in findings] == [Level.INFO, Level.WARNING, Level.ERROR]
    assert {(each.check, each.text) for each in findings} == {("disk", "text")}
