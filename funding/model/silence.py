"""How much of a stream is silent."""

from typing import NamedTuple


class Silence(NamedTuple):
    """Of `symbols` that trade, `silent` have had no quote of the stream for a given time, and of
    `unknown` nobody can tell: their quote is REST's, or of before this boot. `newest` is the age in
    seconds of the stream's newest quote, None where it is not known."""

    symbols: int
    silent: int
    unknown: int
    newest: float | None
