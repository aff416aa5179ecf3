"""What is remembered of one symbol."""

from funding.ingest.track import NO_MINUTE, Remembered, Track
from funding.model.quote import Quote
from funding.statistics.score import Normal, Score, Scorer
from funding.statistics.thresholds import ThresholdField, thresholds


def test_values_of_fields() -> None:
    track = Track("BTCUSDT", ())
    assert [track.value(field) for field in ThresholdField] == [None] * 6
    track.quote = Quote("BTCUSDT", 100.0, 99.0, 0.0001, None, 7)
    track.score = Score(1.5, None, 80.0, None)
    assert track.value(ThresholdField.ANNUALIZED_RATE) is None
    track.normal = Scorer(Normal(0.0, 1.0, 8, (), None))
    found = {field: track.value(field) for field in ThresholdField}
    assert found == {
        "funding_rate": 0.0001,
        "annualized_rate": 0.0001 * 8_760 / 8,
        "z_score": 1.5,
        "percentile": 80.0,
        "mark_price": 100.0,
        "index_price": 99.0,
    }


def test_values_of_its_thresholds() -> None:
    known = thresholds('[[threshold]]\nsymbol="*"\nfield="mark_price"\nabove=1')
    track = Track("BTCUSDT", known)
    assert track.values() == [None]
    track.quote = Quote("BTCUSDT", 5.0, 99.0, None, None, 7)
    assert track.values() == [5.0]


def test_what_the_store_remembers() -> None:
    track = Track("BTCUSDT", ())
    track.remember(Remembered("BTCUSDT", 100.0, 99.0, 0.0001, 8, 7, 1.5, 80.0, -2))
    assert track.quote == Quote("BTCUSDT", 100.0, 99.0, 0.0001, 8, 7)
    assert track.level == -2
    assert (track.score.z_score, track.score.percentile, track.stale) == (1.5, 80.0, True)


def test_bar_ends_with_the_newest_quote() -> None:
    track = Track("BTCUSDT", ())
    track.minute, track.quotes = 10, 3
    track.open, track.high, track.low = 5.0, 9.0, 4.0
    track.quote = Quote("BTCUSDT", 6.0, 6.5, None, None, 7)
    bar = track.end_bar("binance")
    assert bar == ("binance", "BTCUSDT", 60, 600, 5.0, 9.0, 4.0, 6.0, 6.5, None, 3)
    assert (track.minute, track.last_minute) == (NO_MINUTE, 10)
