"""Settled rates from REST into the store, one question at a time."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from funding.exchanges.exchange import Conversation
from funding.history.backfill_rules import Piece, answered
from funding.model.bar import Bar
from funding.model.settlement import Settlement
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import Clock
from funding.store.settlements import Settlements


@runtime_checkable
class HistoryOfAll(Protocol):
    """A REST interface that answers the settlements of all contracts at once."""

    def history_of_all(self, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """The rates that were settled in that time, both ends included, oldest first."""
        ...


@runtime_checkable
class MarkBars(Protocol):
    """A REST interface that has the past of mark prices."""

    def mark_bars(self, symbol: str, since: int, until: int) -> Conversation[list[Bar]]:
        """The minutes that begin from `since` to `until` (Unix seconds), both included."""
        ...


class Fetcher:
    """Asks `client` and keeps the answers in `table`. Raises `RestError`s and `StoreError`s."""

    def __init__(self, client: ExchangeClient, table: Settlements, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def piece(self, piece: Piece) -> int | None:
        """Ask one question; the newest settlement of the answer, None for an empty one."""
        rows = self._client.history(*piece)
        newest = max((row.funding_time for row in rows), default=None)
        now = self._clock.wall()
        known = self._table.asked_of(piece.symbol)
        asked = answered(piece, newest, int(now * 1_000), known)
        self._table.record(piece.symbol, rows, asked, now)
        return newest

    def fill(self, piece: Piece) -> int:
        """Ask about a gap; how many settlements of it came."""
        return self._table.add(self._client.history(*piece))

    @property
    def published_seconds(self) -> float:
        """How long after its time a settled rate is worth asking for."""
        return self._client.published_seconds

    @property
    def knows_all(self) -> bool:
        """Whether the settlements of all contracts can be asked for at once."""
        return isinstance(self._client.rest, HistoryOfAll)

    @property
    def knows_bars(self) -> bool:
        """Whether the past of mark prices can be asked for."""
        return isinstance(self._client.rest, MarkBars)

    def mark_bars(self, symbol: str, since: int, until: int) -> list[Bar]:
        """The minutes of the mark price that begin in that time, Unix seconds."""
        rest = self._client.rest
        assert isinstance(rest, MarkBars)
        return self._client.ask(rest.mark_bars(symbol, since, until))

    def of_all(
        self, since_ms: int, until_ms: int, is_known: Callable[[str], bool]
    ) -> dict[str, int]:
        """Ask for all contracts at once, and keep those that are known; the newest settlement of
        each. What was asked for is not noted: only the answer about one symbol proves that there
        is no more."""
        rest = self._client.rest
        assert isinstance(rest, HistoryOfAll)
        rows = self._client.ask(rest.history_of_all(since_ms, until_ms))
        kept = [row for row in rows if is_known(row.symbol)]
        for start in range(0, len(kept), ROWS_AT_ONCE):
            self._table.add(kept[start : start + ROWS_AT_ONCE])
        return newest_of(kept)


ROWS_AT_ONCE = 500
"""In one transaction: ingest waits for no longer than that takes, 10 ms."""


def newest_of(rows: Sequence[Settlement]) -> dict[str, int]:
    """The newest settlement of each symbol."""
    found: dict[str, int] = {}
    for row in rows:
        found[row.symbol] = max(row.funding_time, found.get(row.symbol, 0))
    return found
