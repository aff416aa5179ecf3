"""A script that forks: both processes go on asking, and neither gets an answer of the other's."""

import sys
from pathlib import Path

import pytest

from harness.processes import ROOT, finished
from tests.support.api_and_ingest import World
from tests.support.clock import rows

CALLS, FORKS = 300, 20


@pytest.mark.parametrize("mode", ["websocket", "parallel", "rest"])
def test_both_processes_get_answers_of_their_own(world: World, database: Path, mode: str) -> None:
    world.exchange.forget_calls()
    settings = world.environment(
        FUNDING_DB=database, FUNDING_FORCE_MODE=1, FUNDING_REST_WEIGHT=2_400
    )
    calls, forks = (CALLS, FORKS) if mode == "websocket" else (CALLS // 3, FORKS // 2)
    command = [sys.executable, "-m", "tests.support.forking_script", mode, str(calls), str(forks)]
    done = finished([*command, *world.symbols[:40]], ROOT, **settings)
    assert done.returncode == 0, done.stderr
    *counts, last = done.stdout.splitlines()
    assert last == "done", done.stderr
    assert len(counts) == 3
    if mode == "websocket":  # REST has a budget
        assert {each.partition(" ")[2] for each in counts} == {f"{calls} right, 0 wrong"}
    assert all(each.endswith(", 0 wrong") for each in counts)
    crossed = rows(
        database,
        "SELECT symbol, ws_value, rest_value FROM comparison WHERE field = 'mark_price'"
        " AND (ws_value IS NULL OR rest_value IS NULL OR abs(ws_value / rest_value - 1) > 0.01)",
    )
    assert crossed == []
    if mode == "parallel":
        assert rows(database, "SELECT count(*) FROM comparison") > [(CALLS,)]
