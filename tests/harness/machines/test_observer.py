"""harness/machines/observer.py: what an observer writes down."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.machines import observer
from harness.machines.observed import parse, steps_back
from harness.machines.observer import Log, Seen


def test_poll_tells_what_changed_and_what_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(observer, "POLL_SECONDS", 0.0)
    answers: Iterator[list[Seen] | BaseException] = iter(
        [[Seen("x.A", 1, 0.5), Seen("x.B", 1, None)], [Seen("x.A", 1, 0.6)], OSError("away"),
         [Seen("x.A", 3, 0.1)], [Seen("x.A", 2, 0.2)], KeyboardInterrupt()]
    )  # fmt: skip

    def ask() -> Iterable[Seen]:
        found = next(answers)
        if isinstance(found, BaseException):
            raise found
        return found

    path = tmp_path / "lines"
    log = Log(path)
    with closing(log), pytest.raises(KeyboardInterrupt):
        observer.poll(ask, log)
    lines = parse(path.read_text("utf-8"))
    told = [(line["name"], line["event_time"]) for line in lines if line["kind"] == "quote"]
    assert told == [("x.A", 1), ("x.B", 1), ("x.A", 3), ("x.A", 2)]
    assert [step.event_time for step in steps_back(lines)] == [2]
    polls = [(line["count"], line["newest"]) for line in lines if line["kind"] == "poll"]
    assert polls == [(2, 0.5), (1, 0.6), (0, None), (1, 0.1), (1, 0.2)]
    assert [line["error"] for line in lines if line["kind"] == "failed"] == ["OSError('away')"]
