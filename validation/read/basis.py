"""How the index price of each symbol stands to its mark, as REST said it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Basis:
    """Index divided by mark. A move is the change between two comparisons, as a fraction."""

    last: float
    largest_move: float = 0.0

    def add(self, ratio: float) -> None:
        self.largest_move = max(self.largest_move, abs(ratio / self.last - 1))
        self.last = ratio


class Bases:
    """The basis of every symbol that has both prices."""

    def __init__(self) -> None:
        self._found: dict[str, Basis] = {}

    def add(self, symbol: str, mark: float | None, index: float) -> None:
        """Note the two prices of one reading."""
        if mark is None or mark <= 0 or index <= 0:
            return
        known = self._found.get(symbol)
        if known is None:
            self._found[symbol] = Basis(index / mark)
        else:
            known.add(index / mark)

    def get(self, symbol: str) -> Basis | None:
        return self._found.get(symbol)
