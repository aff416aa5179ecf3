"""The poller's samples, edges and universe."""

from pathlib import Path

import pytest

from funding.errors import StoreError
from funding.model.alert import Alert, Post, post
from funding.model.open_interest import Edge, Sample
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore
from tests.support.clock import rows
from tests.support.store import alert

NOW = 1_764_725_610.0


def test_a_loop_is_stored_whole_or_not_at_all(path: Path, store: DurableConnection) -> None:
    poller, outbox = OpenInterestStore(store), OutboxStore(store)

    def loop(
        now: float,
        samples: list[Sample],
        edges: list[Edge],
        alerts: list[Alert],
        batches: list[Post],
    ) -> None:
        with store.transaction():
            poller.add(samples, edges)
            outbox.complete("oi_poller", int(now), now, alerts, ["backend"], batches)

    samples = [Sample(NOW, "A", 5.0, 2.0), Sample(NOW, "B", 6.0, None)]
    edges = [Edge("A", "5MIN", "UP", NOW, None)]
    batch = post("backend", "/batch", "b", {"data": []})
    up = alert(consumer="oi_poller", kind="UP 5MIN")
    loop(NOW, samples, edges, [up], [batch])
    assert poller.samples(NOW) == samples
    assert poller.samples(NOW + 1) == []
    assert poller.edges() == edges
    assert rows(path, "SELECT consumer, path FROM outbox ORDER BY id") == [
        ("oi_poller", "/path"), ("oi_poller", "/batch"),
    ]  # fmt: skip
    assert outbox.done("oi_poller") == int(NOW)
    bad = [Sample(NOW + 10, "A", -1.0, 2.0)]
    closed = [edges[0]._replace(outside="")]
    with pytest.raises(StoreError):
        loop(NOW + 10, bad, closed, [alert("l")], [])
    assert poller.edges() == edges
    assert poller.samples(NOW) == samples
    no_json = batch._replace(idempotency_key="c", body="{")
    later = [Sample(NOW + 10, "A", 1.0, 2.0)]
    with pytest.raises(StoreError):
        loop(NOW + 10, later, [], [], [no_json])
    assert poller.samples(NOW) == samples
    assert outbox.done("oi_poller") == int(NOW)
    loop(NOW + 10, [], closed, [], [])
    assert poller.edges() == closed


def test_samples_are_kept_for_a_while(store: DurableConnection) -> None:
    poller = OpenInterestStore(store)
    for at in range(0, 100, 10):
        poller.add([Sample(at, "A", 5.0, None)])
    assert poller.prune(50) == 5
    assert poller.prune(50) == 0
    assert [sample.at for sample in poller.samples(0)] == [50, 60, 70, 80, 90]


def test_the_change_within_the_hour_needs_both_ends(store: DurableConnection) -> None:
    poller = OpenInterestStore(store)
    for at, value in ((0, 100.0), (3_600, 200.0), (3_900, 210.0), (5_000, 230.0)):
        poller.add([Sample(at, "A", value, None)])
    poller.add([Sample(5_000, "B", 1.0, None)])
    found = poller.change(["A", "B", "C"], 3_600, 7_200)
    assert found == {"A": pytest.approx(0.15)}
    assert poller.change(["A"], 3_600, 4_000) == {"A": pytest.approx(0.05)}
    assert poller.change(["A"], 4_000, 7_600) == {}


def test_the_universe_is_replaced_and_symbols_that_stay_keep_their_time(
    path: Path, store: DurableConnection
) -> None:
    poller = OpenInterestStore(store)
    assert poller.universe() == {}
    poller.set_universe(["A", "B"], "own", NOW)
    poller.set_universe(["B", "C"], "backend", NOW + 5)
    assert poller.universe() == {"B": "backend", "C": "backend"}
    assert rows(path, "SELECT symbol, entered_at FROM universe") == [("B", NOW), ("C", NOW + 5)]
