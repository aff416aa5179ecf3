"""Significant differences, by what accounts for them."""

from collections import Counter

from validation.read.rows import Row
from validation.read.series import Series
from validation.rules import SIGNIFICANT_PCT, Excuse, excuse


class SignificantPairs:
    """`unexplained` counts by symbol; `at_settlement` are rates of two funding intervals."""

    def __init__(self) -> None:
        self.unexplained: Counter[str] = Counter()
        self.lag = self.claimed = self.at_settlement = 0

    def add(self, row: Row, series: Series, difference: float, spans_settlement: bool) -> None:
        if difference <= SIGNIFICANT_PCT:
            return
        if spans_settlement:
            self.at_settlement += 1
            return
        series.significant += 1
        skew = row.skew_ms if isinstance(row.skew_ms, int) else None
        reason = excuse(series.field, difference, skew, row.claimed)
        if reason is Excuse.LAG:
            self.lag += 1
        elif reason is Excuse.CLAIMED:
            self.claimed += 1
            series.claimed += 1
        else:
            self.unexplained[series.symbol] += 1
