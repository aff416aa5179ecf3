"""Rows of `comparison` in time order in, sums and histograms out: no list of all rows.

Memory is bounded by symbols, hours and distinct skews, except for what `differences` keeps.
"""

import math
from collections import Counter
from collections.abc import Iterator

from validation import rules
from validation.read.calendar import HOUR_SECONDS, Calendar
from validation.read.differences import Differences, Hour, WorstPairs
from validation.read.planted import PlantedPairs
from validation.read.rows import PLANTED_SOURCE, Row, readable
from validation.read.series import Series
from validation.read.significant import SignificantPairs
from validation.read.skews import Skews
from validation.rules import FIELDS, MARK, RATE, Field, Outcome

CLOCKS_APART_MS = 30_000
NEAR_SETTLEMENT_SECONDS = 120
"""Around a whole hour: further away, no reading worth comparing is of the other interval."""
LARGE_RATE = 0.002
"""A fraction per interval that few symbols exceed (the exchange caps at 0.02 to 0.04)."""
SMALL_RATE = 1e-5
"""And one that most reach: of a year's settlements of 36 symbols at least 78 % each day."""
TINY_RATE = 1e-6
"""Below it on both sides, a difference of sign is one of the last decimals."""


class Tally:
    """Everything that one pass over the comparisons of one exchange finds."""

    def __init__(self, first: float) -> None:
        """Hours and gaps are counted from `first` (Unix seconds), the time of the first pair."""
        self.calendar, self.planted, self.worst = Calendar(first), PlantedPairs(), WorstPairs()
        self.skews, self.significant = Skews(), SignificantPairs()
        self.series: dict[Field, dict[str, Series]] = {field: {} for field in FIELDS}
        self.everything = {field: Differences() for field in FIELDS}
        self.aligned = {field: Differences() for field in FIELDS}
        self.hourly: dict[tuple[int, Field], Hour] = {}
        self.outcomes: Counter[tuple[str, str, Outcome]] = Counter()
        self.rows = self.unreadable = self.duplicates = self.wrong_outcomes = 0
        self.without_rest_time = self.clocks_apart = 0
        self.signs_differ = self.large_rates = self.small_rates = self.no_prices = 0
        self._at, self._paired_at, self._hour_bit = -math.inf, first, 0
        self._hours: dict[Field, Hour] = {}
        self._near_settlement = False
        self._witness: set[str] | None = None

    def add(self, row: Row) -> None:
        """Count one row; rows come in the order of their times."""
        if row.source == PLANTED_SOURCE:
            self.planted.add(row)
            return
        self.rows += 1
        if row.at != self._at:
            self._begin_instant(row.at)
        self.calendar.add_row(row.at, row.id)
        series = self._series_of(row)
        if series is None:
            self.unreadable += 1
        elif series.last_at == row.at:
            self.duplicates += 1  # a second row of one instant proves nothing more
        else:
            series.last_at = row.at
            if row.ws is None or row.rest is None:
                self._add_incomplete(row, series)
            else:
                self._add_pair(row, series)

    def _series_of(self, row: Row) -> Series | None:
        """The series a row belongs to, None if its field, symbol or values cannot be real."""
        of_field = self.series.get(row.field)
        if of_field is None or not (readable(row.ws) and readable(row.rest)):
            return None
        series = of_field.get(row.symbol)
        if series is None and isinstance(row.symbol, str) and row.symbol:
            series = of_field[row.symbol] = Series(row.symbol, Field(row.field))
        return series

    def _begin_instant(self, at: float) -> None:
        self._at = at
        hour, self._witness = self.calendar.begin_instant(at)
        self._hour_bit = 1 << hour
        past = at % HOUR_SECONDS
        self._near_settlement = min(past, HOUR_SECONDS - past) < NEAR_SETTLEMENT_SECONDS
        for field in FIELDS:
            self._hours[field] = self.hourly.setdefault((hour, field), Hour())

    def close(self, until: float) -> None:
        """Count the time from the last pair to `until` as well, and sum up."""
        self.calendar.add_pair(until)
        for field in FIELDS:
            hours = [hour for (_, name), hour in self.hourly.items() if name == field]
            near, apart = [hour.aligned for hour in hours], [hour.apart for hour in hours]
            self.aligned[field] = Differences(sum(hour.aligned_many for hour in hours), near)
            self.everything[field] = Differences(sum(hour.many for hour in hours), near + apart)

    def _add_incomplete(self, row: Row, series: Series) -> None:
        """A value is missing: two missing rates agree, anything else is a finding."""
        both = row.ws is None and row.rest is None
        true = Outcome.MATCH if both else Outcome.MISMATCH
        self.outcomes[row.source, series.field, true] += 1
        # The service may call one missing value by either of the other outcomes.
        self.wrong_outcomes += row.stored is None or (row.stored == Outcome.MATCH) != both
        if not both:
            if row.ws is None:
                series.missing_ws += 1
            else:
                series.add_missing_rest(row.at)
        elif series.field is RATE:
            series.compared_hours |= self._hour_bit
        else:
            series.missing_both += 1

    def _add_pair(self, row: Row, series: Series) -> None:
        _, at, source, symbol, _, ours, theirs, stored_pct, skew, stored, rest_time, _ = row
        field = series.field
        difference = rules.difference_pct(field, ours, theirs)
        self.outcomes[source, field, rules.outcome_of(difference)] += 1
        self.wrong_outcomes += not rules.stored_agrees(difference, stored, stored_pct)
        if at != self._paired_at:
            self._paired_at = at
            self.calendar.add_pair(at)
        series.add_pair(ours, theirs, self._hour_bit)
        if not isinstance(rest_time, int):
            self.without_rest_time += 1
        elif abs(at * 1000 - rest_time) > CLOCKS_APART_MS:
            self.clocks_apart += 1
        if field is RATE:
            self._add_rate(symbol, abs(theirs))
        elif ours <= 0 or theirs <= 0:
            self.no_prices += 1
        apart = self.skews.add(skew)
        spans = bool(
            difference
            and self._near_settlement
            and field is RATE
            and rules.may_span_settlement(rest_time, skew)
        )
        aligned = apart <= rules.ALIGNED_MS and not spans
        difference = min(difference, rules.LARGEST_PCT)
        hour = self._hours[field]
        hour.many += 1
        if aligned:
            hour.aligned_many += 1
            series.add_aligned(ours, theirs, difference, apart)
        if difference:
            (hour.aligned if aligned else hour.apart).append(difference)
            self._add_difference(row, series, difference, spans)

    def _add_rate(self, symbol: str, size: float) -> None:
        self.large_rates += size > LARGE_RATE
        self.small_rates += size < SMALL_RATE
        if self._witness is not None:
            self._witness.add(symbol)

    def _add_difference(
        self, row: Row, series: Series, difference: float, spans_settlement: bool
    ) -> None:
        self.worst.add(difference, row)
        self.significant.add(row, series, difference, spans_settlement)
        if not isinstance(row.skew_ms, int):
            return
        self.skews.add_different(row.skew_ms, difference)
        opposite = row.ws * row.rest < 0 and min(abs(row.ws), abs(row.rest)) > TINY_RATE
        if series.field is RATE and opposite and not spans_settlement:
            self.signs_differ += abs(row.skew_ms) <= rules.ALIGNED_MS

    @property
    def pairs(self) -> int:
        """All pairs with both values."""
        return sum(self.everything[field].many for field in FIELDS)

    def all_series(self) -> Iterator[Series]:
        """All series, prices first."""
        yield from self.series[MARK].values()
        yield from self.series[RATE].values()
