"""What is remembered of one field of one symbol over all its comparisons."""

from validation.rules import RATE, SAME_INSTANT_MS, SAME_RATE, identical


class Track:
    """One field of one symbol. Differences in percent, times in Unix seconds.

    A run is unbroken: `still_*` counts readings in a row in which that side kept its value while
    the other moved, `differing_run` readings of one tick in a row that differ.
    """

    __slots__ = (
        "aligned", "aligned_signed", "aligned_square", "aligned_sum", "claimed", "differing",
        "differing_run", "differing_worst", "field", "gone_at", "gone_pairs", "hours", "last_at",
        "last_rest", "last_ws", "missing_rest", "missing_ws", "moved", "moving", "nothing", "pairs",
        "same_instant", "significant", "still_rest", "still_rest_worst", "still_ws",
        "still_ws_worst", "symbol",
    )  # fmt: skip

    def __init__(self, symbol: str, field: str) -> None:
        self.symbol, self.field = symbol, field
        self.pairs = self.missing_ws = self.missing_rest = self.nothing = 0
        self.hours = 0  # a bit for each hour of the period that has a comparison
        self.aligned = self.same_instant = self.differing = 0
        self.differing_run = self.differing_worst = 0
        self.aligned_sum = self.aligned_signed = self.aligned_square = 0.0
        self.significant = self.claimed = 0
        self.last_at = 0.0
        self.gone_at, self.gone_pairs = 0.0, -1  # when REST fell silent, and the pairs before
        self.last_ws: float | None = None
        self.last_rest: float | None = None
        self.moved = 0
        self.moving = 0  # a bit for each hour in which either side took another value
        self.still_ws = self.still_ws_worst = self.still_rest = self.still_rest_worst = 0

    def step(self, ours: float, theirs: float, hour: int) -> None:
        """Note which side moved since the reading before; `hour` is the bit of this one's."""
        self.pairs += 1
        self.hours |= hour
        before_ws, before_rest = self.last_ws, self.last_rest
        self.last_ws, self.last_rest = ours, theirs
        if before_ws is None or before_rest is None:
            return
        if ours == theirs and before_ws == before_rest:
            # Both moved or neither did: the usual case, and nothing is learned of a frozen side.
            if ours != before_ws and (self.field != RATE or abs(ours - before_ws) >= SAME_RATE):
                self.moved += 1
                self.moving |= hour
                self.still_ws = self.still_rest = 0
            return
        if self.field == RATE:
            ws_moved = abs(ours - before_ws) >= SAME_RATE
            rest_moved = abs(theirs - before_rest) >= SAME_RATE
        else:
            ws_moved, rest_moved = ours != before_ws, theirs != before_rest
        if rest_moved or ws_moved:
            self.moving |= hour
        if rest_moved:
            self.moved += 1
            self.still_rest = 0
        elif ws_moved:
            self.still_rest += 1
            self.still_rest_worst = max(self.still_rest_worst, self.still_rest)
        if ws_moved:
            self.still_ws = 0
        elif rest_moved:
            self.still_ws += 1
            self.still_ws_worst = max(self.still_ws_worst, self.still_ws)

    def near(self, ours: float, theirs: float, difference: float, apart_ms: float) -> None:
        """Note an aligned pair; of one tick, its values are to be equal."""
        self.aligned += 1
        if difference:
            self.aligned_sum += difference
            self.aligned_signed += difference if ours > theirs else -difference
            self.aligned_square += difference * difference
        if apart_ms > SAME_INSTANT_MS:
            return
        self.same_instant += 1
        if not difference or identical(self.field, ours, theirs, difference):
            self.differing_run = 0
            return
        self.differing += 1
        self.differing_run += 1
        self.differing_worst = max(self.differing_worst, self.differing_run)

    def bias(self) -> tuple[float, float]:
        """Mean signed difference of the aligned pairs and its standard error, in percent."""
        if self.aligned < 2:
            return 0.0, 0.0
        mean = self.aligned_signed / self.aligned
        variance = max(0.0, self.aligned_square / self.aligned - mean * mean)
        return mean, (variance / (self.aligned - 1)) ** 0.5

    def silent(self, at: float) -> None:
        """Note that REST had no value at `at`."""
        self.missing_rest += 1
        if self.gone_pairs != self.pairs:
            self.gone_at, self.gone_pairs = at, self.pairs

    @property
    def gone(self) -> bool:
        """Whether REST had no value any longer, from `gone_at` on, and we always had one."""
        return self.gone_pairs == self.pairs and not self.missing_ws

    @property
    def one_sided(self) -> int:
        """Comparisons in which one side, or a price both, had no value."""
        return self.missing_ws + self.missing_rest + self.nothing
