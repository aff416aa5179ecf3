"""In which zone a rate stands for signals: with hysteresis, and far enough from the mean in money.

A level is the zone with the side: 2 is extreme above the mean, −1 is high below it.
"""

from funding.model.signal import SignalDirection, Zone
from funding.statistics.score import EXTREME_Z, HIGH_Z

HYSTERESIS = 0.1
LEAST_DISTANCE = 1e-4 / 8
"""1 bp per 8 h, as a fraction per hour. A Z of −99.5 (ARBUSDC, 2026) was half of that, against a
window of pinned rates: nobody can earn it."""
STAY_DISTANCE = 0.9 * LEAST_DISTANCE

ZONES = (Zone.NORMAL, Zone.HIGH, Zone.EXTREME)
_BOUNDS = ((2, EXTREME_Z), (1, HIGH_Z))  # of |Z|, by the size of the level that lies above


def level(previous: int, z_score: float, distance: float) -> int:
    """The level at `z_score` and `distance` from the mean (fraction per hour), after `previous`.

    | the level before | enters 2 at | enters 1 at | least distance |
    |---|---|---|---|
    | 0, or on the other side | Z > 3 | Z > 2 | 1 bp per 8 h |
    | 1 | Z > 3 | stays above 1.9 | 0.9 bp |
    | 2 | stays above 2.9 | stays above 1.9 | 0.9 bp |
    """
    side = 1 if z_score > 0 else -1
    held = max(0, previous * side)
    if abs(distance) < (STAY_DISTANCE if held else LEAST_DISTANCE):
        return 0
    size = abs(z_score)
    for each, bound in _BOUNDS:
        if size > (bound - HYSTERESIS if held >= each else bound):
            return each * side
    return 0


def zone_of_level(level: int) -> Zone:
    """The zone of a level."""
    return ZONES[abs(level)]


def direction(before: float, after: float) -> SignalDirection:
    """Which way it went; the two differ."""
    return SignalDirection.UP if after > before else SignalDirection.DOWN
