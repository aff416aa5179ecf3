"""Unhealthy and unobserved periods: a real store, facts and a clock of the test."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from funding.health.facts import Facts, OtherFeed, Probe
from funding.model.event import Event, EventKind
from funding.watchdog.audit_trail import AuditTrail
from funding.watchdog.health_periods import HealthPeriods
from tests.support.clock import rows
from tests.support.health_facts import FEED, HEALTHY, PROGRAMS
from tests.support.watched_service import WatchedService

DOWN = replace(HEALTHY, feed=replace(FEED, connected=0, good_since=None, last_error="refused"))
NO_API = replace(HEALTHY, port_probe=Probe(False, "late"))
FAILING_API = replace(HEALTHY, port_probe=Probe(True, "503", serves=False))


class Looks:
    """A watchdog that looks every five seconds."""

    def __init__(self, service: WatchedService) -> None:
        self.service = service
        self.begin()

    def begin(self) -> None:
        """Another watchdog, as after the end of the one before."""
        self.trail = AuditTrail(self.service.audit)
        self.periods = HealthPeriods(self.trail, 5.0)

    def look(self, facts: Facts, times: int = 1) -> None:
        """Look, and let five seconds pass, so many times."""
        hand = self.service.hand
        for _ in range(times):
            self.periods.observe(facts, hand.wall, hand.uptime)
            self.trail.save()
            hand.advance(5.0)

    def events(self) -> list[Any]:
        select = "SELECT kind, rule, at - ?, duration_seconds FROM event ORDER BY id"
        return rows(self.service.path, select, self.start)

    @property
    def start(self) -> float:
        return 1_764_725_610.0


@pytest.fixture
def looks(service: WatchedService) -> Looks:
    service.hand.wall = 1_764_725_610.0
    return Looks(service)


KUCOIN = OtherFeed("kucoin", 300, FEED, 0.3, 0.2, 0.2, fresh=682)
KUCOIN_AWAY = KUCOIN._replace(feed=replace(FEED, connected=0, last_error="refused"))


def test_each_exchange_has_periods_of_its_own(looks: Looks) -> None:
    looks.look(replace(HEALTHY, others=[KUCOIN_AWAY]), 2)
    assert looks.events() == [], "it is starting"
    looks.look(replace(HEALTHY, others=[KUCOIN]), 2)
    looks.look(replace(HEALTHY, others=[KUCOIN_AWAY]), 2)
    assert looks.events() == [("unhealthy", "kucoin", 20.0, None)]
    looks.begin()
    looks.look(replace(HEALTHY, others=[KUCOIN]), 4)
    assert looks.events() == [("unhealthy", "kucoin", 20.0, 10.0)]


def test_another_first_exchange_is_the_service(looks: Looks) -> None:
    looks.look(replace(DOWN, exchange="kucoin"))
    assert [event[:2] for event in looks.events()] == [
        ("unhealthy", "data"),
        ("unhealthy", "kucoin"),
    ]


def test_outage_is_one_event_with_its_duration(looks: Looks) -> None:
    looks.look(HEALTHY)
    looks.look(DOWN, 2)
    assert looks.events() == [("unhealthy", "data", 5.0, None)]
    assert looks.periods.since("data") == looks.start + 5.0
    looks.look(DOWN)
    looks.look(HEALTHY, 2)
    assert looks.events() == [("unhealthy", "data", 5.0, None)], "well for less than 10 s"
    looks.look(HEALTHY)
    assert looks.events() == [("unhealthy", "data", 5.0, 15.0)]
    assert looks.periods.since("data") is None
    looks.look(HEALTHY, 9)
    assert len(looks.events()) == 1
    ((detail,),) = rows(looks.service.path, "SELECT detail FROM event")
    assert "refused" in detail


def test_frames_in_the_middle_of_an_outage_do_not_end_it(looks: Looks) -> None:
    for _ in range(5):
        looks.look(DOWN)
        looks.look(HEALTHY, 2)
    looks.look(HEALTHY)
    assert looks.events() == [("unhealthy", "data", 0.0, 65.0)]


def young(facts: Facts, seconds: float) -> Facts:
    """`facts` of a service whose ingest began so long ago."""
    ingest, *others = PROGRAMS
    return replace(facts, processes=(ingest._replace(age_seconds=seconds), *others))


def test_start_is_not_unhealthy(looks: Looks) -> None:
    looks.look(young(replace(DOWN, port_probe=NO_API.port_probe), 0.5))
    looks.look(young(DOWN, 5.5))
    looks.look(young(HEALTHY, 10.5))
    assert looks.events() == []
    looks.look(young(DOWN, 14.0))
    assert looks.events() == [("unhealthy", "data", 15.0, None)], "it has been well once"


@pytest.mark.parametrize("age", [lambda look: 0.5 + 5.0 * look, lambda look: 0.5])
def test_start_that_takes_too_long_was_unhealthy_from_the_first_look(
    looks: Looks, age: Callable[[int], float]
) -> None:
    """The second ingest ends and begins again and again."""
    for number in range(3):
        assert looks.events() == []
        looks.look(young(DOWN, age(number)))
    looks.look(young(DOWN, age(3)))
    assert looks.events() == [("unhealthy", "data", 0.0, None)]
    looks.look(HEALTHY, 3)
    assert looks.events() == [("unhealthy", "data", 0.0, 20.0)]


def test_restart_of_all_within_seconds_is_no_start(looks: Looks) -> None:
    looks.look(HEALTHY)
    looks.begin()
    looks.look(young(DOWN, 0.5))
    looks.look(HEALTHY, 3)
    assert looks.events() == [("unhealthy", "data", 5.0, 5.0)]


@pytest.mark.parametrize("facts", [NO_API, FAILING_API])
def test_api_has_periods_of_its_own(looks: Looks, facts: Facts) -> None:
    looks.look(facts, 3)
    looks.look(HEALTHY, 4)
    assert looks.events() == [("unhealthy", "api", 0.0, 15.0)]


def test_next_watchdog_goes_on_with_the_period(looks: Looks) -> None:
    looks.look(DOWN, 3)
    looks.begin()
    looks.look(DOWN, 3)
    looks.look(HEALTHY, 3)
    assert looks.events() == [("unhealthy", "data", 0.0, 30.0)]


def test_time_without_a_look_is_unobserved_and_ends_what_was_open(looks: Looks) -> None:
    looks.look(DOWN, 3)
    looks.service.hand.advance(600.0)
    looks.begin()
    looks.look(DOWN, 2)
    looks.look(HEALTHY, 4)
    assert sorted(looks.events()) == [
        ("unhealthy", "data", 0.0, 10.0),
        ("unhealthy", "data", 615.0, 10.0),
        ("unobserved", None, 10.0, 605.0),
    ]


def test_watchdog_that_was_stopped_for_a_while_did_not_look(looks: Looks) -> None:
    looks.look(HEALTHY, 2)
    looks.look(DOWN)
    looks.service.hand.advance(60.0)
    looks.look(HEALTHY, 4)
    assert sorted(looks.events()) == [
        ("unhealthy", "data", 10.0, 0.0), ("unobserved", None, 10.0, 65.0)
    ]  # fmt: skip


def test_step_of_the_wall_clock_is_no_time(looks: Looks) -> None:
    looks.look(DOWN)
    looks.service.hand.wall += 3_600.0
    looks.look(DOWN)
    looks.look(HEALTHY, 3)
    assert looks.events() == [
        ("unhealthy", "data", 0.0, 10.0),
        ("unobserved", None, 0.0, pytest.approx(3_600.0)),
    ]
    select = "SELECT observed_seconds, unhealthy_seconds FROM availability WHERE rule = 'data'"
    assert rows(looks.service.path, select) == [(20.0, 10.0)]
    looks.service.hand.wall -= 3_600.0
    looks.look(HEALTHY, 3)
    assert len(looks.events()) == 2, "no second is missing where it was set back"


def test_first_watchdog_of_all_has_missed_nothing(looks: Looks) -> None:
    looks.look(HEALTHY, 3)
    assert looks.events() == []


def test_periods_are_stored_when_the_store_is_back(looks: Looks) -> None:
    """Also those of an earlier watchdog, of which the store did not tell at first."""
    looks.look(DOWN, 3)
    content = looks.service.damage()
    looks.begin()
    looks.look(DOWN, 2)
    looks.service.remove_store()
    looks.service.path.write_bytes(content)
    looks.look(HEALTHY, 4)
    found = sorted(looks.events(), key=lambda row: float(row[2]))
    assert found[-1] == ("unhealthy", "data", 15.0, 10.0)
    assert all(row[3] is not None for row in found), "nothing stays open"


# The view


def availability(looks: Looks) -> dict[str, tuple[float, float, float]]:
    found = rows(looks.service.path, "SELECT * FROM availability")
    return {rule: tuple(rest) for rule, *rest in found}


def test_availability_is_a_query(looks: Looks) -> None:
    assert availability(looks) == {}
    looks.look(HEALTHY)
    looks.look(DOWN, 4)
    looks.look(HEALTHY, 16)
    looks.service.hand.advance(900.0)
    looks.begin()
    looks.look(HEALTHY, 10)
    looks.look(NO_API, 10)
    observed = 1_100.0 - 5.0 - 905.0  # last look, first event, unobserved
    assert availability(looks) == {
        "data": (observed, 20.0, round(100 * (1 - 20 / observed), 4)),
        "api": (observed, 45.0, round(100 * (1 - 45 / observed), 4)),
    }


def test_availability_is_of_seven_days(looks: Looks) -> None:
    """What began before them counts in part."""
    day, start = 86_400.0, looks.start

    def event(kind: EventKind, at: float, seconds: float, rule: str | None = None) -> Event:
        return Event(start + at, "watchdog", kind, "", rule=rule, duration_seconds=seconds)

    looks.service.audit.add(
        [
            event(EventKind.START, -9 * day, 0.0),
            event(EventKind.UNHEALTHY, -9 * day, day, "data"),
            event(EventKind.UNHEALTHY, -7.5 * day, day, "data"),
            event(EventKind.UNHEALTHY, -3 * day, 60.0, "api"),
            event(EventKind.UNOBSERVED, -8 * day, 2 * day),
        ]
    )
    looks.look(HEALTHY)
    assert availability(looks) == {
        "data": (6 * day, 0.5 * day, round(100 * (1 - 0.5 / 6), 4)),
        "api": (6 * day, 60.0, round(100 * (1 - 60.0 / (6 * day)), 4)),
    }


def test_data_that_rest_fills_in_is_not_unhealthy(looks: Looks) -> None:
    feed = replace(DOWN.feed or FEED, standby_since=looks.start)
    looks.look(replace(DOWN, feed=feed, filled_in=set(HEALTHY.quote_ages)), 3)
    assert looks.events() == []
