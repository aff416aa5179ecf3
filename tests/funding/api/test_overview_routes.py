"""The route of the page's top."""

from typing import Any

from tests.support.api_world import World, plain
from tests.support.wsgi import ask


def overview(app: Any) -> Any:
    answer = ask(app, "/funding/overview")
    assert answer.status == 200
    plain(answer)
    return answer.json


def test_how_it_stands_before_there_is_any_past(world: World) -> None:
    found = overview(world.app())
    assert (found["status"], found["reasons"]) == ("healthy", [])
    assert found["at"] == world.wall
    assert (found["availability"], found["unhealthySince"]) == (None, None)
    assert found["programs"] == found["restSaved"] == found["validations"] == []
    first, second = found["exchanges"]
    assert first == {
        "exchange": "binance",
        "status": "healthy",
        "reasons": [],
        "connected": True,
        "tradingSymbols": 4,
        "freshSymbols": 4,
        "staleSymbols": 0,
        "newestDataAgeSeconds": 0.0,
        "uptimeSeconds": 0.0,
        "knownMinutes": 0,
        "availablePct": None,
    }
    assert (second["exchange"], second["status"]) == ("kucoin", "unhealthy")


def test_the_last_day(world: World) -> None:
    minute = int(world.wall // 60 * 60)
    for age in (60, 120, 240):
        world.execute(
            f"INSERT INTO bar VALUES ('binance', 'BTCUSDT', 60, {minute - age},"
            " 1, 1, 1, 1, 1, 1, 60)"
        )
    world.execute(
        "INSERT INTO event (at, source, kind, detail, program, duration_seconds, rule) VALUES"
        f" ({world.wall - 1000}, 'x', 'start', '', 'x', NULL, NULL),"
        f" ({world.wall - 500}, 'watchdog', 'unhealthy', '', NULL, 10, 'data'),"
        f" ({world.wall - 90}, 'watchdog', 'restart', 'why', 'x', NULL, 'silent'),"
        f" ({world.wall - 80}, 'x', 'start', '', 'x', NULL, NULL)",
        f"INSERT INTO consumer VALUES ('watchdog', {int(world.wall)}, {world.wall})",
        "INSERT INTO validation (at, verdict, since, until, report)"
        f" VALUES ({world.wall - 100}, 'GO', 0, {world.wall}, '{{}}')",
    )
    found = overview(world.app())
    first = found["exchanges"][0]
    assert (first["knownMinutes"], first["availablePct"]) == (4, 75.0)
    assert found["availability"] == {
        "since": round(world.wall - 1000, 1),
        "until": round(world.wall, 1),
        "observedSeconds": 1000.0,
        "dataAvailablePct": 99.0,
        "apiAvailablePct": 100.0,
    }
    end = {"at": world.wall - 90, "kind": "restart", "rule": "silent", "detail": "why"}
    assert found["programs"] == [{"program": "x", "startedAt": world.wall - 80, "lastEnd": end}]
    (verdict,) = found["validations"]
    assert (verdict["verdict"], verdict["ageSeconds"]) == ("GO", 100.0)
    assert (verdict["standing"], verdict["failing"]) == ("go", "")
    assert verdict["lapsesAt"] == world.wall - 100 + 7 * 86_400


def test_the_present_is_never_old_and_the_past_at_most_ten_seconds(world: World) -> None:
    app = world.app()
    overview(app)
    world.execute(
        "INSERT INTO validation (at, verdict, since, until, report)"
        f" VALUES ({world.wall}, 'NO-GO', 0, {world.wall}, '{{}}')"
    )
    world.later(9)
    assert overview(app)["exchanges"][0]["newestDataAgeSeconds"] == 9.0
    assert overview(app)["validations"] == []
    world.later(2)
    found = overview(app)
    assert found["validations"][0]["standing"] == "no-go"
    assert found["status"] == "unhealthy"
    assert "ingest has not written" in found["reasons"][0]


def test_without_a_database(bare: World) -> None:
    answer = ask(bare.app(), "/funding/overview")
    assert (answer.status, answer.json["error"]) == (503, "not ready")


def test_a_minute_that_may_not_be_written_yet_does_not_count(world: World) -> None:
    minute = int(world.wall // 60 * 60)
    world.execute(
        f"INSERT INTO bar VALUES ('binance', 'BTCUSDT', 60, {minute - 60}, 1, 1, 1, 1, 1, 1, 60)"
    )
    world.later(59 - (world.wall - minute))
    assert overview(world.app())["exchanges"][0]["knownMinutes"] == 1
    world.later(30)
    assert overview(world.app())["exchanges"][0]["knownMinutes"] == 1
    world.later(2)
    assert overview(world.app())["exchanges"][0]["knownMinutes"] == 2
