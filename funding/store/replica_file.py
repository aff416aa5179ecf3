"""The database of an API whose taker runs on another machine: what has come from there, as rows.

It is written like the taker's own, so that every reader finds what it expects. `id` of signals,
events and comparisons is the number of the message that brought them, which is the same for all
that follow one stream. Uptimes are those of this machine. Nothing of it outlives its program.
"""

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from funding.comparison.pair import Comparison
from funding.model.contract import Contract
from funding.model.event import Event
from funding.model.feed import Feed, StoredQuote
from funding.model.signal import Signal
from funding.store.database import open_writer, transaction, translate_errors
from funding.store.feed_table import FEED_COLUMNS, feed_row
from funding.store.reader import WITNESSED

LACKING = frozenset(
    {
        *("backfill", "bar", "consumer", "funding_gap", "funding_rate", "funding_stats"),
        *("outbox", "rest_usage", "validation"),
    }
)
"""Tables that do not travel: those of a replica are empty, and say nothing."""

_QUOTE_COLUMNS = (
    *("exchange", "symbol", "mark_price", "index_price", "funding_rate", "next_funding_time"),
    *("funding_interval_hours", "event_time", "updated_at", "received_uptime", "source"),
    *("z_score", "z_reason", "percentile", "zone"),
)
_EVENT_COLUMNS = (
    *("at", "source", "kind", "detail", "program", "rule", "duration_seconds", "count"),
)


def _put(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join("?" * len(columns))
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return (
        # What a taker sends and a constraint refuses costs itself alone.
        f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        f" ON CONFLICT DO UPDATE SET {changes}"
    )


_PUT_QUOTE = _put("quote", _QUOTE_COLUMNS)
_PUT_FEED = _put("feed", FEED_COLUMNS)
_PUT_CONTRACT = _put("contract", Contract._fields)
_PUT_SIGNAL = _put("signal", ("id", *Signal._fields))
_PUT_EVENT = _put("event", ("id", *_EVENT_COLUMNS))
_PUT_COMPARISON = _put("comparison", ("id", *Comparison._fields))
_GONE_QUOTE = "DELETE FROM quote WHERE exchange = ? AND symbol = ?"
_GONE_CONTRACT = "DELETE FROM contract WHERE exchange = ? AND symbol = ?"
_event = attrgetter(*_EVENT_COLUMNS)


class Received(NamedTuple):
    """A quote, and its receipt in our uptime as if it had come at once; None: its age is not
    known."""

    quote: StoredQuote
    uptime: float | None


class Changes(NamedTuple):
    """What has come since the last transaction. Of the trail each row has its number."""

    quotes: Sequence[Received] = ()
    feeds: Sequence[Feed] = ()
    contracts: Sequence[Contract] = ()
    signals: Sequence[tuple[int, Signal]] = ()
    events: Sequence[tuple[int, Event]] = ()
    comparisons: Sequence[tuple[int, Comparison]] = ()
    gone_quotes: Sequence[tuple[str, str]] = ()
    gone_contracts: Sequence[tuple[str, str]] = ()
    forgotten: Sequence[str] = ()  # tables of the trail whose rows are of a stream that is no more


class ReplicaFile:
    """The database at `path`, which is made. For one thread. Raises `StoreError`s."""

    def __init__(self, path: Path) -> None:
        self._name = str(path)
        self._connection = open_writer(path)
        with translate_errors(self._name):
            # It does not outlive its program: no commit has to wait for the disk.
            self._connection.pragma("synchronous", "off")

    def write(self, changes: Changes) -> None:
        """Store `changes`, all or nothing."""
        with translate_errors(self._name), transaction(self._connection):
            many = self._connection.executemany
            for table in changes.forgotten:
                self._connection.execute(f"DELETE FROM {table}")
            many(_GONE_QUOTE, changes.gone_quotes)
            many(_GONE_CONTRACT, changes.gone_contracts)
            many(_PUT_FEED, map(feed_row, changes.feeds))
            many(_PUT_CONTRACT, changes.contracts)
            many(_PUT_QUOTE, map(_quote_row, changes.quotes))
            many(_PUT_SIGNAL, ((number, *each) for number, each in changes.signals))
            many(_PUT_EVENT, ((number, *_event(each)) for number, each in changes.events))
            many(_PUT_COMPARISON, ((number, *each) for number, each in changes.comparisons))

    def prune(self, events_before: float, comparisons_before: float) -> None:
        """Delete signals and events, and comparisons, that are older than these Unix seconds."""
        with translate_errors(self._name), transaction(self._connection):
            execute = self._connection.execute
            execute("DELETE FROM signal WHERE at < ?", (events_before,))
            execute("DELETE FROM event WHERE at < ?", (events_before,))
            execute("DELETE FROM comparison WHERE compared_at < ?", (comparisons_before,))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _quote_row(received: Received) -> tuple[object, ...]:
    quote = received.quote
    # An interval that the exchange lists is the contract's, which travels by itself.
    hours = quote.funding_interval_hours if quote.interval_source == WITNESSED else None
    return (
        quote.exchange,
        quote.symbol,
        quote.mark_price,
        quote.index_price,
        quote.funding_rate,
        quote.next_funding_time,
        hours,
        quote.event_time,
        quote.updated_at,
        received.uptime,
        quote.source,
        quote.z_score,
        quote.z_reason,
        quote.percentile,
        quote.zone,
    )
