"""The service and REST as one thread asks them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_and_ingest import World
from tests.support.clients import Clients, api_row, rest_body
from tests.support.clock import rows
from tests.support.http_script import reply, scripted, sends


def test_an_answer_for_another_symbol_is_none(
    world: World, make: Clients, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with scripted(sends(reply(200, rest_body(world, "ETHUSDT")))) as server:
        assert make("rest", FUNDING_REST_URL=server.url).get("BTCUSDT") is None
    assert "REST: premiumIndex of BTCUSDT: the reply is of ETHUSDT" in caplog.text


@pytest.mark.parametrize("mode", ["websocket-only", "parallel", "websocket"])
def test_crossed_answers_are_neither_returned_nor_stored_as_pairs(
    world: World, make: Clients, database: Path, mode: str
) -> None:
    crossed = sends(reply(200, json.dumps(api_row("ETHUSDT")).encode()))
    rest = sends(reply(200, rest_body(world, "XRPUSDT")))
    with scripted(crossed) as server, scripted(rest) as exchange:
        client = make(
            mode, FUNDING_API_PORT=server.port, FUNDING_REST_URL=exchange.url, FUNDING_FORCE_MODE=1
        )
        for _ in range(3):
            assert client.get("BTCUSDT") is None
    assert make.compared() == []
    events = rows(database, "SELECT source, detail FROM event WHERE kind = 'wrong-symbol'")
    found = {("test", "the service: asked for BTCUSDT, it answers ETHUSDT")}
    if mode != "websocket-only":
        found.add(("test", "premiumIndex of BTCUSDT: the reply is of XRPUSDT"))
    assert set(events) == found
    assert len(events) == len(found), "once a minute for each"


@pytest.mark.parametrize(
    ("code", "warnings"), [(-1121, 0), (-1105, 0), (-1100, 0), (-1102, 1), (None, 1)]
)
def test_a_symbol_that_rest_does_not_know_is_no_failure(
    make: Clients, database: Path, caplog: pytest.LogCaptureFixture, code: int | None, warnings: int
) -> None:
    refusal = reply(400, json.dumps({"code": code, "msg": "No."}).encode())
    with scripted(sends(reply(404, b"{}"))) as server, scripted(sends(refusal)) as exchange:
        ports: dict[str, Any] = {"FUNDING_API_PORT": server.port, "FUNDING_REST_URL": exchange.url}
        for mode in ("rest", "parallel"):
            caplog.clear()
            assert make(mode, **ports).get("é") is None
            assert len(caplog.records) == warnings
    assert make.compared() == []
