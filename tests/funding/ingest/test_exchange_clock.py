"""REST's word on the exchange's clock: used once, and not before the first frames."""

from typing import Any

from funding.ingest.exchange_clock import LOOK_SECONDS, ExchangeClock


class Store:
    """The store that is asked and the inbox that is told."""

    def __init__(self) -> None:
        self.offset: float | None = None
        self.flows = False
        self.told: list[float] = []

    def exchange_offset(self, _exchange: str) -> float | None:
        return self.offset

    def note_exchange_clock(self, offset: float, _uptime: float) -> bool:
        self.told.append(offset)
        return self.flows


def test_each_answer_is_used_once() -> None:
    store: Any = Store()
    clock = ExchangeClock(store, store, "binance")
    now = 100.0

    def told(seconds: float = LOOK_SECONDS) -> list[float]:
        nonlocal now
        now += seconds
        clock.step(now)
        found, store.told = store.told, []
        return list(found)

    assert told() == []
    store.offset = 7.0
    assert told() == [7.0]
    assert told(1.0) == [], "it is not asked for at each step"
    assert told() == [7.0], "no frame had come"
    store.flows = True
    assert told() == [7.0]
    assert told() == []
    store.offset = 7.5
    assert told() == [7.5]
    assert told() == []
