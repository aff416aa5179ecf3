"""The threads that send alerts: real threads, a real store, a real webhook."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from funding.model.alert import Post, TargetName
from funding.notify.deliveries import opened_delivery
from funding.notify.targets import Target
from funding.settings.secret import Secret
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from funding.watchdog.alert_senders import AlertSenders
from harness.processes import WAIT_SECONDS, until
from tests.support.clock import ManualClock, write
from tests.support.fake_backend import HOOK, FakeBackend, serving


def senders(path: Path, far: FakeBackend) -> AlertSenders:
    target = Target(TargetName.WEBHOOK, "", Secret(f"{far.address}{HOOK}"))
    return AlertSenders([target], lambda each: opened_delivery("alerts", each, path))


def put(path: Path, key: str) -> None:
    with closing(DurableConnection(path)) as store:
        posts = [Post(TargetName.WEBHOOK, "", key, f'{{"text": "{key}"}}')]
        OutboxStore(store).complete("alerts", None, 1.0, [], [], posts)


def test_no_database_is_no_matter(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving() as far:
        made = senders(tmp_path / "none.db", far)
        for _ in range(20):
            made.wake()
        made.stop()
    assert caplog.messages == []
    assert not (tmp_path / "none.db").exists()


def test_a_failing_database_is_survived(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "funding.db"
    write(path, ManualClock().clock())
    with serving() as far:
        made = senders(path, far)

        def texts() -> list[str]:
            made.wake()
            return [body["text"] for body in far.bodies(HOOK)]

        put(path, "one")
        until(lambda: texts() == ["one"], "the first post")
        with closing(apsw.Connection(str(path))) as other:
            other.set_busy_timeout(int(WAIT_SECONDS * 1000))  # the sender writes, too
            other.execute("ALTER TABLE outbox RENAME TO away")
            until(lambda: texts() == ["one"] and "alerts wait" in caplog.text, "the failure")
            other.execute("ALTER TABLE away RENAME TO outbox")
        put(path, "two")
        until(lambda: texts() == ["one", "two"], "the second post")
        made.stop()
