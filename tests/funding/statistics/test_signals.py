"""Signals in words, and a storm of them as one."""

from funding.model.signal import SignalDirection, SignalKind, Zone
from funding.statistics.score import Normal
from funding.statistics.signals import (
    STORM_SYMBOLS,
    Caused,
    Moment,
    crossed,
    gather,
    moved,
    zone_entered,
)
from funding.statistics.thresholds import Threshold, ThresholdField

NORMAL = Normal(1.25e-5, 1e-6, 8, (), None)
MOMENT = Moment(1_764_000_000.0, "binance", "BTCUSDT", 0.0005, 50.0, 1_763_999_999_000)
THRESHOLD = Threshold("*", ThresholdField.FUNDING_RATE, 0.0004, True, None, None, 7)


def many(count: int, *, after: int = 2) -> list[Caused]:
    return [
        zone_entered(MOMENT._replace(symbol=f"S{n}USDT"), 0, after, NORMAL) for n in range(count)
    ]


def test_zone_signal() -> None:
    signal = zone_entered(MOMENT, 1, 2, NORMAL).signal
    assert signal[:6] == (
        *MOMENT[:3], SignalKind.ZONE, Zone.EXTREME, SignalDirection.UP
    )  # fmt: skip
    assert signal.detail == "extreme, before high: 0.05 % per 8 h, usually 0.01 %, Z 50.00"
    assert signal.event_time == MOMENT.event_time
    back = zone_entered(MOMENT, 2, 0, NORMAL).signal
    assert (back.zone, back.direction) == (Zone.NORMAL, SignalDirection.DOWN)


def test_move_signal() -> None:
    signal = moved(MOMENT, 0.0001, 8, Zone.HIGH).signal
    assert (signal.kind, signal.direction, signal.zone) == ("move", "up", "high")
    assert signal.detail == "from 0.01 % to 0.05 % per 8 h within 5 minutes"
    assert moved(MOMENT, 0.001, 8, None).signal.direction == "down"


def test_cross_signal() -> None:
    signal = crossed(MOMENT, THRESHOLD, 0.0005, None).signal
    assert (signal.kind, signal.direction, signal.zone) == ("cross", "up", None)
    assert signal.detail == "funding_rate above 0.0004 (line 7 of signals.toml): 0.05 %"
    mark = THRESHOLD._replace(field=ThresholdField.MARK_PRICE, above=False, value=91_000.0)
    signal = crossed(MOMENT, mark, 90_999.5, None).signal
    assert signal.detail == "mark_price below 91000 (line 7 of signals.toml): 90999.5"
    assert signal.direction == "down"


def test_a_storm_is_one_signal_that_counts() -> None:
    calm = many(STORM_SYMBOLS - 1)
    assert gather(calm) == [each.signal for each in calm]
    (storm,) = gather(many(STORM_SYMBOLS))
    assert (storm.symbol, storm.symbols, storm.zone) == ("*", 15, "extreme")
    assert (storm.rate, storm.z_score) == (None, None)
    assert storm.detail.startswith("15 symbols at once: extreme: S0USDT, S1USDT, ")
    assert storm.detail.endswith("S9USDT and 5 more")


def test_what_waited_for_a_locked_store_stays_in_order() -> None:
    steps = [(0, 2), (2, 0), (0, 2)]
    caused = [
        zone_entered(MOMENT._replace(at=MOMENT.at + n), *step, NORMAL)
        for n, step in enumerate(steps)
    ]
    assert [each.zone for each in gather(caused)] == ["extreme", "normal", "extreme"]


def test_storms_of_different_causes_stay_apart() -> None:
    one, two = gather([*many(30), *many(20, after=-2)])
    assert (one.direction, one.symbols, two.direction, two.symbols) == ("up", 30, "down", 20)
    moves = [moved(MOMENT, 0.0001, 8, None) for _ in range(25)]
    other = [crossed(MOMENT, THRESHOLD, 0.0005, None) for _ in range(25)]
    found = gather([*moves, *other, *many(3)])
    assert [each.kind for each in found] == ["move", "cross", "zone", "zone", "zone"]
    assert found[0].detail.startswith("25 symbols at once: a rate that has moved far: BTCUSDT")
    assert found[1].detail.startswith("25 symbols at once: funding_rate above 0.0004 (line 7")


def test_threshold_of_a_target_keeps_it_in_a_storm() -> None:
    from funding.model.alert import TargetName

    wanted = THRESHOLD._replace(target=TargetName.TELEGRAM)
    (storm,) = gather(crossed(MOMENT, wanted, 0.0005, None) for _ in range(25))
    assert storm.target == "telegram"
