"""Signals of the store → posts in the outbox, each once."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from funding.consumers.signal_alert import NAME, SignalAlert
from funding.consumers.signal_rules import CAPS
from funding.model.signal import Signal
from funding.store.durable import DurableConnection
from funding.store.signal_table import Findings
from funding.store.writer import Writer
from tests.support.clock import ManualClock, rows
from tests.support.signals import AT, extreme, signal
from tests.support.store import feed_of, plainly, writing


class Scene:
    """A store that ingest writes to, and the alert that reads it; seconds from `AT`."""

    def __init__(self, path: Path, writer: Writer, store: DurableConnection) -> None:
        self.path, self.writer, self.store = path, writer, store
        self.hand = ManualClock(wall=AT)
        self.begin()

    def begin(self, targets: Sequence[str] = ("webhook",)) -> None:
        """The program starts, or starts again."""
        self.alert = SignalAlert(self.store, targets, caps=CAPS, clock=self.hand.clock())
        self.alert.turn()

    def write(self, *signals: Signal) -> None:
        now = self.hand.wall
        found = [each._replace(at=now) for each in signals]
        self.writer.write(feed_of(), findings=Findings((), found, {}))

    def turn(self, seconds: float = 0.0) -> list[list[str]]:
        """The symbols of each message that is in the outbox now."""
        self.hand.advance(seconds)
        self.alert.turn()
        return self.told()

    def told(self) -> list[list[str]]:
        bodies: list[Any] = [
            json.loads(body) for (body,) in rows(self.path, "SELECT body FROM outbox ORDER BY id")
        ]
        return [[each["symbol"] for each in body["signals"]] for body in bodies]

    def done(self) -> Any:
        return rows(self.path, f"SELECT done FROM consumer WHERE name = '{NAME}'")[0][0]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    path = tmp_path / "funding.db"
    with writing(path) as writer, closing(DurableConnection(path)) as store:
        yield Scene(path, writer, store)


def test_extreme_at_once_and_others_in_a_batch(scene: Scene) -> None:
    scene.write(signal("A"))
    assert scene.turn(0.5) == []
    scene.write(signal("B"))
    assert scene.turn(4.4) == []
    assert scene.turn(0.6) == [["A", "B"]]
    scene.write(extreme("C"))
    assert scene.turn(0.5) == [["A", "B"], ["C"]]
    assert scene.turn(60.0) == [["A", "B"], ["C"]]


def test_restart_tells_what_was_not_told_and_nothing_twice(scene: Scene) -> None:
    scene.write(extreme("A"))
    scene.turn()
    scene.write(signal("B"))
    assert scene.turn(0.5) == [["A"]]
    assert scene.done() == 1
    scene.begin()
    assert scene.turn(5.1) == [["A"], ["B"]]
    scene.begin()
    assert scene.turn(10.0) == [["A"], ["B"]]


def test_first_start_begins_with_what_comes(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    with writing(path) as writer:
        writer.write(feed_of(), findings=Findings((), [extreme("OLD")], {}))
        with closing(DurableConnection(path)) as store:
            scene = Scene(path, writer, store)
            assert scene.turn(9.0) == []
            scene.write(extreme("NEW"))
            assert scene.turn() == [["NEW"]]


def test_restart_before_the_first_signal_is_a_restart(scene: Scene) -> None:
    scene.write(extreme("WHILE AWAY"))
    scene.begin()
    assert scene.told() == [["WHILE AWAY"]]


def test_numbers_that_begin_again_are_followed(scene: Scene) -> None:
    for name in "ABC":
        scene.write(extreme(name))
    scene.turn()
    with closing(plainly(scene.path)) as plain:
        plain.execute("DELETE FROM signal")
    scene.turn(1.0)
    scene.write(extreme("D"))
    assert scene.turn(1.0)[-1] == ["D"]


def test_without_targets_nothing_waits(scene: Scene) -> None:
    scene.begin(())
    scene.write(extreme("A"))
    assert scene.turn() == []
    assert scene.done() == 1


def test_flush_tells_what_waits(scene: Scene) -> None:
    scene.write(signal("A"))
    scene.alert.flush()
    assert scene.told() == [["A"]]
    scene.alert.flush()
    assert scene.told() == [["A"]]


def test_more_than_a_thousand_are_all_counted(scene: Scene) -> None:
    scene.write(*(signal(f"S{n}") for n in range(1_500)))
    scene.turn()
    scene.turn(5.1)
    ((body,),) = rows(scene.path, "SELECT body FROM outbox")
    found = json.loads(body)
    assert len(found["signals"]) + found["more"] == 1_500
