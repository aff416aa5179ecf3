"""Which signals are told when: extreme ones at once, the others together, nobody too often.

| a signal | is told |
|---|---|
| of the zone `extreme` | at once, with all that wait |
| any other | within `BATCH_SECONDS`, with all that wait |
| beyond its symbol's share of an hour | as one of "n more" |
| beyond `LINES` of a message, or older than `OLD_SECONDS` | as one of "n more" |
| beyond the messages of a minute | with the next message that may be sent |
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from funding.model.signal import MANY, Signal, Zone

BATCH_SECONDS = 5.0
LINES = 20
OLD_SECONDS = 900.0
"""What nobody could be told for so long, since this program or the store was away, is counted."""
HOUR_SECONDS = 3_600.0
MINUTE_SECONDS = 60.0
MAX_WAITING = 2_000


class Caps(NamedTuple):
    """Signals of one symbol in an hour, and messages in a minute."""

    symbol: int = 6
    messages: int = 10


CAPS = Caps()


class Told(NamedTuple):
    """One message to `target`: its `signals`, and how `many_more` there were."""

    target: str
    signals: tuple[Signal, ...]
    many_more: int


class SignalBatches:
    """The signals that wait for `targets`; times are Unix seconds."""

    def __init__(self, targets: Sequence[str], caps: Caps = CAPS) -> None:
        self._targets = targets
        self._caps = caps
        self._waiting: list[Signal] = []
        self._since = 0.0
        self._untold: Counter[str] = Counter()  # by target
        self._of_symbol: dict[tuple[str, str], deque[float]] = {}
        self._messages: deque[float] = deque()

    def add(self, signals: Iterable[Signal], now: float) -> None:
        """They have come just now."""
        for signal in signals:
            if not self._waiting:
                self._since = now
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(signal)
            else:
                self._count_untold(signal)

    @property
    def waiting(self) -> int:
        """How many were not told or counted yet."""
        return len(self._waiting)

    def due(self, now: float) -> bool:
        """Whether a message is to be sent now. A clock that was set back makes it due."""
        if not self._waiting or self._is_full(now):
            return False
        extreme = any(signal.zone == Zone.EXTREME for signal in self._waiting)
        return extreme or not 0 <= now - self._since < BATCH_SECONDS

    def take(self, now: float) -> list[Told]:
        """The messages that are due, one for each target that has something to be told."""
        shown: list[Signal] = []
        # Extreme ones first: the others may be among those that are counted.
        for signal in sorted(self._waiting, key=lambda each: each.zone != Zone.EXTREME):
            fits = len(shown) < LINES and now - signal.at <= OLD_SECONDS
            if fits and self._may_tell(signal, now):
                shown.append(signal)
            else:
                self._count_untold(signal)
        self._waiting.clear()
        told = []
        for target in self._targets:
            signals = tuple(each for each in shown if each.target in (None, target))
            if signals:
                told.append(Told(target, signals, self._untold.pop(target, 0)))
        if told:
            self._messages.append(now)
        return told

    def _is_full(self, now: float) -> bool:
        _forget(self._messages, now, MINUTE_SECONDS)
        return len(self._messages) >= self._caps.messages

    def _may_tell(self, signal: Signal, now: float) -> bool:
        if signal.symbol == MANY:
            return True
        key = signal.exchange, signal.symbol
        times = self._of_symbol.setdefault(key, deque())
        _forget(times, now, HOUR_SECONDS)
        if len(times) >= self._caps.symbol:
            return False
        times.append(now)
        return True

    def _count_untold(self, signal: Signal) -> None:
        for target in self._targets:
            if signal.target in (None, target):
                self._untold[target] += signal.symbols


def _forget(times: deque[float], now: float, seconds: float) -> None:
    while times and not 0 <= now - times[0] < seconds:
        times.popleft()
