"""harness/machines/asker.py: lookups that are due at fixed moments."""

import time

import pytest

from harness.machines import asker


def test_every_symbol_is_asked_for_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asker, "LATE_SECONDS", 60.0)
    asked: list[str] = []

    def ask(symbol: str) -> float | None:
        asked.append(symbol)
        return None if symbol == "B" else 0.5

    found = asker.ask_all(ask, ["A", "B"], 1_000.0, 0.02)
    assert asked == ["A", "B"] * 10
    assert (found.asked, found.missed, found.oldest_seconds) == (20, 10, 0.5)


def test_one_that_hangs_makes_those_behind_it_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asker, "LATE_SECONDS", 0.05)
    answers = iter([0.2, *[0.0] * 9])

    def ask(_symbol: str) -> float | None:
        time.sleep(next(answers))
        return 0.1

    found = asker.ask_all(ask, ["A"], 100.0, 0.1)
    assert found.missed == 10  # the last was due 90 ms after the first, which took 200
    assert found.p50_ms > found.call_p50_ms
