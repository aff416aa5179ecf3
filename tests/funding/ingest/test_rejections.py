"""Rejected messages and rows: totals by reason, and log lines at a bounded rate."""

import json
from collections import Counter

import pytest

from funding.ingest.inbox import Batch
from funding.ingest.rejections import Rejections
from funding.runtime.logs import Throttle


def test_totals_are_kept_and_log_lines_are_throttled(caplog: pytest.LogCaptureFixture) -> None:
    rejections = Rejections(Throttle(60.0))

    def reject(now: float) -> list[str]:
        caplog.clear()
        rejections.add(
            Batch(
                malformed=1,
                rejected=Counter(form=2),
                ignored=Counter({"coin-margined": 3}),
                samples={"form": f"form: at {now:g}"},
            )
        )
        rejections.log(now)
        return caplog.messages

    assert reject(0.0) == ["rejected 2: form; for example form: at 0", "rejected 1: malformed"]
    assert reject(59.0) == []
    assert reject(60.0) == ["rejected 4: form; for example form: at 60", "rejected 2: malformed"]
    totals = json.loads(rejections.as_json())
    assert totals == {"rejected": {"form": 6}, "ignored": {"coin-margined": 9}}
