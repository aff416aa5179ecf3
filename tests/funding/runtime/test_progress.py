"""Progress is shown on a terminal, and nowhere else."""

import io
import sys

import pytest

from funding.runtime.progress import LINE_SECONDS, Lines, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with progress(2) as advance:
        advance()
        advance()
    return stream.getvalue() if stream is not None else ""


def test_progress_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "symbol" in shown(Terminal(), monkeypatch)


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_progress_is_shown_nowhere_else(
    stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(stream, monkeypatch) == ""


def test_lines_say_how_much_is_done_and_how_long_the_rest_takes() -> None:
    said: list[str] = []
    now = 0.0
    lines = Lines(60, "question", said.append, lambda: now)
    for _ in range(21):
        lines.advance()
        now += LINE_SECONDS / 10
    assert said == [
        "11 of 60 questions, about 0 min 45 s left",
        "21 of 60 questions, about 0 min 37 s left",
    ]


def test_lines_take_the_place_of_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("funding.runtime.progress.LINE_SECONDS", 0.0)
    said: list[str] = []
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress(2, "question", said.append) as advance:
        advance()
    assert said[0].startswith("1 of 2 questions")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress(2, "question", said.append) as advance:
        advance()
    assert len(said) == 1
