"""From the store to the webhook: a real store and HTTP server, a clock and facts of the test."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding.health.facts import Facts
from funding.model.alert import Consumer, Post, TargetName
from funding.model.event import Event, EventKind
from funding.notify.backend import BackendClient
from funding.notify.targets import Target, alert_targets
from funding.settings.alerts import read
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.stated_waits import StatedWaits
from funding.watchdog.alerter import Alerter
from harness.processes import WAIT_SECONDS
from tests.support.clock import ManualClock, rows, write
from tests.support.fake_backend import CHAT, HOOK, TOKEN, FakeBackend, serving
from tests.support.health_facts import FEED, HEALTHY
from tests.support.outbox_scene import Scene

DOWN = replace(HEALTHY, feed=replace(FEED, connected=0, last_error="refused"))


class Watch:
    """A watchdog that looks every five seconds, and sends to `far`."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.direct: list[Sequence[Post]] = []
        own = read(
            {
                "FUNDING_ALERT_URL": f"{scene.far.address}{HOOK}",
                "TELEGRAM_URL": scene.far.address,
                "TELEGRAM_TOKEN": TOKEN,
                "CHAT_ID": CHAT,
            }
        )
        self.targets = alert_targets(own)
        self.begin()

    def begin(self) -> None:
        """Another watchdog, as after the end of the one before."""
        names: list[TargetName] = [target.name for target in self.targets]
        self.alerter = Alerter(
            self.scene.connection,
            names,
            send_directly=self.direct.append,
            host="h",
            folder="/f",
            clock=self.scene.hand.clock(),
        )

    def look(self, facts: Facts, seconds: float) -> None:
        for _ in range(int(seconds / 5)):
            self.alerter.take(facts)
            self.scene.hand.advance(5.0)

    def send(self, target: Target | None = None) -> None:
        """Send what is due."""
        delivery = self.scene.to(target or self.targets[1], consumer=Consumer.ALERTS)
        while delivery.send_next():
            pass

    def received(self) -> list[Any]:
        return [body["kind"] for body in self.scene.far.bodies(HOOK)]

    def event(self, kind: EventKind, program: str | None = None, rule: str | None = None) -> None:
        detail = f"{program} ({rule}): why" if program else "BTCUSDT mark_price: stream 1, REST 2"
        event = Event(self.scene.hand.wall, "watchdog", kind, detail, program, rule)
        Events(self.scene.connection).add([event])


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    hand, path = ManualClock(), tmp_path / "funding.db"
    write(path, hand.clock())
    with (
        serving() as far,
        closing(DurableConnection(path)) as connection,
        closing(BackendClient(WAIT_SECONDS, waits=StatedWaits(path, hand.clock()))) as backend,
    ):
        yield Watch(Scene(path, hand, far, connection, backend))


def test_an_outage_is_told_to_each_target_once(watch: Watch) -> None:
    watch.look(HEALTHY, 10)
    watch.look(DOWN, 300)
    watch.send()
    watch.send(watch.targets[0])
    ((sent,), (chatted,)) = (
        watch.scene.far.bodies(HOOK),
        watch.scene.far.bodies(f"/bot{TOKEN}/sendMessage"),
    )
    assert sent["text"].startswith("[funding on h] binance: not healthy since 20")
    assert chatted == {"chat_id": CHAT, "text": sent["text"]}
    watch.look(HEALTHY, 300)
    watch.send()
    assert watch.received() == ["unhealthy", "recovered"]


def test_a_watchdog_that_begins_in_mid_outage_repeats_nothing(watch: Watch) -> None:
    watch.look(DOWN, 100)
    for _ in range(5):
        watch.begin()
        watch.look(DOWN, 100)
    watch.begin()
    watch.look(HEALTHY, 120)
    watch.send()
    assert watch.received() == ["unhealthy", "recovered"]


@pytest.mark.parametrize("answer", [500, 429, "lose"])
def test_what_a_target_does_not_accept_is_sent_again(
    watch: Watch, answer: int | str, caplog: pytest.LogCaptureFixture
) -> None:
    """At least once, under a key that makes twice count as once."""
    caplog.set_level(logging.DEBUG)
    far: FakeBackend = watch.scene.far
    far.answer = answer
    watch.look(DOWN, 100)
    watch.send()
    far.answer = 200
    watch.scene.hand.advance(61)
    watch.send()
    assert watch.received() == ["unhealthy"]
    assert len({seen.headers["idempotency-key"] for seen in far.seen}) == 1
    assert len(far.seen) == 2
    assert HOOK not in caplog.text
    assert TOKEN not in caplog.text


def test_events_of_the_audit_trail_are_told(watch: Watch) -> None:
    watch.event(EventKind.RESTART, "funding:ingest", "hung ingest")
    watch.event(EventKind.KILL, "funding:ingest", "kill")
    watch.event(EventKind.START, "funding:history", "fatal")
    watch.event(EventKind.SIGNIFICANT, rule="lag")
    watch.event(EventKind.STOP, "funding:ingest", "operator")
    Events(watch.scene.connection).add(
        [Event(watch.scene.hand.wall, "api:api_00", EventKind.START, "pid 7", "api:api_00")]
    )
    watch.look(HEALTHY, 70)
    watch.event(EventKind.WAITING, "funding:ingest")
    watch.event(EventKind.SIGNIFICANT, "kucoin", "mark_price")
    watch.look(HEALTHY, 70)
    watch.send()
    bodies = watch.scene.far.bodies(HOOK)
    assert [(each["kind"], each["subjects"]) for each in bodies] == [
        ("restarts", ["funding:history", "funding:ingest"]),
        ("gave-up", ["funding:ingest"]),
        ("difference", ["kucoin"]),
    ]
    assert "UTC why\n" in bodies[0]["text"]


def test_a_store_that_fails_loses_nothing(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    """What could not be stored is told as soon as it can be; the log has one line for it."""
    watch.look(DOWN, 55)
    with closing(apsw.Connection(str(watch.scene.path))) as other:
        other.execute("ALTER TABLE outbox RENAME TO away")
        watch.look(DOWN, 30)
        assert sum("alerts cannot be stored" in line for line in caplog.messages) == 1
        other.execute("ALTER TABLE away RENAME TO outbox")
    watch.look(DOWN, 10)
    watch.send()
    assert watch.received() == ["unhealthy"]
    assert watch.direct == []


@pytest.mark.parametrize("table", ["outbox", "event"])
def test_a_store_that_fails_for_long_is_told_without_it(watch: Watch, table: str) -> None:
    """Whether it cannot be written or cannot be read."""
    with closing(apsw.Connection(str(watch.scene.path))) as other:
        other.execute(f"ALTER TABLE {table} RENAME TO away")
        watch.look(DOWN, 600)
        ((chat, hook),) = watch.direct
        assert "binance: not healthy since" in hook.body
        assert (chat.target, hook.target) == ("telegram", "webhook")
        other.execute(f"ALTER TABLE away RENAME TO {table}")
    watch.look(DOWN, 10)
    watch.look(HEALTHY, 120)
    watch.send()
    assert watch.received() == ["unhealthy", "recovered"], "at least once"


def test_what_is_old_is_forgotten(watch: Watch) -> None:
    watch.look(DOWN, 100)
    watch.send()
    watch.look(HEALTHY, 120)
    watch.send()
    assert rows(watch.scene.path, "SELECT count(*) FROM alert") == [(2,)]
    watch.scene.hand.advance(20 * 86_400)
    watch.look(HEALTHY, 10)
    select = "SELECT (SELECT count(*) FROM alert), (SELECT count(*) FROM outbox)"
    assert rows(watch.scene.path, select) == [(0, 0)]


def test_no_database_is_no_matter(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hand = ManualClock()
    with closing(DurableConnection(tmp_path / "none.db")) as store:
        alerter = Alerter(
            store, [], send_directly=lambda _: None, host="h", folder="/f", clock=hand.clock()
        )
        assert alerter.take(DOWN) == []
        assert caplog.messages == []
        write(tmp_path / "none.db", hand.clock())
        hand.advance(100)
        (message,) = alerter.take(DOWN)
        assert message.kind == "unhealthy"
