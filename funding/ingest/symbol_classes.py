"""Which symbols arrive together: the exchange sends each class in frames of its own. Pure."""

from collections import Counter
from collections.abc import Sequence

from funding.model.quote import MAX_SYMBOLS

MAX_CLASSES = 8


class SymbolClasses:
    """The classes are learned, not listed: a frame belongs to the class that most of its known
    symbols belong to, or begins a new one."""

    def __init__(self) -> None:
        self._class_by_symbol: dict[str, int] = {}
        self._count = 0

    def learn(self, symbols: Sequence[str]) -> int:
        """The class of a frame with `symbols`, 0 for the first; new symbols join it."""
        votes = Counter(map(self._class_by_symbol.get, symbols))
        unknown = votes.pop(None, 0)
        if votes:
            symbol_class = votes.most_common(1)[0][0] or 0
        else:
            symbol_class = min(self._count, MAX_CLASSES - 1)
            self._count = symbol_class + 1
        if unknown and len(self._class_by_symbol) < 2 * MAX_SYMBOLS:
            self._class_by_symbol.update(dict.fromkeys(symbols, symbol_class))
        return symbol_class
