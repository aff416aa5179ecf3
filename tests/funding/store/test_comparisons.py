"""What was compared is stored, found and forgotten."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from funding.comparison.pair import Comparison
from funding.errors import StoreError
from funding.model.event import Event, EventKind
from funding.store import comparisons
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.events import Events
from tests.support.clock import rows
from tests.support.store import comparison

AT = 1_764_725_610.0


def test_a_comparison_comes_back_column_by_column(path: Path, store: DurableConnection) -> None:
    Comparisons(store).add([comparison()])
    columns = ", ".join(Comparison._fields)
    assert rows(path, f"SELECT {columns} FROM comparison") == [tuple(comparison())]


def test_comparisons_and_events_are_stored_together_or_not_at_all(
    path: Path, store: DurableConnection
) -> None:
    wrong = comparison()._replace(explained=7)
    event = Event(AT, "test", EventKind.RESTART, "x")

    def add(*comparisons: Comparison) -> None:
        with store.transaction():
            Events(store).add([event])
            Comparisons(store).add(comparisons)

    with pytest.raises(StoreError):
        add(comparison(), wrong)
    assert rows(path, "SELECT * FROM comparison") == []
    assert rows(path, "SELECT * FROM event") == []
    add(comparison())
    assert len(rows(path, "SELECT * FROM comparison")) == 1
    assert rows(path, "SELECT at, source, kind, detail FROM event") == [
        (AT, "test", "restart", "x")
    ]


def test_the_last_validation(path: Path, store: DurableConnection) -> None:
    assert Comparisons(store).last_validation() is None
    with closing(apsw.Connection(str(path))) as other:
        for at, verdict in ((1.0, "GO"), (2.0, "NO-GO")):
            insert = "INSERT INTO validation (at, verdict, since, until, report)"
            other.execute(f"{insert} VALUES (?, ?, 0, ?, '{{}}')", (at, verdict, at))
    assert Comparisons(store).last_validation() == (2.0, "NO-GO")


def test_old_comparisons_go_in_batches(
    path: Path, store: DurableConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparisons, "_PRUNE_ROWS", 10)
    Comparisons(store).add([comparison(AT + n) for n in range(25)])
    counts = [Comparisons(store).prune(AT + 24) for _ in range(4)]
    assert counts == [10, 10, 4, 0]
    assert rows(path, "SELECT compared_at FROM comparison") == [(AT + 24,)]
