"""The facts that the watchdog collects from a real store and real processes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from funding.health.facts import LastComparison, Probe, ProcessState
from funding.model.feed import Feed
from funding.watchdog import probe
from tests.support.http_script import hangs, reply, scripted, sends
from tests.support.watched_service import INGEST, NEW, OLD, WatchedService


def test_facts_of_a_healthy_service(service: WatchedService) -> None:
    service.last_comparison = LastComparison(uptime=service.hand.uptime - 7)
    service.hand.advance(2.0)
    facts = service.monitor.look()
    assert facts.feed is not None
    assert (facts.feed.pid, facts.feed.connected) == (OLD, 1)
    assert facts.heartbeat_age == pytest.approx(2.0)
    assert facts.quote_ages == pytest.approx({"BTCUSDT": 2.0, "ETHUSDT": 2.0, "DATED": 2.0})
    assert facts.without_rate == ["ETHUSDT"]
    assert (facts.store_problem, facts.supervisor_problem) == ("", "")
    (ingest,) = facts.processes or ()
    assert (ingest.name, ingest.pid) == (INGEST, OLD)
    assert ingest.age_seconds > 1_000
    assert ingest.memory_bytes > 10 << 20
    assert facts.port_probe is not None
    assert not facts.port_probe.answered
    assert facts.comparison_age == pytest.approx(9.0)
    assert facts.disk_free_bytes is not None
    assert facts.clock_step == pytest.approx(0.0)


def test_last_frame_age_counts_from_the_last_good_row(service: WatchedService) -> None:
    service.hand.advance(30)
    service.write_heartbeat()
    facts = service.monitor.look()
    assert facts.heartbeat_age == pytest.approx(0.0)
    assert facts.last_frame_age == pytest.approx(30.0)


def test_failures_are_facts_and_not_exceptions(service: WatchedService) -> None:
    service.supervisor.silent = True
    service.remove_store()
    facts = service.step()
    assert (facts.feed, facts.heartbeat_age, facts.store_problem) == (None, None, "")
    assert facts.processes is None
    assert facts.supervisor_problem == "supervisord does not answer"
    service.path.write_bytes(b"no database" * 100)
    assert "not readable as a database" in service.step().store_problem


def test_delay_while_the_store_is_read_makes_nothing_older(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_feed: Callable[[], Feed | None] = service.reader.feed

    def delayed() -> Feed | None:
        feed = read_feed()
        service.hand.advance(3_600)
        return feed

    monkeypatch.setattr(service.reader, "feed", delayed)
    assert service.monitor.look().heartbeat_age == pytest.approx(0.0)


def test_size_of_the_wal(service: WatchedService) -> None:
    assert service.monitor.look().wal_bytes == 0
    Path(f"{service.path}-wal").write_bytes(b"x" * 4_096)
    assert service.monitor.look().wal_bytes == 4_096


@pytest.mark.parametrize("step", [-3_600.0, 3_600.0])
def test_dead_feed_is_stale_although_the_clock_stepped(
    service: WatchedService, step: float
) -> None:
    service.hand.wall += step
    service.hand.advance(179)
    assert max(service.monitor.look().quote_ages.values()) < 180
    service.hand.advance(2)
    facts = service.monitor.look()
    assert min(facts.quote_ages.values()) == pytest.approx(181.0)
    assert facts.last_frame_age == pytest.approx(181.0)


def test_each_api_process_is_probed(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 0.1)
    for name in ("api_00", "api_01"):
        service.supervisor.put(f"api:{name}", ProcessState.RUNNING, OLD)
    good, hung = str(service.folder / "api_00.sock"), str(service.folder / "api_01.sock")
    with scripted(sends(reply(503)), unix=good), scripted(hangs, unix=hung):
        probes = service.monitor.look().process_probes
    assert {name: each.answered for name, each in probes.items()} == {
        "api:api_00": True, "api:api_01": False
    }  # fmt: skip


def test_only_running_processes_with_a_socket_are_probed(service: WatchedService) -> None:
    service.supervisor.put("api:api_00", ProcessState.RUNNING, OLD)
    service.supervisor.put("api:api_01", ProcessState.STARTING, NEW)
    (service.folder / "api_01.sock").touch()
    assert service.monitor.look().process_probes == {}


def test_process_that_started_during_the_probes_is_young_and_not_silent(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe may take seconds, in which ingest is replaced."""
    service.step()

    def slow(*_: object) -> Probe:
        service.restart_ingest()
        return Probe(True, "status 200")

    monkeypatch.setattr(probe, "port", slow)
    service.step(2.0)
    assert service.supervisor.orders == []


def test_damage_behind_an_open_connection_is_found(service: WatchedService) -> None:
    assert service.monitor.look().store_problem == ""
    page = service.path.read_bytes().index(b"ETHUSDT") // 4_096
    with service.path.open("r+b") as file:
        file.seek(page * 4_096)
        file.write(b"\xff" * 4_096)
    assert "not readable as a database" in service.monitor.look().store_problem
