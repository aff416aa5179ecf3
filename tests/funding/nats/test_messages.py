"""Bodies: what they look like, what is read back, and what is refused."""

from dataclasses import replace
from math import inf
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.api.quotes import row
from funding.errors import NatsGarbled
from funding.model.contract import Contract, ContractStatus
from funding.model.feed import Feed, StoredQuote
from funding.model.quote import Source
from funding.nats import messages, subjects

SENT = 1_764_725_612.5
BTC = StoredQuote(
    exchange="binance",
    symbol="BTCUSDT",
    mark_price=91897.67414493,
    index_price=91930.87652174,
    funding_rate=0.00001864,
    next_funding_time=1764748800000,
    event_time=1764725610000,
    updated_at=1764725610.163,
    age_seconds=1.9,
    status=ContractStatus.TRADING,
    funding_interval_hours=8,
    interval_source="exchange",
    z_score=-1.5,
    percentile=12.5,
    zone="normal",
    source=Source.REST,
)
KEY = "binance.BTCUSDT"
CONTRACT = Contract(
    *("hyperliquid", "xyz:NVDA", ContractStatus.TRADING, "PERP", "NVDA", "USDC", 1.0),
    *(None, 1, "exchange", 0.04, -0.04, SENT, 1_700_000_000_000),
)
FEED = Feed(
    "binance",
    *("fstream.example", 17, "their boot"),
    started_at=SENT - 500,
    started_uptime=4_500.0,
    heartbeat_at=SENT - 1,
    heartbeat_uptime=4_999.0,
    frames=7,
    reasons='{"late": 2}',
)


def body(quote: StoredQuote = BTC, taker: str = "one") -> bytes:
    """What is sent of `quote`."""
    return messages.encode_quote(quote, messages.ending(SENT, taker))


def changed(name: str, value: Any) -> bytes:
    """The same with another value in one field."""
    fields = msgspec.json.decode(body())
    return msgspec.json.encode({**fields, name: value})


def test_a_quote_has_the_fields_of_the_api_and_two_more() -> None:
    fields = msgspec.json.decode(body())
    shown = msgspec.json.decode(msgspec.json.encode(row(BTC)))
    assert fields == {**shown, "sentAt": SENT, "taker": "one"}


def test_a_quote_comes_back() -> None:
    found = messages.decode_quote(body(), KEY)
    assert (found.taker, found.sent_at) == ("one", SENT)
    assert found.stored(0.0) == BTC
    assert found.stored(2.5).age_seconds == pytest.approx(4.4)


def test_a_quote_of_unknown_age_stays_unknown() -> None:
    found = messages.decode_quote(body(msgspec.structs.replace(BTC, age_seconds=inf)), KEY)
    assert found.stored(1.0).age_seconds == inf


def test_a_quote_without_an_index_price() -> None:
    bare = msgspec.structs.replace(BTC, index_price=0.0)
    assert messages.decode_quote(body(bare), KEY).stored(0.0).index_price == 0.0


def test_a_quote_without_a_score_says_why() -> None:
    bare = msgspec.structs.replace(BTC, z_score=None, percentile=None, zone=None)
    found = messages.decode_quote(body(bare), KEY).stored(0.0)
    assert found.z_score is None
    assert found.z_reason == "not worked out yet"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("symbol", "ETHUSDT"),
        ("symbol", "BTC USDT"),
        ("symbol", 1),
        ("exchange", "kucoin"),
        ("markPrice", 0),
        ("markPrice", None),
        ("indexPrice", -1),
        ("eventTime", 2**63),
        ("eventTime", 0),
        ("nextFundingTime", 2**63),
        ("ageSeconds", -0.1),
        ("updatedAt", -1),
        ("fundingIntervalHours", 0),
        ("percentile", 100.1),
        ("zone", "huge"),
        ("source", "elsewhere"),
        ("status", "OPEN"),
        ("sentAt", 0),
        ("sentAt", "now"),
        ("taker", ""),
        ("taker", "x" * 65),
        ("taker", "a\nb"),
        ("zReason", "x" * 5_000),
    ],
)
def test_a_quote_that_is_wrong_in_one_field(name: str, value: Any) -> None:
    with pytest.raises(NatsGarbled, match="BTCUSDT"):
        messages.decode_quote(changed(name, value), KEY)


def test_unknown_fields_are_of_a_newer_version() -> None:
    assert messages.decode_quote(changed("colour", "red"), KEY).stored(0.0) == BTC


@pytest.mark.parametrize("decode", [messages.decode_quote, messages.decode_contract])
@given(st.binary(max_size=60))
def test_rubbish_is_refused(decode: Any, text: bytes) -> None:
    for garbled in (text, b"[" * 3_000, body()[:-1], b"null", b"{}"):
        with pytest.raises(NatsGarbled):
            decode(garbled, KEY)


def test_a_cut_body_is_refused() -> None:
    whole = body()
    for end in range(len(whole)):
        with pytest.raises(NatsGarbled):
            messages.decode_quote(whole[:end], KEY)


def test_a_feed_row_comes_back_with_uptimes_of_the_reader() -> None:
    sent = messages.encode_feed(FEED, 5_000.0, taker="one", term=3, sent_at=SENT)
    found = messages.decode_feed(sent, "binance")
    assert (found.taker, found.term, found.sent_at) == ("one", 3, SENT)
    here = found.feed_at(100.0, 0.5)
    assert here == replace(FEED, started_uptime=100 - 500.5, heartbeat_uptime=100 - 1.5)
    assert here.last_frame_uptime is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("taker", ""),
        ("term", -1),
        ("sentAt", -5),
        ("feed", {}),
        ("feed", None),
        ("term", "3"),
        ("term", 2**63),
    ],
)
def test_a_feed_that_is_wrong_in_one_field(name: str, value: Any) -> None:
    sent = messages.encode_feed(FEED, 5_000.0, taker="one", term=3, sent_at=SENT)
    fields = {**msgspec.json.decode(sent), name: value}
    with pytest.raises(NatsGarbled):
        messages.decode_feed(msgspec.json.encode(fields), "binance")


@pytest.mark.parametrize("name", ["frames", "pid", "last_event_time"])
def test_a_feed_row_with_a_number_that_sqlite_does_not_have(name: str) -> None:
    sent = messages.encode_feed(FEED, 5_000.0, taker="one", term=3, sent_at=SENT)
    fields = msgspec.json.decode(sent)
    fields["feed"][name] = 2**63
    with pytest.raises(NatsGarbled, match="out of range"):
        messages.decode_feed(msgspec.json.encode(fields), "binance")


def test_a_feed_of_another_exchange() -> None:
    sent = messages.encode_feed(FEED, 5_000.0, taker="one", term=3, sent_at=SENT)
    with pytest.raises(NatsGarbled, match="another exchange"):
        messages.decode_feed(sent, "kucoin")


def test_a_contract_comes_back() -> None:
    key = subjects.key(CONTRACT.exchange, CONTRACT.symbol)
    text = messages.encode_contract(CONTRACT)
    assert messages.decode_contract(text, key) == CONTRACT
    assert msgspec.json.decode(text)["funding_interval_hours"] == 1
    with pytest.raises(NatsGarbled, match="another symbol"):
        messages.decode_contract(text, KEY)


@pytest.mark.parametrize(
    ("name", "value"),
    [("multiplier", 0), ("status", "OPEN"), ("checked_at", None), ("delivery_time", 2**63)],
)
def test_a_contract_that_is_wrong_in_one_field(name: str, value: Any) -> None:
    fields = {**CONTRACT._asdict(), name: value}
    key = subjects.key(CONTRACT.exchange, CONTRACT.symbol)
    with pytest.raises(NatsGarbled):
        messages.decode_contract(msgspec.json.encode(fields), key)
