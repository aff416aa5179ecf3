"""The volume alert as a program, against the stand-in exchange, the service, and a fake backend."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.http_client import ask
from harness.processes import WAIT_SECONDS, finished, running, until
from tests.support.api_and_ingest import World
from tests.support.clock import rows
from tests.support.consumer_programs import (
    ALERTS_PATH,
    VOLUME_ALERT,
    no_secrets,
    once,
    settings,
    spike,
    usage,
)
from tests.support.fake_backend import CHAT, KEY, TOKEN, FakeBackend


def test_spike_is_alerted_once_to_every_target(world: World, far: FakeBackend) -> None:
    spike(world)
    before = world.exchange.calls()
    done = [once(VOLUME_ALERT, settings(world, far)) for _ in range(2)]
    (body,) = far.bodies(ALERTS_PATH)
    assert (body["symbol"], body["asset"], body["alertType"]) == ("BTCUSDT", "BTC", "SPIKE")
    assert body["currentVolume"] / body["previousVolume"] == pytest.approx(body["volumeRatio"])
    mark = ask(world.api_port, "/funding/BTCUSDT").json
    assert body["price"] == pytest.approx(mark["markPrice"], rel=0.05)
    assert body["fundingRate"] == pytest.approx(mark["fundingRate"], abs=0.0005)
    (sent,) = far.bodies(f"/bot{TOKEN}/sendMessage")
    assert sent == {"chat_id": CHAT, "text": body["message"]}
    assert len(far.seen) == 2
    assert "SPIKE BTCUSDT" in done[0].stdout
    assert "SPIKE" not in done[1].stdout
    assert world.exchange.calls() == before
    assert set(usage(world)) == {"exchangeInfo", "klines"}
    no_secrets(world, *(each.stdout + each.stderr for each in done))


def test_alert_without_a_target_is_printed_and_stored(world: World) -> None:
    spike(world)
    environ: dict[str, Any] = world.environment(FUNDING_MODE="websocket-only", FUNDING_FORCE_MODE=1)
    done = once(VOLUME_ALERT, environ)
    assert "BTC hourly volume" in done.stdout
    assert rows(world.database, "SELECT symbol, kind FROM alert") == [("BTCUSDT", "SPIKE")]
    assert rows(world.database, "SELECT count(*) FROM outbox") == [(0,)]


def test_kill_while_the_backend_fails_loses_and_doubles_no_post(
    world: World, far: FakeBackend, tmp_path: Path
) -> None:
    spike(world)
    far.answer = 500
    environ = settings(world, far)
    with running([sys.executable, VOLUME_ALERT], tmp_path / "log", settings=environ) as process:
        tried = "SELECT count(*) = 2 FROM outbox WHERE last_error IS NOT NULL"
        until(lambda: rows(world.database, tried)[0][0], "both targets were tried")
        command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.kill()
        process.wait()
    assert far.accepted == {}
    far.answer = 200
    with running([sys.executable, VOLUME_ALERT], tmp_path / "log 2", settings=environ) as process:
        until(lambda: len(far.accepted) == 2, "both targets have it")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    assert (len(far.bodies(ALERTS_PATH)), far.repeated) == (1, 0)
    assert rows(world.database, "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [(0,)]
    no_secrets(world, command.decode(), (tmp_path / "log").read_text())


def test_refused_post_is_sent_by_the_next_run(world: World, far: FakeBackend) -> None:
    spike(world)
    done = once(VOLUME_ALERT, settings(world, far, VOLSPIKE_API_KEY="wrong-key"))
    assert "status 401" in done.stdout
    assert "1 posts wait" in done.stdout
    assert "wrong-key" not in done.stdout + done.stderr
    once(VOLUME_ALERT, settings(world, far))
    assert len(far.bodies(ALERTS_PATH)) == 1


def test_slow_backend_is_waited_for(world: World, far: FakeBackend) -> None:
    """It has taken the post: sent again, it would get it twice."""
    spike(world)
    far.delay = 6.0
    once(VOLUME_ALERT, settings(world, far, TELEGRAM_TOKEN="", CHAT_ID=""))
    assert (len(far.bodies(ALERTS_PATH)), far.repeated) == (1, 0)
    assert rows(world.database, "SELECT attempts, sent_at > 0 FROM outbox") == [(1, 1)]


def test_sigterm_does_not_wait_for_a_backend_that_hangs(
    world: World, far: FakeBackend, tmp_path: Path
) -> None:
    spike(world)
    far.answer = "hang"
    with running(
        [sys.executable, VOLUME_ALERT], tmp_path / "log", settings=settings(world, far)
    ) as p:
        until(lambda: len(far.seen) == 2, "both posts are under way")
        p.send_signal(signal.SIGTERM)
        assert p.wait(15) == 0  # as long as supervisord gives it; the posts have 20
    assert "Traceback" not in (tmp_path / "log").read_text()
    far.answer = 200
    once(VOLUME_ALERT, settings(world, far))
    held = "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND due_at > unixepoch()"
    assert rows(world.database, held) == [(2,)]  # until their lease is over


def test_sigterm_ends_the_sending_of_once_and_loses_no_post(
    world: World, far: FakeBackend, tmp_path: Path
) -> None:
    spike(world)
    far.answer = "hang"
    command = [sys.executable, VOLUME_ALERT, "--once"]
    environ = settings(world, far, VOLSPIKE_API_URL_DEV=far.address, VOLSPIKE_API_KEY_DEV=KEY)
    with running(command, tmp_path / "log", settings=environ) as process:
        until(lambda: far.seen, "the first post is under way")
        process.send_signal(signal.SIGTERM)
        far.released.set()
        assert process.wait(WAIT_SECONDS) == 0
    assert len(far.seen) == 1
    unsent = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
    assert rows(world.database, unsent) == [(3,)]


def test_store_that_is_removed_ends_the_waiting_program(
    world: World, far: FakeBackend, tmp_path: Path
) -> None:
    """The senders see it: the next scan is minutes away."""
    copy = tmp_path / "copy.db"
    rows(world.database, "VACUUM INTO ?", str(copy))
    environ = settings(world, far, FUNDING_DB=copy)
    with running([sys.executable, VOLUME_ALERT], tmp_path / "log", settings=environ) as process:
        until(lambda: rows(copy, "SELECT 1 FROM consumer"), "a scan is complete")
        copy.unlink()
        assert process.wait(WAIT_SECONDS) == 1
    assert "copy.db: is not there yet" in (tmp_path / "log").read_text()


def test_once_sends_waiting_posts_while_the_exchange_is_away(
    world: World, far: FakeBackend
) -> None:
    spike(world)
    far.answer = 500
    once(VOLUME_ALERT, settings(world, far))
    far.answer = 200
    with world.exchange.faults(rest_status=500):
        done = finished([sys.executable, VOLUME_ALERT, "--once"], **settings(world, far))
    assert done.returncode == 1
    assert len(far.bodies(ALERTS_PATH)) == 1


def test_secrets_are_read_from_a_file_of_mode_0600(
    world: World, far: FakeBackend, tmp_path: Path
) -> None:
    spike(world)
    path = tmp_path / "secrets.env"
    path.write_text(f"VOLSPIKE_API_URL={far.address}\nVOLSPIKE_API_KEY={KEY}\n")
    path.chmod(0o644)
    environ: dict[str, Any] = world.environment(FUNDING_MODE="websocket-only", FUNDING_FORCE_MODE=1)
    environ["FUNDING_ENV_FILE"] = path
    refused = finished([sys.executable, VOLUME_ALERT, "--once"], **environ)
    assert refused.returncode == 2
    assert "mode 0600" in refused.stderr
    path.chmod(0o600)
    done = once(VOLUME_ALERT, environ)
    assert len(far.bodies(ALERTS_PATH)) == 1
    no_secrets(world, done.stdout, done.stderr, refused.stderr)
