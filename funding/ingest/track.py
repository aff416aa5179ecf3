"""What ingest remembers of one symbol: its last quote, what is normal for it, the bar under way."""

from collections.abc import Sequence
from typing import NamedTuple

from funding.model.bar import MINUTE, Bar
from funding.model.quote import Quote
from funding.statistics.moves import RateWindow
from funding.statistics.score import NOTHING_KNOWN, Score, Scorer
from funding.statistics.thresholds import Threshold, ThresholdField

HOURS_A_YEAR = 8_760.0
MINUTE_MS = MINUTE * 1_000
NO_MINUTE = -1


class Remembered(NamedTuple):
    """What the store has of a symbol when ingest starts: columns of `quote`, first those of a
    `Quote` in order. `signal_level` is None where no Z-score was there yet."""

    symbol: str
    mark_price: float
    index_price: float
    funding_rate: float | None
    next_funding_time: int | None
    event_time: int
    z_score: float | None
    percentile: float | None
    signal_level: int | None


class Track:
    """One symbol. `quote` is its newest one, and `score` is what that means, out of date while
    `stale`. `level` is that of the last signal (see
    `zones`), None before the first Z-score. `minute` is that of the bar under way, and
    `last_minute` of the one before, in minutes since 1970. Slots, since there are a thousand."""

    __slots__ = (
        "high",
        "last_minute",
        "level",
        "low",
        "minute",
        "normal",
        "open",
        "quote",
        "quotes",
        "rates",
        "score",
        "stale",
        "symbol",
        "thresholds",
        "trades",
    )

    def __init__(self, symbol: str, thresholds: Sequence[Threshold]) -> None:
        self.symbol = symbol
        self.thresholds = thresholds
        self.quote = Quote(symbol, 0.0, 0.0, None, None, 0)
        self.normal: Scorer | None = None
        self.score = NOTHING_KNOWN
        self.stale = True
        self.trades = False
        self.level: int | None = None
        self.rates: RateWindow | None = None
        self.minute = self.last_minute = NO_MINUTE
        self.open = self.high = self.low = 0.0
        self.quotes = 0

    def remember(self, row: Remembered) -> None:
        """Continue from what an earlier process stored."""
        self.quote = Quote(*row[:6])
        self.level = row.signal_level
        self.score = Score(row.z_score, None, row.percentile, None)

    def values(self) -> list[float | None]:
        """What each of its thresholds is compared with."""
        return [self.value(each.field) for each in self.thresholds]

    def value(self, field: ThresholdField) -> float | None:
        """What a threshold is compared with, of the newest quote."""
        if field is ThresholdField.Z_SCORE:
            return self.score.z_score
        if field is ThresholdField.PERCENTILE:
            return self.score.percentile
        if field is ThresholdField.MARK_PRICE:
            return self.quote.mark_price or None
        if field is ThresholdField.INDEX_PRICE:
            return self.quote.index_price or None
        rate = self.quote.funding_rate
        if field is ThresholdField.FUNDING_RATE or rate is None:
            return rate
        interval = self.normal.interval if self.normal else 0
        return rate * HOURS_A_YEAR / interval if interval else None

    def end_bar(self, exchange: str) -> Bar:
        """The bar under way, which ends with the newest quote."""
        start = self.minute * MINUTE
        self.last_minute, self.minute = self.minute, NO_MINUTE
        return Bar(
            exchange,
            self.symbol,
            MINUTE,
            start,
            self.open,
            self.high,
            self.low,
            self.quote.mark_price,
            self.quote.index_price,
            self.quote.funding_rate,
            self.quotes,
        )
