"""python -m harness.machines: what it says where it cannot be tried, and what it exits with."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness import tables
from harness.machines import __main__ as program
from harness.machines import faults, verdicts


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["harness.machines", *arguments])
    return program.main()


def test_without_root_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "why_not", lambda: "network namespaces need root")
    assert run(monkeypatch, "--quick") == 2
    assert "need root" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(tables.Verdict.PASS, 0), (tables.Verdict.OPEN, 0), (tables.Verdict.FAIL, 1)],
)
def test_a_missed_goal_is_exit_1(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verdict: tables.Verdict,
    code: int,
) -> None:
    @contextmanager
    def scene(*_arguments: object, **_named: object) -> Iterator[None]:
        yield None

    done = []

    def fault(_scene: object, seconds: float) -> list[tables.Criterion]:
        done.append(seconds)
        return [tables.Criterion("the goal", verdict, "its figures")]

    monkeypatch.setattr(program, "why_not", lambda: "")
    monkeypatch.setattr(program, "scene", scene)
    monkeypatch.setitem(faults.FAULTS, "taker-power", fault)
    for name in ("trail", "order", "duplicates"):
        monkeypatch.setattr(verdicts, name, lambda _scene: [])
    assert run(monkeypatch, "--fault", "taker-power", "--seconds", "7") == code
    assert done == [7.0]
    assert ("missed: the goal" in capsys.readouterr().out) is (code == 1)


def test_quick_faults_are_some_of_all() -> None:
    assert set(faults.QUICK) < set(faults.FAULTS)
