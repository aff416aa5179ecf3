"""What the watchdog tells the world, wired as the program wires it."""

from dataclasses import replace
from pathlib import Path

import pytest

from funding.health.checks import check
from funding.runtime.clock import SYSTEM
from funding.settings import alerts
from funding.settings.service import read
from funding.store.reader import Reader
from funding.store.undelivered import undelivered
from funding.watchdog import ping
from funding.watchdog.announcer import Announcer
from harness.processes import until
from tests.support.clock import write
from tests.support.fake_backend import HOOK, FakeBackend, serving
from tests.support.health_facts import FEED, HEALTHY

LONG_DOWN = replace(HEALTHY, last_frame_age=600.0, feed=replace(FEED, connected=0))


def begun(path: Path, far: FakeBackend, **texts: str) -> Announcer:
    settings, _ = read({"FUNDING_DB": str(path), "FUNDING_REST_URL": far.address})
    return Announcer(settings, alerts.read({"FUNDING_DAILY_REPORT": "0", **texts}))


def test_an_outage_is_told_and_only_health_is_pinged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ping, "POLL_SECONDS", 0.002)
    path = tmp_path / "funding.db"
    write(path, SYSTEM)
    with serving() as far:
        made = begun(path, far, FUNDING_ALERT_URL=f"{far.address}{HOOK}")
        made.take(LONG_DOWN, check(LONG_DOWN))
        until(lambda: len(far.bodies(HOOK)) == 1, "the alert")
        assert "binance: not healthy since" in far.bodies(HOOK)[0]["text"]
        made.stop()
        healthy: list[bool] = []
        monkeypatch.setattr(ping.Ping, "healthy", lambda _: healthy.append(True))
        made = begun(path, far, FUNDING_HEARTBEAT_URL=f"{far.address}/ping")
        made.take(LONG_DOWN, check(LONG_DOWN))
        assert healthy == []
        made.take(HEALTHY, check(HEALTHY))
        assert healthy == [True]
        made.stop()


def test_a_report_is_made_each_day_unless_that_is_turned_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with serving() as far:
        for text, made in (("1", True), ("0", False)):
            found = begun(tmp_path / "none.db", far, FUNDING_DAILY_REPORT=text)
            assert (found._report is not None) is made
            found.take(HEALTHY, check(HEALTHY))
            found.stop()
    assert "nobody is told of outages" in caplog.text


def test_an_address_that_takes_no_ping_is_a_warning_of_every_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ping, "POLL_SECONDS", 0.002)
    path = tmp_path / "funding.db"
    write(path, SYSTEM)
    with serving() as far:
        made = begun(path, far, FUNDING_HEARTBEAT_URL=f"{far.address}/ping")
        reader = Reader(path, "binance", SYSTEM)

        def warned() -> bool:
            made.take(HEALTHY, check(HEALTHY))
            found = undelivered(reader.rows, SYSTEM.wall())
            return [text.rpartition(": ")[2] for text in found] == ["status 404"]

        until(warned, "the warning")
        made.stop()
        reader.close()
