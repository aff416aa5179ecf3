"""scripts/compare_all.py as a process, against a stand-in exchange and a real ingest."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import apsw
import pytest

from funding.model.quote import Quote
from funding.runtime.clock import SYSTEM
from harness.processes import WAIT_SECONDS, finished, running, until
from tests.conftest import ROOT
from tests.support.api_and_ingest import World, exchange_and_service
from tests.support.clock import ManualClock, rows, write

SCRIPT = "scripts/compare_all.py"


@pytest.fixture(autouse=True)
def whole_budget(world: World) -> None:
    """All tests of a minute would share REST's limit."""
    world.exchange.forget_calls()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests here."""
    with exchange_and_service(tmp_path_factory.mktemp("world"), "--main", "240") as made:
        yield made


def run(world: World, *arguments: str, **settings: object) -> CompletedProcess[str]:
    with_settings = {name: str(value) for name, value in world.environment(**settings).items()}
    return finished([sys.executable, SCRIPT, *arguments], ROOT, **with_settings)


def stored(world: World) -> list[Any]:
    statement = "SELECT count(*), count(DISTINCT compared_at) FROM comparison WHERE source = ?"
    return list(rows(world.database, statement, "compare_all")[0])


def test_equal_values_are_excellent_and_stored(world: World) -> None:
    before, calls = stored(world), world.exchange.calls()
    result = run(world)
    assert (result.returncode, result.stderr) == (0, "")
    head, *_, counts, verdict = result.stdout.splitlines()
    total = 3 * len(world.symbols)
    assert f"  {len(world.symbols)} symbols, {total} values compared with REST" in head
    assert counts.startswith(f"{total} match, 0 mismatch, 0 significant")
    assert verdict == "EXCELLENT"
    assert stored(world) == [before[0] + total, before[1] + 1]
    assert world.exchange.calls() == calls + 1
    usage = "SELECT weight / calls FROM rest_usage WHERE caller = 'compare_all'"
    assert {row[0] for row in rows(world.database, usage)} == {10}


@pytest.mark.parametrize(
    ("drift", "percent", "word", "verdict", "status"),
    [
        (0.005, "-0.497", "mismatch", "GOOD", 0),
        (
            0.02,
            "-1.96",
            "significant",
            "POOR: significant differences that lag does not explain: 1",
            1,
        ),
    ],
)
def test_drift_of_one_symbol_is_the_first_line(
    world: World, drift: float, percent: str, word: str, verdict: str, status: int
) -> None:
    with world.exchange.faults(drift={"ETHUSDT": drift}):
        result = run(world)
    assert result.returncode == status
    lines = result.stdout.splitlines()
    assert lines[2].split(None, 4)[:4] == ["symbol", "field", "stream", "REST"]
    symbol, field, ours, theirs, difference, skew, outcome = lines[3].split(maxsplit=6)
    assert (symbol, field, outcome) == ("ETHUSDT", "mark_price", word)
    assert float(ours) * (1 + drift) == pytest.approx(float(theirs), rel=1e-3)
    assert float(difference.rstrip("%")) == pytest.approx(float(percent), abs=0.1)
    assert abs(int(skew)) <= WAIT_SECONDS * 1_000
    assert lines[-1] == verdict
    assert ("significant: binance: ETHUSDT mark_price" in result.stderr) == (word == "significant")
    events = rows(world.database, "SELECT detail FROM event WHERE source = 'compare_all'")
    assert any("ETHUSDT mark_price" in event[0] for event in events) == (word == "significant")


def test_drift_of_a_rate_is_found(world: World) -> None:
    with world.exchange.faults(rate_drift={"ETHUSDT": 0.0004}):
        result = run(world, "--top", "1")
    assert result.returncode == 1
    assert result.stdout.splitlines()[3].split()[:2] == ["ETHUSDT", "funding_rate"]


def test_symbol_on_one_side_only_is_named(world: World) -> None:
    with world.exchange.faults(rest_missing=["ETHUSDT"], list=["NEWUSDT"], delist=["NEWUSDT"]):
        result = run(world)
    lines = result.stdout.splitlines()
    assert "only in the stream (1): ETHUSDT" in lines
    assert "only in REST (1): NEWUSDT" in lines
    assert (lines[-1], result.returncode) == ("GOOD", 0)


def test_too_many_symbols_on_one_side_only_are_poor(world: World) -> None:
    gone = world.symbols[:3]
    with world.exchange.faults(rest_missing=gone):
        result = run(world)
    assert f"only in the stream (3): {', '.join(gone)}" in result.stdout
    count = len(world.symbols)
    verdict = f"POOR: 3 of {count} symbols are on one side only"
    assert (result.stdout.splitlines()[-1], result.returncode) == (verdict, 1)


def test_quote_from_before_the_call_counts_where_it_is_nearer(world: World) -> None:
    """REST answers late, with what was true when it was asked."""
    with world.exchange.faults(rest_hang=1.3, rest_stale_seconds=1.3):
        assert run(world).returncode == 0
    skews = rows(
        world.database,
        "SELECT skew_ms FROM comparison WHERE source = 'compare_all'"
        " AND compared_at = (SELECT max(compared_at) FROM comparison WHERE source = 'compare_all')",
    )
    assert max(skew for (skew,) in skews) <= 0


def test_table_is_bounded_and_the_worst_come_first(world: World) -> None:
    drifts = {symbol: 0.002 * n for n, symbol in enumerate(world.symbols[:20], 1)}
    with world.exchange.faults(drift=drifts):
        result = run(world, "--top", "5")
    lines = result.stdout.splitlines()
    expected = sorted(drifts, key=lambda symbol: -drifts[symbol])[:5]
    assert [line.split()[0] for line in lines[3:8]] == expected
    assert lines[8] == ""


def test_json_for_programs(world: World) -> None:
    with world.exchange.faults(drift={"ETHUSDT": 0.02}, rest_missing=["BTCUSDT"]):
        result = run(world, "--json", "--top", "2", FUNDING_NEWER="1")
    data = json.loads(result.stdout)
    assert "unknown setting FUNDING_NEWER" in result.stderr
    assert result.returncode == 1
    assert data["verdict"] == "POOR"
    assert data["summary"]["unexplained"] == 1
    assert data["only_in_stream"] == ["BTCUSDT"]
    assert data["worst"][0]["symbol"] == "ETHUSDT"
    assert len(data["worst"]) == 2
    assert abs(data["at"] - SYSTEM.wall()) < 2 * WAIT_SECONDS


def test_no_store_leaves_no_row(world: World) -> None:
    before = stored(world), rows(world.database, "SELECT count(*) FROM event")
    with world.exchange.faults(drift={"ETHUSDT": 0.02}):
        assert run(world, "--no-store").returncode == 1
    assert (stored(world), rows(world.database, "SELECT count(*) FROM event")) == before


def test_every_repeats_until_stopped_and_survives_a_failure(world: World, tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, "--every", "1", "--json"]
    log = tmp_path / "log"
    with running(command, log, settings=world.environment()) as process:

        def said(text: str) -> bool:
            return text in log.read_text("utf-8")

        until(lambda: said('"EXCELLENT"'), "a round")
        with world.exchange.faults(rest_status=500):
            until(lambda: said("cannot compare: status 500"), "a round that fails")
        with world.exchange.faults(drift={"ETHUSDT": 0.02}):
            until(lambda: said('"POOR"'), "a round after it")
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_SECONDS) in (0, 1)
    said_lines = log.read_text("utf-8").splitlines()
    verdicts = [json.loads(line)["verdict"] for line in said_lines if line.startswith("{")]
    assert verdicts[0] == "EXCELLENT"
    assert verdicts[-1] == "POOR"
    assert process.returncode == 1


# What cannot be compared


def one_line(result: CompletedProcess[str]) -> str:
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = [line for line in result.stderr.splitlines() if "WARNING" not in line]
    start = "compare_all: cannot compare: "
    assert line.startswith(start)
    return line.removeprefix(start)


def quote(symbol: str = "BTCUSDT") -> Quote:
    return Quote(symbol, 1.0, 1.0, 0.0001, 1, int(SYSTEM.wall() * 1000))


def test_without_quotes_rest_is_not_called(world: World, tmp_path: Path) -> None:
    calls = world.exchange.calls()
    path = tmp_path / "own.db"
    assert one_line(run(world, FUNDING_DB=path)) == f"{path}: is not there yet"
    assert not path.exists()
    write(path, SYSTEM)
    text = f"{path}: holds no quote of binance: is its ingest running?"
    assert one_line(run(world, FUNDING_DB=path)) == text
    other = tmp_path / "text"
    other.write_text("no database\n" * 100)
    assert "not readable as a database" in one_line(run(world, FUNDING_DB=other))
    assert world.exchange.calls() == calls


def test_rest_is_not_compared_with_itself(world: World, tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    write(path, SYSTEM, [quote()])
    with closing(apsw.Connection(str(path))) as plain:
        plain.execute("UPDATE quote SET source = 'rest'")
    text = f"{path}: every fresh quote is REST's own, which stands in for the stream"
    assert one_line(run(world, FUNDING_DB=path)) == text


def test_quotes_of_yesterday_are_not_compared(world: World, tmp_path: Path) -> None:
    path, yesterday = (
        tmp_path / "own.db",
        ManualClock(SYSTEM.wall() - 86_400, SYSTEM.uptime(), "before"),
    )
    write(path, yesterday.clock(), [quote()])
    text = f"{path}: every quote is older than 60 s: is ingest running?"
    assert one_line(run(world, FUNDING_DB=path)) == text
    assert rows(path, "SELECT count(*) FROM comparison") == [(0,)]


@pytest.mark.parametrize(
    ("fault", "text"),
    [({"rest_status": 500}, "status 500"), ({"rest_drop": True}, "ProtocolError")],
)
def test_without_rest_nothing_is_compared(world: World, fault: dict[str, Any], text: str) -> None:
    before = stored(world)
    with world.exchange.faults(**fault):
        assert one_line(run(world)).startswith(text)
    assert stored(world) == before


def test_ban_is_reported_with_its_end(world: World, tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    write(path, SYSTEM, [quote()])
    with world.exchange.faults(rest_status=418, rest_retry_after=90):
        assert "418" in one_line(run(world, FUNDING_DB=path))
    calls = world.exchange.calls()
    assert "not asked for" in one_line(run(world, FUNDING_DB=path))
    assert world.exchange.calls() == calls


@pytest.mark.parametrize(
    "arguments",
    [["--every", "nan"], ["--every", "0.5"], ["--top", "x"], ["--top", "10001"]],
)
def test_wrong_use_is_refused(world: World, arguments: list[str]) -> None:
    result = run(world, *arguments)
    assert result.returncode == 2
    assert arguments[-1] in result.stderr
    assert "Traceback" not in result.stderr


def test_help_from_anywhere(tmp_path: Path) -> None:
    result = finished([sys.executable, ROOT / SCRIPT, "--help"], cwd=tmp_path)
    assert result.returncode == 0
    for word in ("--every", "--json", "--top", "--no-store", "0 EXCELLENT or GOOD", "FUNDING_DB"):
        assert word in result.stdout
    assert os.access(ROOT / SCRIPT, os.X_OK)
