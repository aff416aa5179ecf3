"""What ingest stores of signals: the table `signal`, and `quote.signal_level`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import apsw

from funding.model.signal import Signal
from funding.statistics.score import Score

_COLUMNS = Signal._fields
_ADD = f"INSERT INTO signal ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_LEVEL = "UPDATE quote SET signal_level = ?3 WHERE exchange = ?1 AND symbol = ?2"


class Findings(NamedTuple):
    """What a batch of quotes means: a score for each, in their order; the signals that they have
    set off; and the levels of signals that have changed, by symbol."""

    scores: Sequence[Score]
    signals: Sequence[Signal]
    levels: Mapping[str, int]


def add_signals(connection: apsw.Connection, signals: Iterable[Signal]) -> None:
    """Within the transaction of the quotes that set them off."""
    connection.executemany(_ADD, signals)


def set_levels(connection: apsw.Connection, exchange: str, levels: Mapping[str, int]) -> None:
    """Within the transaction of the quotes that changed them, after these."""
    connection.executemany(_LEVEL, [(exchange, symbol, level) for symbol, level in levels.items()])
