"""Hyperliquid's messages: contexts, acknowledgements, errors, damage."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.errors import FrameError, RestUnreachable
from funding.exchanges.exchange import Options, Request
from funding.exchanges.hyperliquid import stream
from funding.model.quote import Quote
from tests.support.conversations import asked
from tests.support.decoding import RUBBISH, damaged, decoded

OPTIONS = Options("wss://stream.test/ws", "https://rest.test")
RECEIVED = 1_790_230_000_000
NEXT_HOUR = 1_790_233_200_000
CONTEXT = {"funding": "0.0000125", "oraclePx": "79922.0", "markPx": "79890.0", "midPx": None}
decode = stream.HyperliquidStream(OPTIONS).decode


def message(coin: str = "BTC", **changes: Any) -> bytes:
    data = {"coin": coin, "ctx": {**CONTEXT, **changes}}
    return json.dumps({"channel": "activeAssetCtx", "data": data}).encode()


def lines(folder: Path, name: str) -> list[bytes]:
    return (folder / "hyperliquid" / name).read_bytes().splitlines()


def test_context_is_a_quote_at_the_time_of_receipt() -> None:
    frame = decode(message(), RECEIVED)
    assert frame.quotes == [Quote("BTC", 79_890.0, 79_922.0, 0.0000125, NEXT_HOUR, RECEIVED)]
    assert (frame.event_time, frame.symbol_class) == (RECEIVED, 0)


def test_funding_is_due_at_the_next_full_hour() -> None:
    (quote,) = decode(message(), NEXT_HOUR).quotes
    assert quote.next_funding_time == NEXT_HOUR + 3_600_000


@pytest.mark.parametrize("coin", ["kPEPE", "xyz:NVDA", "币"])
def test_names_keep_their_case(coin: str) -> None:
    assert [each.symbol for each in decode(message(coin), RECEIVED).quotes] == [coin]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"markPx": None}, "mark price"),
        ({"markPx": "0"}, "mark price"),
        ({"markPx": "nan"}, "mark price"),
        ({"oraclePx": "-1"}, "index price"),
        ({"funding": "1.5"}, "funding rate"),
        ({"funding": "x"}, "funding rate"),
        ({"markPx": 79890.0}, "form"),
    ],
)
def test_bad_value_costs_its_message(changes: dict[str, Any], reason: str) -> None:
    frame = decode(message(**changes), RECEIVED)
    assert (frame.quotes, dict(frame.rejected)) == ([], {reason: 1})
    assert frame.samples[reason].startswith(reason)


def test_missing_rate_and_index_are_no_error() -> None:
    (quote,) = decode(message(funding=None, oraclePx=None), RECEIVED).quotes
    assert (quote.funding_rate, quote.index_price) == (None, 0.0)


@pytest.mark.parametrize("coin", ["", "a b", "a,b", "a/b", "x" * 41, "a\u202eb"])
def test_name_that_is_no_symbol_is_refused(coin: str) -> None:
    assert dict(decode(message(coin), RECEIVED).rejected) == {"symbol": 1}


def test_acknowledgement_names_its_coin() -> None:
    subscription = {"type": "activeAssetCtx", "coin": "kPEPE"}
    data = {"method": "subscribe", "subscription": subscription}
    answer = {"channel": "subscriptionResponse", "data": data}
    frame = decode(json.dumps(answer).encode(), RECEIVED)
    assert (frame.acknowledged, frame.ignored.total()) == (("kPEPE",), 1)
    other = {**answer, "data": {**data, "method": "unsubscribe"}}
    assert decode(json.dumps(other).encode(), RECEIVED).acknowledged == ()
    assert decode(b'{"channel":"subscriptionResponse","data":7}', RECEIVED).acknowledged == ()


def test_recorded_errors_are_what_the_exchange_says(recorded: Path) -> None:
    frames = [decode(line, RECEIVED) for line in lines(recorded, "ws_error_frames.ndjson")]
    assert len(frames) == 4
    assert frames[3].notice == "the exchange says: Cannot subscribe to more than 1000 channels."
    assert all(frame.ignored["error"] == 1 and not frame.quotes for frame in frames)


def test_error_of_another_form_is_told_all_the_same() -> None:
    assert "{}" in decode(b'{"channel":"error","data":{}}', RECEIVED).notice


def test_recorded_contexts(recorded: Path) -> None:
    frames = [decode(line, RECEIVED) for line in lines(recorded, "activeAssetCtx_frames.ndjson")]
    assert [frame.quotes[0].mark_price for frame in frames] == [64_405.0, 63_673.0, 79_890.0]


def test_recorded_contexts_without_names_are_ignored(recorded: Path) -> None:
    payload = (recorded / "hyperliquid" / "ws_allDexsAssetCtxs.json").read_bytes()
    frame = decode(payload, RECEIVED)
    assert (frame.quotes, dict(frame.ignored)) == ([], {"event allDexsAssetCtxs": 1})


def test_pong_and_greeting_are_ignored() -> None:
    assert dict(decode(b'{"channel":"pong"}', RECEIVED).ignored) == {"event pong": 1}
    assert dict(decode(stream.GREETING, RECEIVED).ignored) == {"greeting": 1}
    with pytest.raises(FrameError):
        decode(b"Websocket connection lost.", RECEIVED)


def test_damaged_message_never_raises_anything_else() -> None:
    frames = decoded(decode, damaged(message()), RECEIVED)
    assert any(frame.quotes for frame in frames)
    assert any(frame.rejected for frame in frames)


@pytest.mark.parametrize("payload", RUBBISH, ids=lambda payload: repr(payload[:20]))
def test_rubbish_gives_no_quote(payload: bytes) -> None:
    assert not any(frame.quotes for frame in decoded(decode, [payload], RECEIVED))


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    decoded(decode, [payload, b'{"channel":"activeAssetCtx","data":' + payload], RECEIVED)


def meta(*names: str, delisted: tuple[str, ...] = ()) -> dict[str, Any]:
    coins: list[dict[str, Any]] = [{"name": name, "szDecimals": 1} for name in names]
    return {"universe": coins + [{"name": name, "isDelisted": True} for name in delisted]}


def exchange_of(**markets: Any) -> Any:
    """Answers as the exchange with these markets does; an error is raised."""

    def answer(request: Request) -> Any:
        assert request.body is not None
        asking = json.loads(request.body)
        if asking["type"] == "perpDexs":
            return [None, *({"name": name} for name in markets if name != "main")]
        found = markets[asking.get("dex", "main")]
        if isinstance(found, Exception):
            raise found
        return found

    return answer


def plan(answer: Any, *wanted: str) -> Any:
    return asked(stream.HyperliquidStream(OPTIONS._replace(markets=wanted)).plan(0.0), answer)


def test_living_coins_of_the_main_market_share_a_connection() -> None:
    found, requests = plan(exchange_of(main=meta("BTC", "kPEPE", delisted=("MATIC",))))
    assert (found.connections, found.missing) == ([["BTC", "kPEPE"]], {})
    assert [request.weight for request in requests] == [20]


def test_names_that_differ_in_case_alone_are_one_symbol() -> None:
    found, _ = plan(exchange_of(main=meta("kPEPE", "KPEPE", "BTC")))
    assert found.connections == [["kPEPE", "BTC"]]


def test_each_builder_market_has_a_connection_of_its_own() -> None:
    markets = exchange_of(main=meta("BTC"), xyz=meta("xyz:NVDA"), flx=meta("flx:GOLD"))
    found, _ = plan(markets, "*")
    assert found.connections == [["BTC"], ["xyz:NVDA"], ["flx:GOLD"]]
    found, _ = plan(markets, "flx")
    assert found.connections == [["BTC"], ["flx:GOLD"]]


def test_more_builder_markets_than_connections_share_some() -> None:
    markets = {f"d{n}": meta(f"d{n}:X") for n in range(9)}
    found, _ = plan(exchange_of(main=meta("BTC"), **markets), "*")
    assert len(found.connections) == 8
    assert found.connections[1] == ["d0:X", "d7:X"]


def test_builder_market_that_fails_or_vanished_costs_itself_alone() -> None:
    answer = exchange_of(main=meta("BTC"), xyz=RestUnreachable("timed out"), flx=meta("flx:GOLD"))
    found, _ = plan(answer, "xyz", "flx", "gone")
    assert found.connections == [["BTC"], ["flx:GOLD"]]
    assert found.missing == {"gone": "not a market of the exchange", "xyz": "timed out"}


def test_main_market_that_fails_is_an_error() -> None:
    with pytest.raises(RestUnreachable):
        plan(exchange_of(main=RestUnreachable("timed out"), xyz=meta("xyz:NVDA")), "*")


def test_no_more_is_subscribed_than_the_exchange_allows() -> None:
    """While a connection is replaced its topics are subscribed to twice."""
    coins = [f"A{n}" for n in range(450)]
    large = meta(*(f"xyz:{n}" for n in range(101)))
    found, _ = plan(exchange_of(main=meta(*coins), xyz=large, flx=meta("flx:GOLD")), "*")
    assert found.connections == [coins, ["flx:GOLD"]]
    assert found.missing == {"xyz": "more than 1000 subscriptions"}


def test_each_coin_is_subscribed_to_in_a_message_of_its_own() -> None:
    opening, _ = asked(stream.HyperliquidStream(OPTIONS).open(["BTC", "xyz:NVDA"]), lambda _: b"")
    assert [json.loads(each.message) for each in opening.subscriptions] == [
        {"method": "subscribe", "subscription": {"type": "activeAssetCtx", "coin": coin}}
        for coin in ("BTC", "xyz:NVDA")
    ]
    assert [each.topics for each in opening.subscriptions] == [("BTC",), ("xyz:NVDA",)]
    assert opening.keep_alive is not None
    assert opening.keep_alive.message(1) == b'{"method":"ping"}'
    assert opening.keep_alive.every < 60 / 1.5
    assert 60 / opening.message_seconds < 2_000
