"""The watchdog's checks as a table: the facts of one moment in, findings out."""

from funding.health import data_checks, machine_checks
from funding.health.facts import Facts
from funding.health.findings import Finding

CHECKS = (
    machine_checks.check_programs,
    data_checks.check_connection,
    data_checks.check_symbols,
    data_checks.check_rates,
    data_checks.check_last_frame,
    machine_checks.check_api,
    data_checks.check_rest,
    machine_checks.check_machine,
)
"""In the order of the report."""


def check(facts: Facts) -> list[Finding]:
    """The findings of all checks."""
    return [finding for each in CHECKS for finding in each(facts)]
