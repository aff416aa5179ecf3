"""What ingest stores of signals: the table `signal`, and `quote.signal_level`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import apsw

from funding.model.signal import Signal
from funding.statistics.score import Score
from funding.store.durable import DurableConnection

_COLUMNS = Signal._fields
_ADD = f"INSERT INTO signal ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_AFTER = f"SELECT id, {', '.join(_COLUMNS)} FROM signal WHERE id > ? ORDER BY id LIMIT ?"
_MOST_AT_ONCE = 1_000
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


class SignalReader:
    """The table `signal` in the order in which signals came, over `store`."""

    def __init__(self, store: DurableConnection) -> None:
        self._store = store

    def newest(self) -> int:
        """The id of the newest one; 0 without any."""
        return int(self._store.rows("SELECT coalesce(max(id), 0) FROM signal")[0][0])

    def after(self, last: int) -> list[tuple[int, Signal]]:
        """Those that came after the one with the id `last`, with their ids: the first thousand."""
        found = self._store.rows(_AFTER, (last, _MOST_AT_ONCE))
        return [(number, Signal(*row)) for number, *row in found]
