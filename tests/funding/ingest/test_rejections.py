"""Rejected messages and rows: totals by reason, and log lines at a bounded rate."""

import json
from collections import Counter

import pytest

from funding.ingest.rejections import MAX_REASONS, Rejections, tally
from funding.runtime.logs import Throttle


def test_reasons_beyond_the_bound_are_counted_together() -> None:
    counter: Counter[str] = Counter()
    tally(counter, Counter({f"event {n}": 1 for n in range(MAX_REASONS)}))
    tally(counter, Counter({"event 0": 5, "event new": 2, "stream newer": 3, "coin-margined": 7}))
    assert counter["event 0"] == 6
    assert counter["other"] == 5
    assert counter["coin-margined"] == 7, "our own reasons are few, and always counted apart"
    assert "event new" not in counter


def test_totals_are_kept_and_log_lines_are_throttled(caplog: pytest.LogCaptureFixture) -> None:
    rejections = Rejections(Throttle(60.0))

    def reject(now: float) -> list[str]:
        caplog.clear()
        rejections.add(
            malformed=1,
            rejected=Counter(form=2),
            ignored=Counter({"coin-margined": 3}),
            samples={"form": f"form: at {now:g}"},
        )
        rejections.log(now)
        return caplog.messages

    assert reject(0.0) == ["rejected 2: form; for example form: at 0", "rejected 1: malformed"]
    assert reject(59.0) == []
    assert reject(60.0) == ["rejected 4: form; for example form: at 60", "rejected 2: malformed"]
    totals = json.loads(rejections.as_json())
    assert totals == {"rejected": {"form": 6}, "ignored": {"coin-margined": 9}}
