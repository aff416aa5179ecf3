"""When the client may leave REST: the stored verdict, the settings, and force."""

import logging
from pathlib import Path

import pytest

from funding.client import FundingClient
from funding.client.mode import Decision
from funding.errors import SettingError
from funding.model.mode import Mode
from funding.model.verdict import GO_SECONDS
from funding.runtime.clock import SYSTEM
from tests.support.api_and_ingest import World
from tests.support.clients import (
    Clients,
    validated,
)
from tests.support.clock import ManualClock

NO_GO = "mode websocket needs a GO verdict less than 7 days old, and "


# When REST may be left


@pytest.mark.parametrize(
    ("stored", "mode", "why"),
    [
        ([], "parallel", "the store has none"),
        ([("GO", 0.0)], "websocket", ""),
        ([("GO", 6.99)], "websocket", ""),
        ([("GO", 7.01)], "parallel", "the last one is 7.0 days old"),
        ([("GO", 3.0), ("NO-GO", 1.0)], "parallel", "the last one is NO-GO"),
        ([("NO-GO", 3.0), ("GO", 1.0)], "websocket", ""),
    ],
)
@pytest.mark.parametrize("asked", ["websocket", "websocket-only"])
def test_the_stored_verdict_decides_and_is_logged(
    world: World,
    make: Clients,
    database: Path,
    caplog: pytest.LogCaptureFixture,
    asked: str,
    stored: list[tuple[str, float]],
    mode: str,
    why: str,
) -> None:
    for verdict, days in stored:
        validated(database, verdict, days)
    client, calls = make(asked), world.exchange.calls()
    assert client.get("BTCUSDT") is not None
    assert client.get("BTCUSDT") is not None
    parallel = mode == "parallel"
    assert client.decision.mode == ("parallel" if parallel else asked)
    assert world.exchange.calls() == calls + 2 * parallel
    assert len(make.compared()) == 6 * parallel
    told = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    need = f"mode {asked} needs a GO verdict less than 7 days old, and {why}"
    assert told == ([f"{need}: running as parallel"] if parallel else [])


def test_a_store_that_cannot_be_read_gives_no_go(make: Clients, tmp_path: Path) -> None:
    decision = make("websocket", FUNDING_DB=tmp_path / "none.db").decision
    assert decision.mode == "parallel"
    assert "it cannot be read" in decision.why
    assert "is not there yet" in decision.why


def test_force_leaves_rest_and_is_logged(
    world: World, make: Clients, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    validated(database, "NO-GO", days_ago=0)
    client, calls = make("websocket-only", FUNDING_FORCE_MODE=1), world.exchange.calls()
    assert client.get("BTCUSDT") is not None
    assert client.get("NOPE") is None
    assert client.decision.mode == "websocket-only"
    assert world.exchange.calls() == calls
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("FUNDING_FORCE_MODE=1: mode websocket-only")


def test_force_changes_nothing_where_no_verdict_is_needed(
    make: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    assert make("parallel", FUNDING_FORCE_MODE=1).decision == Decision(Mode.PARALLEL, "")
    assert caplog.records == []


def test_a_verdict_that_comes_or_grows_old_is_noticed(
    make: Clients, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = ManualClock(wall=SYSTEM.wall())
    client = make("websocket", hand.clock())
    assert client.decision.mode == "parallel"
    validated(database, "GO", 0, now=hand.wall)
    hand.advance(59)
    assert client.decision.mode == "parallel", "not read again for each call"
    hand.advance(1)
    assert client.decision == Decision(Mode.WEBSOCKET, "")
    hand.advance(GO_SECONDS)
    assert client.decision.mode == "parallel"
    told = [r.getMessage() for r in caplog.records]
    assert told == [
        f"{NO_GO}the store has none: running as parallel",
        "running as websocket, as asked",
        f"{NO_GO}the last one is 7.0 days old: running as parallel",
    ]


def test_the_mode_is_the_setting_unless_given(world: World, make: Clients) -> None:
    assert make().decision.mode == "parallel"
    assert make(FUNDING_MODE="rest").decision.mode == "rest"
    assert make("parallel", FUNDING_MODE="rest").decision.mode == "parallel"


def test_the_environment_is_read_when_no_settings_are_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FUNDING_MODE", "rest")
    assert FundingClient().decision.mode == "rest"
    monkeypatch.setenv("FUNDING_MODE", "rset")
    with pytest.raises(SettingError, match="FUNDING_MODE='rset'"):
        FundingClient()


def test_an_unknown_mode_and_a_reserved_caller_are_refused(make: Clients, world: World) -> None:
    with pytest.raises(SettingError, match="one of rest, parallel, websocket, websocket-only"):
        make("ws")
    with pytest.raises(ValueError, match="marks planted comparisons"):
        FundingClient(caller="control", settings=world.settings())
