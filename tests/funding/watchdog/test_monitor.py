"""What the monitor writes down besides restarts, and its heartbeat."""

import os
from contextlib import closing

import pytest

from funding.model.event import EventKind
from funding.watchdog.supervisor import PluginReport
from tests.support.clock import rows
from tests.support.store import plainly
from tests.support.watched_service import OLD, WatchedService


@pytest.mark.parametrize("step", [-3_600.0, 3_600.0])
def test_step_of_the_wall_clock_is_reported_and_restarts_nothing(
    service: WatchedService, step: float
) -> None:
    service.step()
    service.hand.wall += step
    facts = service.step(1.0)
    assert facts.clock_step == pytest.approx(step)
    assert facts.quote_ages["BTCUSDT"] == pytest.approx(1.0)
    assert service.supervisor.orders == []
    assert service.step(1.0).clock_step == pytest.approx(0.0)
    assert service.events() == [("clock-step", f"the wall clock stepped by {step:+.1f} s")]


def test_start_of_the_watchdog_is_recorded(service: WatchedService) -> None:
    began = service.hand.wall
    service.monitor.record_start()
    service.step(1.0)
    service.step(1.0)
    found = rows(service.path, "SELECT at, detail FROM event WHERE source = 'funding:watchdog'")
    assert found == [(began, f"pid {os.getpid()}")]


def test_report_is_confirmed_when_it_is_stored(service: WatchedService) -> None:
    service.step()
    service.supervisor.reports = [service.crash_report(OLD)]
    content = service.damage()
    service.monitor.send_heartbeat()
    service.step()
    service.monitor.send_heartbeat()
    assert len(service.supervisor.reports) == 1, "confirmed although it is not stored"
    service.path.unlink()
    service.path.write_bytes(content)
    service.step(1.0)
    service.monitor.send_heartbeat()
    assert service.supervisor.reports == []
    assert len(service.crashes()) == 1


def test_kill_by_the_plugin_is_recorded_once(service: WatchedService) -> None:
    text = "funding:watchdog (hung watchdog): no beat of process 7"
    report = PluginReport(1, service.hand.wall, EventKind.KILL, "funding:watchdog", 7, text)
    service.supervisor.reports = [report]
    service.monitor.send_heartbeat()
    service.monitor.send_heartbeat()
    service.step()
    service.monitor = service.new_monitor()
    service.monitor.send_heartbeat()
    service.step()
    assert service.events() == [("kill", text)]
    assert service.supervisor.heartbeats == [(OLD, 35.0)] * 3


def test_symbol_behind_the_others_is_reported_once(service: WatchedService) -> None:
    every = ("BTCUSDT", "ETHUSDT", "DATED")
    for names in (every, every[:2], every[:2], every[:2], every):
        service.hand.advance(6)
        service.write_quotes(names)
        service.step()
    assert service.events() == [("behind", "symbols behind the others: DATED")]
    assert service.supervisor.orders == []
    for names in (every[:2], every[:2]):
        service.hand.advance(6)
        service.write_quotes(names)
        service.step()
    assert len(service.events(EventKind.BEHIND)) == 2


def test_report_names_no_period_that_is_over(service: WatchedService) -> None:
    """Its end is not stored yet, as while the store is locked."""
    service.feed.connected = 0
    service.write_heartbeat()
    service.step()
    assert service.monitor.look().unhealthy_since == service.hand.wall
    before = service.hand.wall
    successor = service.new_monitor()
    service.hand.advance(1.0)
    assert successor.look().unhealthy_since == before, "it has not looked before"
    service.feed.connected = 1
    for _ in range(3):
        service.write_quotes()
        service.step(6.0)
    with closing(plainly(service.path)) as person:
        assert rows(service.path, "SELECT duration_seconds > 0 FROM event WHERE rule = 'data'")
        person.execute("UPDATE event SET duration_seconds = NULL WHERE rule = 'data'")
    service.feed.connected = 0
    service.write_heartbeat()
    assert service.monitor.look().unhealthy_since is None
    service.step()
    assert service.monitor.look().unhealthy_since == service.hand.wall
