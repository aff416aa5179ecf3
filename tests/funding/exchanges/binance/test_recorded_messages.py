"""Messages recorded from the exchange, and frames built of recorded REST replies."""

import json
from pathlib import Path

import pytest

from funding.exchanges.binance.stream import decode
from funding.exchanges.frame import Frame
from funding.model.quote import Quote
from tests.support.binance_messages import (
    T_MS,
    built,
    checked,
    encoded,
    enveloped,
)


def recording(recorded: Path, name: str) -> bytes:
    """A recorded payload, or the reason why there is none."""
    path = recorded / name
    if not path.is_file():
        pytest.skip(f"no recorded payload {path}")
    return path.read_bytes()


def test_recorded_messages_of_one_symbol_each(recorded: Path) -> None:
    text = recording(recorded, "recorded_2026-09-23_perp_and_dated_raw.ndjson")
    one, two = (decode(line) for line in text.splitlines())
    assert one == Frame(
        [Quote("BTCUSDT", 85840.40234633, 85882.44043478, 0.00005016, T_MS, 1790161527002)],
        event_time=1790161527002,
    )
    dated = Quote("BTCUSDT_260925", 85901.84762319, 85884.08695652, None, None, 1790161545000)
    assert two == Frame([dated], event_time=1790161545000)


def test_a_recorded_bare_array(recorded: Path) -> None:
    text = recording(recorded, "recorded_2026-10-05_markPrice_arr_1s_first2_raw.json")
    frame = decode(text)
    assert [(q.symbol, q.mark_price, q.funding_rate) for q in frame.quotes] == [
        ("BTCUSDT", 86141.0, 0.00003779),
        ("ETHUSDT", 2715.93, 0.00006061),
    ]


def test_a_recorded_frame_of_the_tradfi_class(recorded: Path) -> None:
    text = recording(recorded, "polyoxide_2026-10-07_all_markPrice_arr_1s_tradfi_frame.json")
    frame = decode(text)
    assert [(q.symbol, q.mark_price, q.index_price) for q in frame.quotes] == [
        ("XAUUSDT", 4103.9223318, 4100.14187735),
        ("XAGUSDT", 59.63, 59.59645451),
    ]
    assert frame.event_time == 1791382992684


def test_a_recorded_ticker_frame_has_no_quotes(recorded: Path) -> None:
    text = recording(recorded, "polyoxide_2026-10-07_all_ticker_arr.json")
    assert decode(text).ignored == {"stream !ticker@arr": 1}
    rows = json.loads(text)["data"]
    for payload in (encoded(rows), enveloped(rows)):
        frame = decode(payload)
        assert (frame.quotes, frame.ignored) == ([], {"event 24hrTicker": 2})


def test_recorded_error_replies_become_notices(recorded: Path) -> None:
    replies = json.loads(recording(recorded, "error_replies.json"))
    messages = [reply["ws"] for reply in replies if "error" in reply.get("ws", {})]
    assert messages
    for message in messages:
        frame = decode(encoded(message))
        assert frame.ignored == {"error": 1}
        assert message["error"]["msg"] in frame.notice


def test_a_frame_built_from_a_whole_rest_reply(recorded: Path) -> None:
    reply = json.loads(recording(recorded, "premiumIndex_all_2025-06-17.json"))
    frame = decode(enveloped([built(each) for each in reply]))
    assert len(frame.quotes) == len(reply) == 521
    assert not frame.rejected
    assert not frame.ignored
    for quote, each in zip(frame.quotes, reply, strict=True):
        scheduled = each["nextFundingTime"] != 0
        assert quote == Quote(
            each["symbol"],
            float(each["markPrice"]),
            float(each["indexPrice"]),
            float(each["lastFundingRate"]) if scheduled else None,
            each["nextFundingTime"] if scheduled else None,
            each["time"],
        )
    assert sum(quote.funding_rate is None for quote in frame.quotes) == 4


def test_truncated_frame_of_a_rest_reply_is_refused(recorded: Path) -> None:
    reply = json.loads(recording(recorded, "premiumIndex_all_2025-06-17.json"))
    payload = enveloped([built(each) for each in reply[:3]])
    for end in range(len(payload)):
        assert checked(payload[:end]) is None
