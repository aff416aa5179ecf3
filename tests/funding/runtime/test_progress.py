"""Progress is shown on a terminal, and nowhere else."""

import io
import sys

import pytest

from funding.runtime.progress import progress


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
