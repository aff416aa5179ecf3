"""The screen as data: a real store, a supervisord and a clock of the test."""

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from funding.health.facts import Facts, OtherFeed, Probe
from funding.model.event import Event, EventKind
from funding.settings.service import read
from funding.watchdog.status_data import EVENTS_SHOWN, Status, status_of
from tests.support.health_facts import FEED, HEALTHY, PROGRAMS
from tests.support.store import plainly
from tests.support.watched_service import WatchedService


class Looked:
    """A collector that has found these facts."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Facts:
        return self._facts


def shown(service: WatchedService, facts: Facts) -> Status:
    settings, _ = read({"FUNDING_DB": str(service.path)})
    collector: Any = Looked(replace(facts, at=service.hand.wall))
    return status_of(settings, collector, service.clock)


def test_a_healthy_service(service: WatchedService) -> None:
    other = OtherFeed(
        *("kucoin", 300, replace(FEED, exchange="kucoin", reconnects=3), 0.2, 0.3, 0.4567, 400),
        stale=["X"],
    )
    program = PROGRAMS[0]._replace(name="funding:ingest-kucoin")
    facts = replace(HEALTHY, others=[other], processes=[*PROGRAMS, program])
    status = shown(service, facts)
    assert (status.status, status.errors, status.api) == ("healthy", [], "answers: status 200")
    assert [(each.name, each.state, each.memory_mb) for each in status.programs][:2] == [
        ("funding:ingest", "RUNNING", 60.0), ("funding:watchdog", "RUNNING", 40.0)
    ]  # fmt: skip
    binance, kucoin = status.feeds
    assert (binance.exchange, binance.connected, binance.fresh_symbols) == ("binance", True, 600)
    assert (kucoin.exchange, kucoin.fresh_symbols, kucoin.stale_symbols) == ("kucoin", 400, 1)
    assert (kucoin.newest_age_seconds, kucoin.reconnects, kucoin.problem) == (0.457, 3, "")


def test_what_is_stored_is_shown(service: WatchedService) -> None:
    at = service.hand.wall
    service.audit.add([Event(at + n, "ingest", EventKind.STALL, str(n)) for n in range(20)])
    service.audit.add([Event(at + 99, "ingest", EventKind.CONNECT, "not shown")])
    with closing(plainly(service.path)) as plain:
        plain.execute(
            "INSERT INTO contract (exchange, symbol, status, base_asset, quote_asset, multiplier,"
            " funding_interval_hours, checked_at)"
            " VALUES ('binance', 'BTCUSDT', 'TRADING', 'BTC', 'USDT', 1, 8, 1)"
        )
    status = shown(service, HEALTHY)
    (extreme,) = status.extremes
    assert (extreme.symbol, extreme.annualised_pct, extreme.funding_pct) == ("BTCUSDT", 10.95, 0.01)
    assert len(status.events) == EVENTS_SHOWN
    assert (status.events[0].detail, status.events[0].kind) == ("19", "stall")


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (replace(HEALTHY, port_probe=Probe(False, "refused")), "degraded"),
        (replace(HEALTHY, quote_ages={}), "unhealthy"),
        (replace(HEALTHY, processes=None, supervisor_problem="none"), "healthy"),
    ],
)
def test_a_word_for_the_whole(service: WatchedService, facts: Facts, word: str) -> None:
    assert shown(service, facts).status == word


def test_no_database_is_said_in_words(service: WatchedService) -> None:
    service.remove_store()
    status = shown(service, replace(HEALTHY, feed=None, quote_ages={}, heartbeat_age=None))
    assert not status.extremes
    assert not status.events
    assert "no quotes are stored yet" in status.errors[0]
    assert not service.path.exists()
