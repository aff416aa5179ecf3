"""Rows of `comparison` in time order in, sums and histograms out: no list of all rows.

Memory is bounded by symbols, hours and distinct skews, except for what `differences` keeps.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from validation import rules
from validation.exchanges import BINANCE, Exchange
from validation.read.basis import Bases
from validation.read.calendar import Calendar, Witness
from validation.read.differences import Differences, Hour, WorstPairs
from validation.read.planted import PlantedPairs
from validation.read.rounds import Rounds
from validation.read.rows import PLANTED_SOURCE, WATCHDOG_SOURCE, Row, readable
from validation.read.series import Series
from validation.read.skews import Skews
from validation.rules import FIELDS, HOUR_SECONDS, MARK, RATE, Field, Outcome

CLOCKS_APART_MS = 30_000
NEAR_SETTLEMENT_SECONDS = 120
"""Around a whole hour: further away, no reading that is on time was made just after it."""
LARGE_RATE = 0.002
"""A fraction per eight hours that few symbols exceed (the exchange caps at 0.02 to 0.04)."""
SMALL_RATE = 1e-5
"""And one that most reach: of a year's settlements of 36 symbols at least 78 % each day."""


EMPTY: Mapping[str, float] = MappingProxyType({})


class Tally:
    """Everything that one pass over the comparisons of one exchange finds."""

    def __init__(
        self, first: float, listed: Mapping[str, float] = EMPTY, exchange: Exchange = BINANCE
    ) -> None:
        """Hours and gaps are counted from `first` (Unix seconds), the time of the first pair;
        `listed` holds when the contracts that came later began to trade."""
        self.calendar, self.planted, self.worst = Calendar(first), PlantedPairs(), WorstPairs()
        self.skews, self.bases, self.rounds = Skews(), Bases(), Rounds()
        self.series: dict[Field, dict[str, Series]] = {field: {} for field in FIELDS}
        self.everything = {field: Differences() for field in FIELDS}
        self.aligned = {field: Differences() for field in FIELDS}
        self.hourly: dict[tuple[int, Field], Hour] = {}
        self.outcomes: Counter[tuple[str, str, Outcome]] = Counter()
        self.rows = self.unreadable = self.duplicates = self.wrong_outcomes = 0
        self.without_rest_time = self.clocks_apart = self.just_settled = 0
        self.large_rates = self.small_rates = self.no_prices = 0
        self._at, self._paired_at, self._hour_bit = -math.inf, first, 0
        self._hours: dict[Field, Hour] = {}
        self._near_settlement = False
        self._witness: Witness | None = None
        self._listed = listed
        self._same_ticks, self._rate_scale = exchange.same_ticks, exchange.rate_scale

    def add(self, row: Row) -> None:
        """Count one row; rows come in the order of their times."""
        if row.source == PLANTED_SOURCE:
            self.planted.add(row)
            return
        self.rows += 1
        if row.at != self._at:
            self._begin_instant(row.at, row.source)
        if row.source == WATCHDOG_SOURCE:
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
            series = of_field[row.symbol] = Series(row.symbol, Field(row.field), row.at)
        return series

    def _begin_instant(self, at: float, source: object) -> None:
        self._at = at
        if source == WATCHDOG_SOURCE:
            self.calendar.watched.add(at)
        hour, self._witness = self.calendar.begin_instant(at)
        self._hour_bit = 1 << hour
        past = at % HOUR_SECONDS
        self._near_settlement = min(past, HOUR_SECONDS - past) < NEAR_SETTLEMENT_SECONDS
        for field in FIELDS:
            self._hours[field] = self.hourly.setdefault((hour, field), Hour())

    def close(self, until: float) -> None:
        """Count the time from the last pair to `until` as well, and sum up."""
        self.calendar.gaps.add(until)
        self.calendar.watched.add(until)
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
        if row.rest is not None:
            series.note_rest(row.at, row.rest)
        if row.at < self._listed.get(row.symbol, 0.0):
            return  # before it trades, it may be on one side
        if not both or series.field is not RATE:
            series.one_sided_at = row.at
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
        _, at, source, symbol, _, ours, theirs, stored_pct, skew, stored, rest_time = row
        field = series.field
        difference = rules.difference_pct(field, ours, theirs)
        self.outcomes[source, field, rules.outcome_of(difference)] += 1
        self.wrong_outcomes += not rules.stored_agrees(difference, stored, stored_pct)
        if at != self._paired_at:
            self._paired_at = at
            self.calendar.gaps.add(at)
        move = series.add_pair(at, ours, theirs, self._hour_bit)
        if not isinstance(rest_time, int):
            self.without_rest_time += 1
        elif abs(at * 1000 - rest_time) > CLOCKS_APART_MS:
            self.clocks_apart += 1
        if field is RATE:
            self._add_rate(symbol, abs(theirs))
        elif field is MARK:
            self.no_prices += ours <= 0 or theirs <= 0
            if move is not None:
                self.rounds.add(at, move)
        else:
            mark = self.series[MARK].get(symbol)
            if mark is not None and mark.paired_at == at:
                self.bases.add(symbol, mark.last_rest, theirs)
        self._add_difference(row, series, min(difference, rules.LARGEST_PCT), self.skews.add(skew))

    def _add_rate(self, symbol: str, size: float) -> None:
        self.large_rates += size > LARGE_RATE * self._rate_scale
        self.small_rates += size < SMALL_RATE * self._rate_scale
        if self._witness is not None:
            after, distance, seen = self._witness
            # The nearest reading counts: the last one before it, and the first one after.
            if not after or symbol not in seen:
                seen[symbol] = distance

    def _add_difference(self, row: Row, series: Series, difference: float, apart: float) -> None:
        hour = self._hours[series.field]
        hour.many += 1
        known, same_time = apart != math.inf, not apart
        if same_time and difference and self._near_settlement and series.field is RATE:
            same_time = not rules.just_settled(row.rest_time)
            self.just_settled += not same_time
        if not self._same_ticks:
            # Which tick a value belongs to is not known: no two are one by their times.
            same_time = False
            far = rules.off(series.field, row.ws, row.rest, self._rate_scale)
            series.note_off(row.ws > row.rest, off=far)
        if same_time:
            hour.aligned_many += 1
            series.add_same_time(row.ws, row.rest, difference)
        elif (apart or not self._same_ticks) and known:
            series.add_apart(difference, row.skew_ms)
        if difference:
            (hour.aligned if same_time else hour.apart).append(difference)
            self.worst.add(difference, row)
            if known:
                self.skews.add_different(row.skew_ms, difference)

    @property
    def pairs(self) -> int:
        """All pairs with both values."""
        return sum(self.everything[field].many for field in FIELDS)

    @property
    def interval(self) -> float:
        """Seconds between the comparisons of the symbol in the middle; infinite without any."""
        found = sorted(series.interval for series in self.series[MARK].values() if series.pairs)
        return found[len(found) // 2] if found else math.inf

    def all_series(self) -> Iterator[Series]:
        """All series, prices first."""
        for field in FIELDS:
            yield from self.series[field].values()
