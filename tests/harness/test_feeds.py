"""harness/feeds.py: whose tick a quote is of, and what happens to an exchange when."""

import pytest

from harness.feeds import COURSES, SHIFTED, Used, disturb, share, tick_of
from harness.stand_in import StandIn

AT = 1_790_000_123_000


@pytest.mark.parametrize(
    ("exchange", "event_time", "tick"),
    [
        ("binance", AT + 684, AT + 684),
        ("kucoin", AT, AT + 443),
        ("hyperliquid", AT + 231, AT + 200),
        ("hyperliquid", AT + 1_199, AT + 200),
        ("backpack", AT + 847, AT + 847),
    ],
)
def test_tick_of_a_quote(exchange: str, event_time: int, tick: int) -> None:
    assert tick_of(exchange, event_time) == tick / 1_000


def test_share_of_values() -> None:
    assert share([3.0, 1.0, 2.0], 0.5) == 2.0
    assert share([float(number) for number in range(1_000)], 0.99) == 990.0
    assert share([], 0.5) != share([], 0.5)


def test_memory_at_the_start_at_the_end_and_at_most() -> None:
    assert Used(1, 0.0, [30.0, 42.5, 31.25]).megabytes() == ("30.0", "31.2", "42.5")


def test_each_third_has_its_fault_in_its_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[object] = []

    def order(_self: StandIn, path: str, method: str, body: object = None) -> None:
        posted.append((path, method, body))

    monkeypatch.setattr(StandIn, "order", order)
    exchange = StandIn(1, None)  # type: ignore[arg-type]
    for name, path in (("kucoin", "kucoin/faults"), ("binance", "faults")):
        lie = SHIFTED if name == "binance" else COURSES[2]
        for at, fault in ((0.0, None), (0.15, COURSES[0]), (0.5, COURSES[1]), (0.85, lie)):
            posted.clear()
            disturb(exchange, name, at)
            rest = [] if fault is None else [(path, "POST", fault)]
            assert posted == [(path, "DELETE", None), *rest]
