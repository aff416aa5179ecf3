"""Backpack's messages: microseconds, absent fields, errors, damage."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.errors import FrameError
from funding.exchanges.backpack.stream import BackpackStream
from funding.exchanges.exchange import Options
from funding.model.quote import Quote
from tests.support.conversations import asked
from tests.support.decoding import RUBBISH, damaged, decoded

OPTIONS = Options("wss://stream.test", "https://rest.test")
ROW = {
    "E": 1790134357847601,
    "T": 1790134357846930,
    "e": "markPrice",
    "f": "0.00000625",
    "i": "340.52",
    "n": 1790136000000,
    "p": "340.43",
    "s": "AAPL.US_USDC_PERP",
}
AAPL = Quote(
    *("AAPL.US_USDC_PERP", 340.43, 340.52, 0.00000625), 1_790_136_000_000, 1_790_134_357_847
)
decode = BackpackStream(OPTIONS).decode


def message(*without: str, **changes: Any) -> bytes:
    row = {name: value for name, value in {**ROW, **changes}.items() if name not in without}
    return json.dumps({"data": row, "stream": "markPrice.AAPL.US_USDC_PERP"}).encode()


def test_captured_message() -> None:
    frame = decode(message(), 0)
    assert frame.quotes == [AAPL]
    assert (frame.event_time, frame.symbol_class) == (AAPL.event_time, 0)


@pytest.mark.parametrize("due", [1790136000000, 1790136000000000, 1790136000000000000])
def test_next_funding_time_is_read_by_its_magnitude(due: int) -> None:
    assert decode(message(n=due), 0).quotes == [AAPL]


def test_fields_may_be_absent() -> None:
    (quote,) = decode(message("f", "i", "n"), 0).quotes
    assert (quote.funding_rate, quote.index_price, quote.next_funding_time) == (None, 0.0, None)
    assert decode(message(n=0), 0).quotes[0].next_funding_time is None
    assert dict(decode(message("p"), 0).rejected) == {"form": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"s": "BTC_USDC_PERP"}, "symbol"),
        ({"s": "aapl.US_USDC_PERP"}, "symbol"),
        ({"p": "0"}, "mark price"),
        ({"f": "7"}, "funding rate"),
        ({"E": 1}, "event time"),
        ({"n": 28_800_000}, "next funding time"),
        ({"p": 340.43}, "form"),
    ],
)
def test_bad_value_costs_its_message(changes: dict[str, Any], reason: str) -> None:
    frame = decode(message(**changes), 0)
    assert (frame.quotes, dict(frame.rejected)) == ([], {reason: 1})


def test_error_is_what_the_exchange_says() -> None:
    frame = decode(b'{"id":null,"error":{"code":4006,"message":"Invalid stream"}}', 0)
    assert "Invalid stream" in frame.notice
    assert frame.ignored["error"] == 1


def test_other_streams_are_ignored() -> None:
    assert dict(decode(b'{"stream":"depth.X","data":{}}', 0).ignored) == {"stream depth.X": 1}
    assert dict(decode(b"{}", 0).ignored) == {"stream without name": 1}
    with pytest.raises(FrameError):
        decode(b"Bad Gateway", 0)


def test_damaged_message_never_raises_anything_else() -> None:
    frames = decoded(decode, damaged(message()), 0)
    assert any(frame.quotes for frame in frames)
    assert any(frame.rejected for frame in frames)


@pytest.mark.parametrize("payload", RUBBISH, ids=lambda payload: repr(payload[:20]))
def test_rubbish_gives_no_quote(payload: bytes) -> None:
    assert not any(frame.quotes for frame in decoded(decode, [payload], 0))


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    decoded(decode, [payload, b'{"stream":"markPrice.X","data":' + payload], 0)


def market(symbol: str, kind: str = "PERP", **more: Any) -> dict[str, Any]:
    return {"symbol": symbol, "marketType": kind, "orderBookState": "Open", "visible": True, **more}


def test_perpetuals_that_are_shown_share_a_connection() -> None:
    markets = [
        market("BTC_USDC_PERP"),
        market("BTC_USDC", "SPOT"),
        market("META.US_USDC_PERP", orderBookState="Closed"),
        market("MU.US_USDC_PERP", visible=False),
        market("kPEPE_USDC_PERP"),
        market("KPEPE_USDC_PERP"),
    ]
    plan, _ = asked(BackpackStream(OPTIONS).plan(0.0), lambda _: markets)
    assert plan.connections == [["BTC_USDC_PERP", "META.US_USDC_PERP", "kPEPE_USDC_PERP"]]


def test_fifty_streams_are_subscribed_to_at_once() -> None:
    topics = [f"C{n}_USDC_PERP" for n in range(120)]
    opening, _ = asked(BackpackStream(OPTIONS).open(topics), lambda _: b"")
    sent = [json.loads(each.message) for each in opening.subscriptions]
    assert [len(each["params"]) for each in sent] == [50, 50, 20]
    assert sent[0]["method"] == "SUBSCRIBE"
    assert sent[0]["params"][0] == "markPrice.C0_USDC_PERP"
    assert [name for each in opening.subscriptions for name in each.topics] == topics
