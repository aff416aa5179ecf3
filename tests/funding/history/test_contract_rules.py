"""What is carried from one list of contracts to the next, and what has changed between them."""

import pytest

from funding.history.contract_rules import carried, changes
from funding.model.contract import Contract, ContractStatus
from funding.model.event import Event
from tests.support.store import contract

NOW = 1_764_725_000.0
DAY_MS = 86_400_000


def known(*contracts: Contract) -> dict[str, Contract]:
    return {each.symbol: each for each in contracts}


def told(events: list[Event]) -> list[tuple[str, str, int]]:
    return [(each.kind, each.detail, each.count) for each in events]


def test_interval_of_settlements_stays_until_the_exchange_says_one() -> None:
    old = contract(hours=4)._replace(interval_source="settlements")
    silent = contract(hours=None)._replace(interval_source=None)
    (kept,) = carried(known(old), [silent], NOW)
    assert (kept.funding_interval_hours, kept.interval_source) == (4, "settlements")
    (said,) = carried(known(old), [contract(hours=8)], NOW)
    assert (said.funding_interval_hours, said.interval_source) == (8, "exchange")
    (unknown,) = carried(known(contract(hours=8)), [silent], NOW)
    assert unknown.funding_interval_hours is None, "what the exchange says no longer is not known"


def test_change_of_interval_and_base_is_dated_and_then_carried() -> None:
    old = contract(hours=8)._replace(base_rate_hourly=1.25e-5, listed_time=7)
    (same,) = carried(known(old), [contract(hours=8)._replace(base_rate_hourly=1.25e-5)], NOW)
    assert (same.interval_changed_at, same.base_changed_at, same.listed_time) == (None, None, 7)
    (other,) = carried(known(same), [contract(hours=4)._replace(base_rate_hourly=0.0)], NOW)
    assert (other.interval_changed_at, other.base_changed_at) == (NOW, NOW)
    (later,) = carried(known(other), [contract(hours=4)._replace(base_rate_hourly=0.0)], NOW + 9)
    assert (later.interval_changed_at, later.base_changed_at) == (NOW, NOW)


def test_intervals_that_change_are_one_event_for_each_change() -> None:
    before = known(*(contract(name, hours=8) for name in "ABCD"), contract("E", hours=4))
    after = [
        *(contract(name, hours=4) for name in "AB"),
        contract("C", hours=1),
        contract("D", hours=None),
        contract("E", hours=4),
    ]
    assert told(changes(before, after, NOW)) == [
        ("interval-changed", "funding every 8 h → every 4 h: A, B", 2),
        ("interval-changed", "funding every 8 h → every 1 h: C", 1),
    ]


def test_announced_interval_is_an_event_once_for_each_announcement() -> None:
    plain = contract("A", hours=8)
    announced = plain._replace(next_interval_hours=4, next_interval_time=1_764_748_800_000)
    later = announced._replace(next_interval_time=1_764_777_600_000)
    words = "funding every 8 h → every 4 h from 2025-12-03 {} UTC on: A"
    for before, after, expected in [
        (known(plain), announced, ("interval-announced", words.format("08:00"), 1)),
        ({}, announced, ("interval-announced", words.format("08:00"), 1)),
        (known(announced), announced, None),
        (known(announced), later, ("interval-announced", words.format("16:00"), 1)),
        (known(announced), plain, None),
    ]:
        assert told(changes(before, [after], NOW)) == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("status", "due_in_hours", "expected"),
    [
        (ContractStatus.TRADING, 23, True),
        (ContractStatus.TRADING, 25, False),
        (ContractStatus.TRADING, -1, False),
        (ContractStatus.SETTLING, 23, False),
    ],
)
def test_delivery_within_a_day(status: ContractStatus, due_in_hours: int, expected: bool) -> None:
    due = int(NOW * 1_000) + due_in_hours * 3_600_000
    dated = contract("BTCUSDT_261225", status)._replace(delivery_time=due, checked_at=NOW)
    found = changes({}, [dated], NOW)
    assert [each.kind for each in found] == ["delivery-soon"] * expected


def test_delivery_is_told_once_when_it_comes_near_and_again_when_it_is_moved() -> None:
    due = int(NOW * 1_000) + DAY_MS + 60_000
    dated = contract()._replace(delivery_time=due, checked_at=NOW)
    assert changes(known(dated), [dated], NOW) == []
    near = dated._replace(checked_at=NOW + 900)
    assert len(changes(known(dated), [near], NOW + 900)) == 1
    assert changes(known(near), [near], NOW + 1_800) == []
    sooner = near._replace(delivery_time=due - 3_600_000)
    assert len(changes(known(near), [sooner], NOW + 1_800)) == 1
