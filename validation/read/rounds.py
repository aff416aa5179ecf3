"""Comparisons of all symbols at once: how many prices moved far in the same moment."""

from statistics import median

FAR = 6.0
"""In units of what a price moves on average between two comparisons."""
FEWEST = 50
"""Prices of one round, before a share of them says something."""


def far_share(moves: list[float]) -> float:
    """The share of `moves`, in units of the average, that are far from what all have in common;
    0 for few of them."""
    if len(moves) < FEWEST:
        return 0.0
    common = median(moves)
    return sum(abs(move - common) > FAR for move in moves) / len(moves)


class Rounds:
    """Receives the moves of each instant, in the order of the instants."""

    def __init__(self) -> None:
        self._at = 0.0
        self._moves: list[float] = []
        self._largest = 0.0

    def add(self, at: float, move: float) -> None:
        """Note a move at `at`."""
        if at != self._at:
            self._close()
            self._at = at
        self._moves.append(move)

    @property
    def largest_share(self) -> float:
        """The largest share of far moves in any instant."""
        self._close()
        return self._largest

    def _close(self) -> None:
        self._largest = max(self._largest, far_share(self._moves))
        self._moves = []
