"""KuCoin's messages, of both streams: prices, funding, settled rates, acknowledgements, damage."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.errors import FrameError
from funding.exchanges.frame import Frame
from funding.exchanges.kucoin import messages
from funding.exchanges.kucoin.messages import FUNDING, PRICES
from funding.exchanges.kucoin.rates import Funding, Rates
from funding.model.quote import Quote
from tests.support.decoding import RUBBISH, damaged, decoded

AT = 1_790_113_097_000
DUE = 1_790_121_600_000
MARK = {"s": "XBTUSDTM", "mp": "86201.79", "ip": "86248.81", "oi": "11481754", "ts": AT}
FEE = {
    "s": "XBTUSDTM",
    "fr": "-0.000076",
    "ft": 1790092800000,
    "lfr": "-0.000019",
    "nt": DUE,
    "gl": 28800000,
    "fc": "0.003",
    "ff": "-0.003",
}
XBT = Quote("XBTUSDTM", 86_201.79, 86_248.81, -0.000076, DUE, AT)
TOPIC = "/contract/instrument:XBTUSDTM"


def known() -> Rates:
    rates = Rates()
    rates.learn("XBTUSDTM", Funding("-0.000076", DUE, AT - 1_000))
    return rates


def push(channel: str, data: Any, at: Any = AT * 1_000_000 + 443_102_278) -> bytes:
    return json.dumps({"T": channel, "P": at, "d": data}).encode()


def classic(subject: str, data: Any, topic: str = TOPIC) -> bytes:
    message = {"topic": topic, "type": "message", "subject": subject, "data": data}
    return json.dumps(message).encode()


def rejected(frame: Frame) -> dict[str, int]:
    assert frame.quotes == []
    return dict(frame.rejected)


def test_price_has_the_funding_that_was_told_before() -> None:
    rates = Rates()
    first = messages.decode(push("mark-price", MARK), rates)
    assert first.quotes == [Quote("XBTUSDTM", 86_201.79, 86_248.81, None, None, AT)]
    funding = messages.decode(push("funding-fee-all-symbols", [FEE]), rates)
    assert (funding.quotes, funding.symbol_class, funding.event_time) == ([], FUNDING, AT + 443)
    second = messages.decode(push("mark-price", MARK), rates)
    assert (second.quotes, second.symbol_class, second.event_time) == ([XBT], PRICES, AT)


@pytest.mark.parametrize("at", [AT, AT * 1_000, AT * 1_000_000, str(AT * 1_000_000)])
def test_time_of_a_message_is_read_by_its_magnitude(at: Any) -> None:
    assert messages.decode(push("funding-fee", FEE, at), Rates()).event_time == AT


def test_rate_that_is_no_longer_told_is_not_shown() -> None:
    later = {**MARK, "ts": AT + 301_000}
    (quote,) = messages.decode(push("mark-price", later), known()).quotes
    assert (quote.funding_rate, quote.next_funding_time) == (None, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mp": "0"}, "mark price"),
        ({"mp": 86201.79}, "form"),
        ({"ip": "-1"}, "index price"),
        ({"ts": 7}, "event time"),
        ({"s": "xbtusdtm"}, "symbol"),
        ({"s": "A,B"}, "symbol"),
    ],
)
def test_bad_price_costs_its_message(change: dict[str, Any], reason: str) -> None:
    frame = messages.decode(push("mark-price", {**MARK, **change}), known())
    assert rejected(frame) == {reason: 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fr": "180000000000"}, "funding rate"),
        ({"fr": -0.000076}, "form"),
        ({"nt": 25_242_841}, "next funding time"),
        ({"s": ".XBTUSDTMFPI8H/"}, "symbol"),
    ],
)
def test_bad_row_costs_itself_alone(change: dict[str, Any], reason: str) -> None:
    rates = Rates()
    other = {**FEE, "s": "ETHUSDTM"}
    frame = messages.decode(push("funding-fee-all-symbols", [{**FEE, **change}, other]), rates)
    assert rejected(frame) == {reason: 1}
    assert frame.event_time == AT + 443
    assert rates.of("ETHUSDTM", AT).due_ms == DUE
    assert rates.of("XBTUSDTM", AT).due_ms is None


@pytest.mark.parametrize("at", [0, "x", "9" * 5_000, 10**40, -1])
def test_funding_at_no_time_teaches_nothing(at: Any) -> None:
    frame = messages.decode(push("funding-fee", FEE, at), Rates())
    assert frame.event_time == 0
    assert rejected(frame).keys() <= {"form", "event time", "next funding time"}


def test_too_many_rows_are_no_message() -> None:
    with pytest.raises(FrameError, match="rows"):
        messages.decode(push("funding-fee-all-symbols", [0] * 10_001), Rates())


def test_classic_price_has_its_contract_in_the_topic() -> None:
    data = {"markPrice": 86201.79, "indexPrice": 86248.81, "granularity": 1000, "timestamp": AT}
    frame = messages.decode(classic("mark.index.price", data), known())
    assert (frame.quotes, frame.symbol_class) == ([XBT], PRICES)
    bad = messages.decode(classic("mark.index.price", {**data, "markPrice": None}), known())
    assert rejected(bad) == {"mark price": 1}


def test_classic_rate_leaves_the_next_time_that_rest_has_told() -> None:
    rates = known()
    data = {"period": 1, "granularity": 60000, "fundingRate": 0.00005, "timestamp": AT}
    frame = messages.decode(classic("funding.rate", data), rates)
    assert (frame.symbol_class, frame.event_time) == (FUNDING, AT)
    assert rates.of("XBTUSDTM", AT) == Funding(0.00005, DUE, AT)


@pytest.mark.parametrize("granularity", [28_800_000, 14_400_000, 3_600_000, 0])
def test_settled_rate_is_not_the_running_estimate(granularity: int) -> None:
    rates = known()
    data = {"granularity": granularity, "fundingRate": 0.9, "timestamp": AT}
    frame = messages.decode(classic("funding.rate", data), rates)
    assert dict(frame.ignored) == {"event settled rate": 1}
    assert rates.of("XBTUSDTM", AT).rate == "-0.000076"


@pytest.mark.parametrize(
    "welcome",
    [
        {"sessionId": "e8e46556", "message": "welcome", "pingInterval": 18000},
        {"id": "probebook", "type": "welcome"},
    ],
)
def test_both_streams_greet(welcome: dict[str, Any]) -> None:
    assert messages.decode(json.dumps(welcome).encode(), Rates()).welcome


@pytest.mark.parametrize("result", [True, "true"])
def test_acknowledgement_names_its_topic(result: object) -> None:
    payload = json.dumps({"id": "XBTUSDTM", "result": result}).encode()
    frame = messages.decode(payload, Rates())
    assert (frame.acknowledged, frame.ignored["acknowledgement"]) == (("XBTUSDTM",), 1)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"id": "p18", "result": False, "message": "invalid request data"}, "invalid request data"),
        ({"id": "p22", "result": "false", "reason": "not supported"}, "not supported"),
        ({"id": "p28", "type": "error", "code": 404, "data": "topic does not exist"}, "topic does"),
    ],
)
def test_refusal_is_what_the_exchange_says(message: dict[str, Any], words: str) -> None:
    frame = messages.decode(json.dumps(message).encode(), Rates())
    assert words in frame.notice
    assert frame.acknowledged == ()


def test_other_messages_are_ignored() -> None:
    pong = b'{"type":"pong","id":"p32","ts":1790113111261396000}'
    assert dict(messages.decode(pong, Rates()).ignored) == {"event pong": 1}
    assert dict(messages.decode(push("obu.FUTURES", {}), Rates()).ignored) == {
        "event obu.FUTURES": 1
    }
    assert dict(messages.decode(b"{}", Rates()).ignored) == {"other": 1}


def test_recorded_messages(recorded: Path) -> None:
    rates, quotes = Rates(), 0
    for path in sorted((recorded / "kucoin").glob("*.ndjson")):
        for line in path.read_bytes().splitlines():
            frame = messages.decode(line, rates)
            assert not frame.rejected, frame.samples
            quotes += len(frame.quotes)
    assert quotes == 6
    assert rates.of("ETHUSDTM", 1_786_809_901_214) == Funding(
        "0.000041", 1_786_838_400_000, 1_786_809_901_214
    )


def test_recorded_price_with_its_time_as_a_string(recorded: Path) -> None:
    rows = json.loads((recorded / "kucoin" / "rest_rows_2026.json").read_bytes())
    payload = json.dumps(rows["ua_ws_mark_price_2026-06-30"]).encode()
    (quote,) = messages.decode(payload, Rates()).quotes
    assert (quote.symbol, quote.mark_price, quote.event_time) == (
        *("ETHUSDTM", 1_569.15),
        1_782_834_987_000,
    )


def decode(payload: bytes, _received_ms: int) -> Frame:
    return messages.decode(payload, Rates())


def test_damaged_message_never_raises_anything_else() -> None:
    data = {"markPrice": 1.5, "indexPrice": 1.5, "granularity": 1000, "timestamp": AT}
    for payload in (
        push("mark-price", MARK),
        push("funding-fee-all-symbols", [FEE, FEE]),
        classic("mark.index.price", data),
    ):
        decoded(decode, damaged(payload), 0)


@pytest.mark.parametrize("payload", RUBBISH, ids=lambda payload: repr(payload[:20]))
def test_rubbish_gives_no_quote(payload: bytes) -> None:
    assert not any(frame.quotes for frame in decoded(decode, [payload], 0))


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    heads = (b"", b'{"T":"mark-price","d":', b'{"T":"funding-fee-all-symbols","d":[')
    decoded(decode, [head + payload for head in heads], 0)
