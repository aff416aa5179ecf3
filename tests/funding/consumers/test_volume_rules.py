"""Which candles are worth an alert: a table of scans."""

import pytest

from funding.consumers.volume_rules import (
    AlertedHour,
    Candle,
    Kind,
    VolumeAlert,
    alerted_hours,
    alerts_due,
    candles,
    scan_at,
)
from funding.exchanges.binance.rest import Kline

HOUR = 1_764_720_000  # 2025-12-03T00:00:00Z
BEFORE = HOUR - 3_600
S = "BTCUSDT"


def volumes(current: float, previous: float = 1e6, hour: int = HOUR) -> dict[int, Candle]:
    return {hour: Candle(10.0, 11.0, current), hour - 3_600: Candle(9.0, 10.0, previous)}


def kinds(found: list[VolumeAlert]) -> list[tuple[str, int]]:
    return [(alert.kind, alert.hour) for alert in found]


def alerted(minute: int, *more: str, hour: int = HOUR) -> dict[tuple[str, int], AlertedHour]:
    return {(S, hour): AlertedHour(frozenset({Kind.SPIKE, *more}), hour + minute * 60, 1e6)}


@pytest.mark.parametrize(
    ("now", "expected"),
    [(HOUR, HOUR), (HOUR + 299.9, HOUR), (HOUR + 300, HOUR + 300), (HOUR - 0.1, HOUR - 300)],
)
def test_scan_belongs_to_the_last_five_minutes(now: float, expected: int) -> None:
    assert scan_at(now) == expected


@pytest.mark.parametrize(
    ("current", "previous", "spikes"),
    [
        (3e6, 1e6, True),
        (2_999_999.9, 0.9e6, False),
        (3e6, 1_000_000.1, False),
        (9e6, 3e6, True),
        (8.99e6, 3e6, False),
        (5e6, 0.0, False),
        (5e6, 1.0, True),
    ],
)
def test_spike_needs_three_times_the_volume_and_three_million(
    current: float, previous: float, spikes: bool
) -> None:
    found = alerts_due(S, volumes(current, previous), {}, HOUR + 600)
    assert kinds(found) == ([(Kind.SPIKE, HOUR)] if spikes else [])
    assert [alert.previous_volume for alert in found] == ([previous] if spikes else [])


def test_spike_is_alerted_once_per_symbol_and_hour() -> None:
    assert alerts_due(S, volumes(9e6), alerted(5), HOUR + 900) == []
    assert kinds(alerts_due("ETHUSDT", volumes(9e6), alerted(5), HOUR + 900)) == [
        (Kind.SPIKE, HOUR)
    ]
    later = HOUR + 3_600 + 900
    due = alerts_due(S, volumes(9e7, 9e6, HOUR + 3_600), alerted(5, Kind.FULL_UPDATE), later)
    assert kinds(due) == [(Kind.SPIKE, HOUR + 3_600)]


@pytest.mark.parametrize("first", range(0, 60, 5))
@pytest.mark.parametrize("minute", range(0, 60, 5))
def test_half_update_comes_from_minute_30_on_if_the_spike_came_by_20(
    first: int, minute: int
) -> None:
    found = alerts_due(S, volumes(9e6), alerted(first), HOUR + minute * 60)
    assert kinds(found) == ([(Kind.HALF_UPDATE, HOUR)] if minute >= 30 and first <= 20 else [])
    assert alerts_due(S, volumes(9e6), alerted(first, Kind.HALF_UPDATE), HOUR + minute * 60) == []


def test_half_update_has_the_candle_and_the_volume_of_the_hour_before() -> None:
    hours = volumes(9e6, 2e6)
    (alert,) = alerts_due(S, hours, alerted(5), HOUR + 1_800)
    assert (alert.candle, alert.previous_volume) == (hours[HOUR], 2e6)
    (alert,) = alerts_due(S, {HOUR: hours[HOUR]}, alerted(5), HOUR + 1_800)
    assert (alert.candle, alert.previous_volume) == (hours[HOUR], 1e6), "as it was at the spike"


@pytest.mark.parametrize("first", range(0, 60, 5))
def test_full_update_is_for_the_closed_hour_unless_the_spike_came_at_55(first: int) -> None:
    hours = volumes(1.0, 9e6)
    due = alerts_due(S, hours, alerted(first, hour=BEFORE), HOUR)
    assert kinds(due) == ([(Kind.FULL_UPDATE, BEFORE)] if first < 55 else [])
    for alert in due:
        # The hour before the closed one is not among the candles: its volume was kept.
        assert (alert.candle, alert.previous_volume) == (hours[BEFORE], 1e6)
    assert alerts_due(S, hours, alerted(first, Kind.FULL_UPDATE, hour=BEFORE), HOUR) == []


def test_missed_full_update_comes_with_the_next_scan_of_the_hour_after() -> None:
    due = alerts_due(S, volumes(1.0, 9e6), alerted(0, hour=BEFORE), HOUR + 1_500)
    assert kinds(due) == [(Kind.FULL_UPDATE, BEFORE)]
    assert alerts_due(S, volumes(1.0, 9e6), alerted(0, hour=BEFORE - 3_600), HOUR) == []


def test_clock_that_is_an_hour_ahead_does_not_close_the_hour() -> None:
    """The exchange is still within the hour that we take for the one before."""
    theirs = volumes(9e6, hour=BEFORE)
    assert alerts_due(S, theirs, alerted(5, hour=BEFORE), HOUR + 600) == []
    assert kinds(alerts_due(S, volumes(1.0, 9e6), alerted(5, hour=BEFORE), HOUR + 600)) == [
        (Kind.FULL_UPDATE, BEFORE)
    ]


def test_candles_are_known_by_their_hour_not_by_their_place() -> None:
    """At minute 0 the exchange may not have begun the new candle."""
    late = {BEFORE: Candle(1.0, 2.0, 9e6), BEFORE - 3_600: Candle(1.0, 1.0, 1e6)}
    assert kinds(alerts_due(S, late, alerted(5, hour=BEFORE), HOUR)) == [(Kind.FULL_UPDATE, BEFORE)]
    assert alerts_due(S, late, {}, HOUR) == []
    assert alerts_due(S, {HOUR: Candle(1.0, 2.0, 9e9)}, {}, HOUR + 300) == []
    assert alerts_due(S, {}, {}, HOUR) == []


def kline(opened: int, close: str = "11", volume: str = "9e6") -> Kline:
    return Kline(opened * 1_000, "10", "12", "9", close, "5", opened * 1_000 + 3_599_999, volume)


def test_candles_come_from_klines_by_second() -> None:
    found = candles([kline(BEFORE, volume="1e6"), kline(HOUR)])
    assert found == {BEFORE: Candle(10.0, 11.0, 1e6), HOUR: Candle(10.0, 11.0, 9e6)}


@pytest.mark.parametrize("volume", ["", "much", "nan", "inf"])
def test_candle_that_is_not_a_number_is_refused(volume: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        candles([kline(HOUR, volume=volume)])


def test_stored_alerts_are_read_back_by_hour() -> None:
    def row(kind: str, at: int, previous: float = 2e6) -> tuple[str, str, float, str]:
        body = f'{{"hourTimestamp":"2025-12-03T00:00:00Z","previousVolume":{previous}}}'
        return S, kind, at, body

    found = alerted_hours([row(Kind.SPIKE, HOUR + 300), row(Kind.FULL_UPDATE, HOUR + 3_600, 7.0)])
    assert found == {
        (S, HOUR): AlertedHour(frozenset({Kind.SPIKE, Kind.FULL_UPDATE}), HOUR + 300, 2e6)
    }
