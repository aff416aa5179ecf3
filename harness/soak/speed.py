"""How fast everything goes: at speed S ticks come S times as often, and the settings that are
seconds are an S-th of their defaults. The bounds that the documentation states follow from them."""

from dataclasses import dataclass

from funding.settings import service


def _default(name: str) -> float:
    return float(next(each.default for each in service.TABLE if each.name == name))


_SCALED = {
    "FUNDING_STALL_AFTER": 0.5,
    "FUNDING_STALE_AFTER": 5.0,
    "FUNDING_BACKOFF_MAX": 0.5,
    "FUNDING_CHECK_INTERVAL": 0.5,
    "FUNDING_COMPARE_INTERVAL": 1.0,
    "FUNDING_COMPARE_ALL_INTERVAL": 10.0,
}
"""Settings that are seconds, and the least that they may become."""


@dataclass(frozen=True, slots=True)
class Speed:
    """`factor` times the stream's own, with a `few` symbols or all."""

    factor: float
    few: bool

    @property
    def tick(self) -> float:
        """Seconds between two frames of a class."""
        return 1 / self.factor

    @property
    def stall(self) -> float:
        """Seconds of silence after which a connection is replaced."""
        return self.seconds("FUNDING_STALL_AFTER")

    @property
    def check(self) -> float:
        """Seconds between two checks of the watchdog."""
        return self.seconds("FUNDING_CHECK_INTERVAL")

    def seconds(self, name: str) -> float:
        """A setting."""
        return max(_SCALED[name], _default(name) / self.factor)

    def settings(self) -> dict[str, object]:
        """The settings of the service."""
        scaled: dict[str, object] = {name: self.seconds(name) for name in _SCALED}
        if self.few:
            scaled["FUNDING_MIN_SYMBOLS"] = 30
        return scaled
