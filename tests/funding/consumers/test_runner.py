"""The run of a consumer: its work, its senders, its end."""

import configparser
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from funding.consumers.exchange_client import ALL_SYMBOLS_SECONDS
from funding.consumers.runner import END_SECONDS, ConsumerLoop, allowed_settings
from funding.errors import RestUnreachable, StoreMissing
from funding.model.alert import Alert, TargetName
from funding.notify.targets import Target, configured_targets
from funding.runtime.clock import SYSTEM
from funding.settings import consumers
from funding.settings.secret import Secret
from funding.settings.service import read
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from tests.conftest import ROOT
from tests.support.clock import rows, write
from tests.support.fake_backend import KEY, serving

NAME = "volume_alert"


def loop(path: Path, store: DurableConnection, turn: Callable[[], float], *to: Target) -> Any:
    settings, _ = read({"FUNDING_DB": str(path), "FUNDING_REST_URL": "http://127.0.0.1:1"})
    return ConsumerLoop(settings, NAME, to, turn, OutboxStore(store))


def test_a_real_target_is_sent_nothing_beside_a_stand_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = consumers.read({"TELEGRAM_TOKEN": "t", "CHAT_ID": "1"})
    for rest_url, sent_to in (("http://127.0.0.1:1", []), ("https://fapi.binance.com", [own])):
        caplog.clear()
        settings, _ = read(
            {
                "FUNDING_DB": str(tmp_path / "none.db"),
                "FUNDING_REST_URL": rest_url,
                "FUNDING_SUPERVISOR": str(tmp_path / "none"),
            }
        )
        found = allowed_settings(settings, own)
        assert len(configured_targets(found)) == len(sent_to)
        assert caplog.messages == (
            [] if sent_to else ["telegram is sent nothing: REST is a stand-in"]
        )


def alert(at: float) -> Alert:
    return Alert("key", NAME, "A", "SPIKE", at, "text", "/alerts", {"name": "a"})


def test_failure_of_a_sender_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the next turn is an hour away."""
    path = tmp_path / "none.db"
    target = Target(TargetName.BACKEND, "http://127.0.0.1:1", Secret(KEY))
    monkeypatch.setattr(OutboxStore, "prune", lambda *_: 0)
    with closing(DurableConnection(path)) as store, pytest.raises(StoreMissing):
        loop(path, store, lambda: 3_600.0, target).run(threading.Event())


def test_run_survives_a_failure_of_the_exchange(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, stopping = tmp_path / "funding.db", threading.Event()
    write(path, SYSTEM)

    def turn() -> float:
        stopping.set()
        raise RestUnreachable("away")

    with closing(DurableConnection(path)) as store:
        loop(path, store, turn).run(stopping)
    assert caplog.messages == ["away"]


def test_old_posts_are_removed_and_the_lost_ones_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, stopping = tmp_path / "funding.db", threading.Event()
    write(path, SYSTEM)

    def turn() -> float:
        stopping.set()
        return 0.0

    with closing(DurableConnection(path)) as store:
        old = SYSTEM.wall() - 400 * 86_400
        OutboxStore(store).complete(NAME, 0, old, [alert(old)], ["backend"])
        loop(path, store, turn).run(stopping)
    assert rows(path, "SELECT count(*) FROM outbox") == [(0,)]
    assert "1 posts were never accepted and are too old" in caplog.text


def test_once_sends_waiting_posts_though_its_work_fails(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    write(path, SYSTEM)

    def work() -> None:
        raise RestUnreachable("away")

    with serving() as far, closing(DurableConnection(path)) as store:
        now = SYSTEM.wall()
        OutboxStore(store).complete(NAME, 0, now, [alert(now)], ["backend"])
        target = Target(TargetName.BACKEND, far.address, Secret(KEY))
        with pytest.raises(RestUnreachable):
            loop(path, store, lambda: 0.0, target).once(threading.Event(), work)
        assert far.bodies("/alerts") == [{"name": "a"}]


def test_longest_end_is_within_what_supervisord_gives() -> None:
    config: Any = configparser.RawConfigParser()
    config.read(ROOT / "consumers/supervisord.conf")
    for name in ("volume_alert", "oi_poller"):
        seconds = float(config[f"program:{name}"]["stopwaitsecs"])
        assert seconds - 2 >= ALL_SYMBOLS_SECONDS + END_SECONDS
