"""The daily report: when it is due, and what comes of it."""

import logging
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding.model.verdict import DAY_SECONDS
from funding.watchdog.daily_report import AGAIN_SECONDS, LONGEST_SECONDS, DailyReport
from tests.conftest import ROOT
from tests.support.clock import ManualClock, rows, write

SCRIPT = ROOT / "scripts" / "validate_report.py"
COMPARED = (
    "INSERT INTO comparison (compared_at, source, exchange, symbol, field, outcome)"
    " VALUES (?, ?, ?, 'X', 'mark_price', 'match')"
)
STORED = (
    "INSERT INTO validation (at, verdict, since, until, report, exchange)"
    " VALUES (?1, 'GO', 0, ?1, '{}', ?2)"
)


@dataclass
class Runs:
    """Takes the place of a process: remembers the commands, and ends as it is told."""

    code: int = 0
    stderr: str = ""
    fails: Exception | None = None
    commands: list[list[str]] = field(default_factory=list)

    def __call__(self, command: list[str], **options: Any) -> Any:
        assert options["timeout"] == LONGEST_SECONDS
        self.commands.append(command)
        if self.fails:
            raise self.fails
        return subprocess.CompletedProcess(command, self.code, "", self.stderr)

    @property
    def exchanges(self) -> list[str]:
        return [command[command.index("--exchange") + 1] for command in self.commands]


@dataclass
class World:
    path: Path
    hand: ManualClock = field(default_factory=ManualClock)
    runs: Runs = field(default_factory=Runs)

    def __post_init__(self) -> None:
        write(self.path, self.hand.clock())
        self.report = DailyReport(
            self.path,
            ["binance", "kucoin"],
            script=SCRIPT,
            clock=self.hand.clock(),
            run=self.runs,
        )

    def do(self, statement: str, *values: Any) -> None:
        with closing(apsw.Connection(str(self.path))) as other:
            other.execute(statement, values)

    def compared(self, exchange: str, source: str = "watchdog") -> None:
        """There are comparisons since a little more than a day."""
        self.do(COMPARED, self.hand.wall - DAY_SECONDS - 60, source, exchange)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "funding.db")


def test_it_is_due_when_comparisons_reach_back_a_day(world: World) -> None:
    world.report.turn()
    world.compared("kucoin", "control")
    world.report.turn()
    assert world.runs.exchanges == [], "a planted pair is no comparison"
    world.compared("kucoin")
    world.report.turn()
    assert world.runs.exchanges == ["kucoin"]
    command = world.runs.commands[0]
    assert command[:4] == ["nice", "-n", "10", sys.executable]
    assert str(SCRIPT) in command


def test_it_is_due_again_when_the_last_verdict_is_a_day_old(world: World) -> None:
    world.compared("binance")
    world.do(STORED, world.hand.wall - DAY_SECONDS + 60, "binance")
    world.report.turn()
    assert world.runs.commands == []
    world.hand.advance(61)
    world.report.turn()
    assert world.runs.exchanges == ["binance"]


def test_one_that_fails_is_tried_again_in_an_hour(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.compared("binance")
    world.runs.fails = subprocess.TimeoutExpired("x", 1)
    for _ in range(9):
        world.report.turn()
    assert len(world.runs.commands) == 1
    assert caplog.messages == ["no daily report on binance: TimeoutExpired"]
    world.hand.advance(AGAIN_SECONDS)
    world.compared("binance")
    world.runs.fails, world.runs.code = None, 2
    world.runs.stderr = "something\nno report: it is empty\n"
    world.report.turn()
    assert caplog.messages[1:] == ["no daily report on binance: no report: it is empty"]


def test_no_database_is_no_report(tmp_path: Path) -> None:
    world = World(tmp_path / "funding.db")
    for file in tmp_path.glob("funding.db*"):
        file.unlink()
    world.report.turn()
    assert world.runs.commands == []


def test_the_real_script_stores_its_verdict(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world = World(tmp_path / "funding.db")
    world.compared("binance")
    world.report = DailyReport(world.path, ["binance"], script=SCRIPT, clock=world.hand.clock())
    world.report.turn()
    assert caplog.messages == ["daily report on binance: NO-GO"]
    assert rows(world.path, "SELECT verdict, exchange FROM validation") == [("NO-GO", "binance")]
