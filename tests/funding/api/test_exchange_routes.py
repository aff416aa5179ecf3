"""The routes of whole exchanges, without a server."""

from contextlib import closing

import apsw
import pytest

from funding.api.exchange_routes import state_of
from funding.exchanges.table import EXCHANGES
from funding.health.verdict import Limits, judge
from funding.store.reader import Reader
from tests.support.api_world import (
    BTC,
    CHINESE,
    ETH,
    HEALTH,
    World,
    again,
    plain,
    refused,
    unhealthy,
)
from tests.support.wsgi import ask

# Health


@pytest.mark.parametrize("path", ["/funding/health", "/health"])
def test_healthy(world: World, path: str) -> None:
    world.later(10)
    world.frame(again(BTC, 10))
    world.later(0.4)
    answer = ask(world.app(), path)
    assert answer.status == 200
    plain(answer)
    assert list(answer.json) == HEALTH
    assert answer.json == {
        "status": "healthy",
        "websocketConnected": True,
        "symbolCount": 4,
        "staleSymbols": 0,
        "uptimeSeconds": 10.0,
        "lastConnectedTime": 1764725610.163,
        "messagesReceived": 2,
        "reconnectAttempts": 0,
        "oldestDataAgeSeconds": 10.4,
        "newestDataAgeSeconds": 0.4,
        "reasons": [],
    }


def test_warnings_are_told_where_there_are_some(world: World) -> None:
    """A GO about to lapse, and alerts that nobody takes: the data is healthy all the same."""
    now = world.wall
    with closing(apsw.Connection(str(world.path))) as other:
        other.execute(
            "INSERT INTO validation (at, verdict, since, until, report)"
            " VALUES (?1, 'GO', 0, ?1, '{}')",
            (now - 5.5 * 86_400,),
        )
        other.execute(
            "INSERT INTO outbox (consumer, created_at, target, path, idempotency_key, body, due_at)"
            " VALUES ('alerts', ?1, 'webhook', '', 'k', '{}', ?1)",
            (now - 60,),
        )
    answer = ask(world.app(), "/funding/health")
    assert (answer.status, answer.json["status"]) == (200, "healthy")
    lapse, waiting = answer.json["warnings"]
    assert lapse.startswith("the GO of binance lapses in 1.5 days: ")
    assert waiting.startswith("alerts cannot be sent to webhook since ")


def test_one_dead_symbol_of_many_is_counted_and_not_fatal(world: World) -> None:
    world.later(200)
    world.frame(again(BTC, 200), again(ETH, 200), again(CHINESE, 200))
    answer = ask(world.app(), "/funding/health")
    assert answer.status == 200
    assert (answer.json["symbolCount"], answer.json["staleSymbols"]) == (4, 1)
    assert answer.json["oldestDataAgeSeconds"] == 200.0


def test_too_few_fresh_symbols(world: World) -> None:
    world.later(200)
    world.frame(again(BTC, 200), again(ETH, 200))
    unhealthy(world, "2 fresh symbols, at least 3")


def test_no_connection(world: World) -> None:
    world.feed.connected, world.feed.last_error = 0, "the server said 503"
    world.beat()
    body = unhealthy(world, "the server said 503")
    assert body["websocketConnected"] is False


def test_old_quotes_over_a_live_connection(world: World) -> None:
    world.later(200)
    world.beat()
    body = unhealthy(world, "0 fresh symbols", "newest quote is 200 s old")
    assert body["websocketConnected"] is True
    assert body["staleSymbols"] == 4


def test_a_dead_ingest_shows_before_its_quotes_are_stale(world: World) -> None:
    world.later(30)
    body = unhealthy(world, "ingest has not written for 30 s")
    assert body["websocketConnected"] is False
    assert body["staleSymbols"] == 0


def test_before_the_first_symbol(bare: World) -> None:
    bare.begin()
    bare.connect()
    body = unhealthy(bare, "0 fresh symbols")
    assert body["symbolCount"] == 0
    assert body["newestDataAgeSeconds"] is None


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_step_does_not_hide_a_dead_feed(world: World, step: int) -> None:
    world.later(200)
    world.wall += step
    body = unhealthy(world, "ingest has not written for 200 s", "0 fresh", "200 s old")
    assert body["newestDataAgeSeconds"] == 200.0
    answer = ask(world.app(), "/funding/BTCUSDT")
    assert refused(answer, 503, "stale")["ageSeconds"] == 200.0
    assert all(row["stale"] for row in ask(world.app(), "/funding").json["data"])


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_step_does_not_age_a_live_feed(world: World, step: int) -> None:
    world.wall += step
    world.later(1)
    assert ask(world.app(), "/funding/health").status == 200
    assert ask(world.app(), "/funding/BTCUSDT").json["ageSeconds"] == 1.0


def standing_in(world: World, symbols: str = "('BTCUSDT', 'ETHUSDT', '币安人生USDT')") -> None:
    """REST has filled in `symbols`."""
    world.execute(
        f"UPDATE feed SET standby_since = {world.wall}",
        f"UPDATE quote SET source = 'rest', received_uptime = {world.uptime}"
        f" WHERE symbol IN {symbols}",
    )


def test_degraded_while_rest_stands_in(world: World) -> None:
    world.later(600)
    world.feed.connected, world.feed.last_error = 0, "refused"
    world.beat()
    standing_in(world)
    world.later(10)
    world.beat()
    answer = ask(world.app(), "/funding/health")
    plain(answer)
    assert (answer.status, answer.json["status"]) == (200, "degraded")
    assert list(answer.json) == HEALTH
    assert answer.json["websocketConnected"] is False
    stream, standby = answer.json["reasons"]
    assert stream == "not connected to test.invalid, no quote for 10 s: refused"
    assert standby == (
        "REST stands in for the stream since 2025-12-03T01:43:30Z: 3 quotes are from there"
    )


def test_rest_that_has_stopped_too_is_unhealthy(world: World) -> None:
    standing_in(world)
    world.later(200)
    world.beat()
    unhealthy(world, "0 fresh symbols", "newest quote is 200 s old")


def test_a_standby_that_nobody_ended_does_not_outlast_the_stream(world: World) -> None:
    standing_in(world)
    world.later(1)
    world.frame(again(BTC, 1), again(ETH, 1), again(CHINESE, 1))
    assert ask(world.app(), "/funding/health").json["status"] == "healthy"


def test_health_of_another_exchange(world: World) -> None:
    app = world.app()
    assert ask(app, "/health?exchange=kucoin").status == 503
    world.copy_to_kucoin()
    assert ask(app, "/health?exchange=kucoin").json["symbolCount"] == 1
    assert ask(app, "/health?exchange=binance").json["symbolCount"] == 4


def test_every_exchange(world: World) -> None:
    world.execute(
        "INSERT INTO contract (exchange, symbol, status, base_asset, quote_asset, multiplier,"
        " funding_interval_hours, interval_source, checked_at) VALUES"
        " ('binance', 'BTCUSDT', 'TRADING', 'BTC', 'USDT', 1, 4, 'exchange', 1),"
        " ('binance', 'ETHUSDT', 'TRADING', 'ETH', 'USDT', 1, NULL, NULL, 1),"
        " ('binance', 'BTCUSDT_261225', 'SETTLING', 'BTC', 'USDT', 1, NULL, NULL, 1)"
    )
    world.later(2)
    world.feed.not_followed = '{"xyz": "timed out"}'
    world.beat()
    answer = ask(world.app(), "/exchanges")
    plain(answer)
    assert list(answer.json) == ["data", "total"]
    binance, kucoin = answer.json["data"]
    assert binance == {
        "exchange": "binance",
        "status": "unhealthy",
        "connected": True,
        "address": "test.invalid",
        "lastConnectedTime": 1764725610.163,
        "lagSeconds": 0.0,
        "eventTimeIs": "exchange",
        "standbySince": None,
        "symbols": {"TRADING": 2, "SETTLING": 1, "UNKNOWN": 1},
        "freshSymbols": 2,
        "staleSymbols": 0,
        "newestDataAgeSeconds": 2.0,
        "oldestDataAgeSeconds": 2.0,
        "fundingIntervals": {"4": 1, "unknown": 1},
        "notFollowed": {"xyz": "timed out"},
        "reasons": ["2 fresh symbols, at least 3 are expected"],
    }
    assert list(kucoin) == list(binance)
    assert (kucoin["exchange"], kucoin["status"], kucoin["symbols"]) == ("kucoin", "unhealthy", {})
    assert kucoin["reasons"][0] == "no quotes are stored yet: is ingest running?"


def test_every_exchange_before_there_is_a_database(bare: World) -> None:
    found = ask(bare.app(), "/exchanges")
    assert (found.status, found.json["total"]) == (200, 2)


def test_unhealthy_since_is_what_a_watchdog_has_seen_of_late(world: World) -> None:
    period = "INSERT INTO event (at, source, kind, detail, rule) VALUES ({}, 'watchdog',"
    begun = world.wall - 70.0
    world.execute(period.format(begun) + " 'unhealthy', '', 'data')")
    world.feed.connected = 0
    world.beat()
    assert unhealthy(world, "not connected")["unhealthySince"] is None, "nobody has looked"
    world.execute(f"INSERT INTO consumer VALUES ('watchdog', 0, {world.wall})")
    assert unhealthy(world, "not connected")["unhealthySince"] == begun
    world.later(119.0)
    world.beat()
    assert unhealthy(world, "not connected")["unhealthySince"] == begun
    world.later(2.0)
    world.beat()
    assert unhealthy(world, "not connected")["unhealthySince"] is None


def test_unhealthy_since_the_lock_began(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of before may be over: its end cannot be stored."""
    world.execute(
        f"INSERT INTO consumer VALUES ('watchdog', 0, {world.wall})",
        "INSERT INTO event (at, source, kind, detail, rule)"
        f" VALUES ({world.wall - 100.0}, 'watchdog', 'unhealthy', '', 'data')",
    )
    monkeypatch.setattr(Reader, "locked_by", lambda _reader, _pid: "process 5 (sqlite3)")
    wall = world.wall
    world.later(30.0)
    body = unhealthy(world, "locked by process 5 (sqlite3): ingest has waited for 30 s")
    assert body["unhealthySince"] == pytest.approx(wall + 10.0)


# Alive, and ready


def test_alive_says_nothing_of_the_data(bare: World) -> None:
    answer = ask(bare.app(), "/healthz")
    assert (answer.status, answer.json) == (200, {"status": "alive"})


def test_ready_while_the_data_is_fresh(world: World) -> None:
    app = world.app()
    answer = ask(app, "/readyz")
    assert (answer.status, answer.json) == (200, {"status": "ready"})
    plain(answer)
    world.later(60)
    found = refused(ask(app, "/readyz"), 503, "not ready")
    assert "ingest has not written" in found["reasons"][0]
    refused(ask(app, "/readyz?exchange=kucoin"), 503, "not ready")


def test_not_ready_without_a_database(bare: World) -> None:
    refused(ask(bare.app(), "/readyz"), 503, "not ready")


def test_exchange_whose_messages_have_no_time_says_so() -> None:
    verdict_on = judge(None, [], Limits(180.0, 1), None)
    found = {name: state_of(name, None, [], verdict_on).event_time_is for name in EXCHANGES}
    assert {name for name, what in found.items() if what == "receipt"} == {"hyperliquid"}
