"""Statistics of settled rates as values."""

from funding.model.funding_stats import FundingStats


def test_its_fields_are_the_columns() -> None:
    assert FundingStats._fields[:7] == (
        "exchange", "symbol", "mean", "deviation", "samples", "coverage", "pinned",
    )  # fmt: skip
