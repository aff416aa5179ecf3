"""What a quote sets off, as signals; and many at once as one that counts."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from funding.model.signal import MANY, Signal, SignalDirection, SignalKind, Zone
from funding.statistics.score import Normal, Scorer
from funding.statistics.thresholds import Threshold, ThresholdField
from funding.statistics.zones import direction, zone_of_level

STORM_SYMBOLS = 15
"""So many signals of one kind and direction in one transaction are one storm: people act upon the
market then, not upon each of its symbols. Of the classes COIN-M is the smallest, with some
20 contracts, 17 of which have a rate in the stand-in."""
NAMED_SYMBOLS = 10


class Moment(NamedTuple):
    """The quote that caused it: `at` is Unix seconds, `rate` a fraction per interval, `event_time`
    epoch ms of the exchange."""

    at: float
    exchange: str
    symbol: str
    rate: float | None
    z_score: float | None
    event_time: int


class Caused(NamedTuple):
    """A signal and its `cause`: signals of one cause at once can be one storm."""

    cause: tuple[str, ...]
    signal: Signal


def zone_entered(moment: Moment, before: int, after: int, normal: Normal | Scorer) -> Caused:
    """The level (see `zones`) has changed."""
    zone, way, hours = zone_of_level(after), direction(before, after), normal.interval
    detail = (
        f"{zone}, before {zone_of_level(before)}: {percent(moment.rate)} per {hours} h,"
        f" usually {percent(normal.mean * hours)}, Z {moment.z_score or 0.0:.2f}"
    )
    return _caused(moment, SignalKind.ZONE, way, detail, zone=zone, cause=zone)


def moved(moment: Moment, start: float, interval: int, zone: Zone | None) -> Caused:
    """The rate has moved far from `start`."""
    way = direction(start, moment.rate or 0.0)
    detail = f"from {percent(start)} to {percent(moment.rate)} per {interval} h within 5 minutes"
    return _caused(moment, SignalKind.MOVE, way, detail, zone=zone)


def crossed(moment: Moment, threshold: Threshold, value: float, zone: Zone | None) -> Caused:
    """A field has crossed the user's threshold, to `value`."""
    way = SignalDirection.UP if threshold.above else SignalDirection.DOWN
    rates = (ThresholdField.FUNDING_RATE, ThresholdField.ANNUALIZED_RATE)
    shown = percent(value) if threshold.field in rates else f"{value:.10g}"
    return _caused(
        moment,
        SignalKind.CROSS,
        way,
        f"{threshold}: {shown}",
        zone=zone,
        cause=str(threshold.line),
        target=threshold.target,
    )


def percent(fraction: float | None) -> str:
    """A rate for people."""
    return "no rate" if fraction is None else f"{fraction * 100:.6g} %"


def gather(caused: Iterable[Caused]) -> list[Signal]:
    """The signals of one transaction, those of a storm as one, in the order in which they came: a
    locked store may have kept them waiting."""
    groups: dict[tuple[str, ...], list[Signal]] = {}
    for cause, signal in caused:
        groups.setdefault(cause, []).append(signal)
    found = [
        signal
        for signals in groups.values()
        for signal in (signals if len(signals) < STORM_SYMBOLS else (_storm(signals),))
    ]
    return sorted(found, key=lambda signal: signal.at)


def _storm(signals: Sequence[Signal]) -> Signal:
    first = signals[0]
    names = ", ".join(signal.symbol for signal in signals[:NAMED_SYMBOLS])
    more = len(signals) - NAMED_SYMBOLS
    what = first.zone if first.kind == SignalKind.ZONE else first.detail.partition(": ")[0]
    if first.kind == SignalKind.MOVE:
        what = "a rate that has moved far"
    return first._replace(
        symbol=MANY,
        zone=first.zone if first.kind == SignalKind.ZONE else None,
        rate=None,
        z_score=None,
        detail=f"{len(signals)} symbols at once: {what}: {names}"
        + f" and {more} more" * (more > 0),
        symbols=len(signals),
    )


def _caused(
    moment: Moment,
    kind: SignalKind,
    way: SignalDirection,
    detail: str,
    *,
    zone: Zone | None,
    cause: str = "",
    target: str | None = None,
) -> Caused:
    signal = Signal(
        *moment[:3],
        kind,
        zone,
        way,
        moment.rate,
        moment.z_score,
        detail,
        target=target,
        event_time=moment.event_time,
    )
    return Caused((kind, way, cause), signal)
