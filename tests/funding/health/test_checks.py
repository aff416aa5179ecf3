"""The table of the watchdog's checks."""

from funding.health.checks import check
from funding.health.findings import Level
from funding.health.report import healthy
from tests.support.health_facts import HEALTHY


def test_healthy_facts_give_a_report_in_order() -> None:
    findings = check(HEALTHY)
    assert healthy(findings)
    assert {each.level for each in findings} == {Level.INFO}
    assert [each.check for each in findings] == [
        *["programs"] * 3, "feed", "symbols", "frame", "api", "rest", "rest"
    ]  # fmt: skip
