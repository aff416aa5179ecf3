"""Bytes of the exchange: the stream's messages, and REST's replies up to what is made of them."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st

from funding.consumers import backend_posts, universe_rules, volume_rules
from funding.consumers.open_interest_poll import as_sample
from funding.consumers.open_interest_rules import ChangeDetector
from funding.errors import FrameError
from funding.exchanges.binance import rest
from funding.exchanges.binance import stream as binance
from funding.exchanges.frame import Frame
from funding.model.alert import UNKNOWN, MarkAndRate, post
from funding.model.open_interest import Sample, Timeframe
from funding.model.quote import is_symbol
from funding.runtime.backoff import LONGEST_SECONDS, stated_wait
from harness.fuzz.damaged_input import damaged
from tests.support.binance_messages import (
    BTC,
    ETH,
    NOW,
    STREAM,
    TICKER,
    encoded,
    row,
)

LATEST_MS = 4_102_444_800_001
COIN = row(s="BTCUSD_PERP", st=2)
UNFUNDED = row(s="BTCUSDT_261225", r="", T=0)
FRAMES: list[object] = [
    {"stream": STREAM, "data": [BTC, ETH, COIN, UNFUNDED]},
    {"stream": STREAM, "data": [BTC] * 3 + [TICKER]},
    [BTC, ETH, COIN, UNFUNDED],
    {"stream": "btcusdt@markPrice@1s", "data": BTC},
    BTC,
    {"e": "serverShutdown", "E": BTC["E"]},
    {"event": {"e": "serverShutdown", "E": 1}},
    {"result": None, "id": 1},
    {"error": {"code": 2, "msg": "Invalid request"}, "id": 1},
    {"stream": "!ticker@arr", "data": [TICKER]},
]
_digits = st.text("0123456789", min_size=1, max_size=30)
_decimals = st.builds("{}{}.{}".format, st.sampled_from(("", "", "-")), _digits, _digits)
_numbers = st.one_of(_decimals, st.floats(0, 1e12).map("{:.8f}".format), st.sampled_from(("", "7")))
_valued = st.lists(st.tuples(_numbers, _numbers, _numbers), max_size=3).map(
    lambda rows: encoded({"stream": STREAM, "data": [row(p=p, i=i, r=r) for p, i, r in rows]})
)
frames = st.one_of(damaged(FRAMES), _valued)


def check_frame(data: bytes) -> None:
    """Quotes that can be stored and served, counts and words that print; or `FrameError`."""
    try:
        frame = binance.decode(data)
    except FrameError:
        with pytest.raises(FrameError):
            _one_by_one(data)
        return
    for quote in frame.quotes:
        assert is_symbol(quote.symbol)
        assert 0 < quote.mark_price <= 1e12
        assert 0 <= quote.index_price <= 1e12
        assert quote.funding_rate is None or abs(quote.funding_rate) < 1
        assert quote.next_funding_time is None or 0 < quote.next_funding_time < 2**53
        assert 0 < quote.event_time < LATEST_MS
    assert frame == _one_by_one(data), "numbers read together differ"
    _check_words(frame)


def _one_by_one(data: bytes) -> Frame:
    """The frame of `data` with its numbers read one by one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("funding.exchanges.binance.rows._DECIMALS", re.compile("never"))
        return binance.decode(data)


def _check_words(frame: Frame) -> None:
    for counted in (frame.rejected, frame.ignored):
        assert all(count > 0 and len(reason) <= 100 for reason, count in counted.items())
    texts = [*frame.rejected, *frame.ignored, *frame.samples.values(), frame.notice]
    assert all(len(text) <= 300 for text in texts)
    "".join(texts).encode()  # no surrogate: they go to the log and into the store


REPLIES: list[object] = [
    {
        "symbol": "BTCUSDT",
        "markPrice": "85840.40234633",
        "indexPrice": "85882.44043478",
        "estimatedSettlePrice": "85841.0",
        "lastFundingRate": "0.00005016",
        "interestRate": "0.00010000",
        "nextFundingTime": 1790179200000,
        "time": 1790161545000,
    },
    {"symbol": "BTCUSDT", "openInterest": "88123.456", "time": 1790161545000},
    [{"symbol": "BTCUSDT", "fundingIntervalHours": 8, "adjustedFundingRateCap": "0.02"}],
    {"serverTime": 1790161545000},
    {"code": -1003, "msg": "Way too many requests; IP banned until 1790161999000."},
    {
        "symbols": [
            {
                "symbol": "BTCUSDT",
                "contractType": "PERPETUAL",
                "status": "TRADING",
                "quoteAsset": "USDT",
                "baseAsset": "BTC",
            },
            {"symbol": "ETHUSDT"},
        ]
    },
    [{"symbol": "BTCUSDT", "quoteVolume": "9000000000.1"}],
    [
        [hour * 3_600_000, "1.0", "2.0", "0.5", "1.5", "1000", hour * 3_600_000 + 1, volume, 7]
        for hour, volume in ((497266, "1000000.5"), (497267, "9000000.5"))
    ],
]
REPLIES.insert(1, [REPLIES[0], REPLIES[0]])
UNIVERSES: list[object] = [
    {"symbols": ["BTCUSDT", "ETHUSDT"], "count": 2},
    {"symbols": [{"symbol": "BTCUSDT", "volume": 1e9}, {"symbol": "ETHUSDT"}]},
]
replies = st.tuples(damaged([*REPLIES, *UNIVERSES]), st.text(max_size=20))
_KLINES = msgspec.json.Decoder(list[rest.Kline])
_OPEN_INTEREST = msgspec.json.Decoder(rest.OpenInterest)
_CONTRACTS = msgspec.json.Decoder(rest.ExchangeInfo)


def check_reply(case: tuple[bytes, str]) -> None:
    """Every reader of a reply gives what can be stored and sent on, or refuses it."""
    data, symbol = case
    for read, use in READERS.items():
        try:
            reply = read(data)
        except (msgspec.DecodeError, ValueError, RecursionError):  # `Rest` makes its own of them
            continue
        use(reply, symbol)
    refusal = rest.error_body(data)
    assert len(refusal.msg) <= 300
    assert 0 <= stated_wait(symbol, data, 0.0) <= LONGEST_SECONDS


def _premium(found: list[rest.PremiumIndex], _symbol: str) -> None:
    for each in found:
        assert math.isfinite(each.mark_price)
        assert math.isfinite(each.index_price)
        assert each.funding_rate is None or math.isfinite(each.funding_rate)
        assert each.time < 2**53
        assert (each.next_funding_time or 1) < 2**53


def _klines(data: bytes) -> dict[int, volume_rules.Candle]:
    return volume_rules.candles(_KLINES.decode(data))


def _candles(hours: dict[int, volume_rules.Candle], symbol: str) -> None:
    for scan in [hour + 60 * minute for hour in hours for minute in (0, 5, 30, 55, 60)]:
        for due in volume_rules.alerts_due(symbol, hours, {}, scan):
            alert = backend_posts.volume_alert(
                due,
                asset=symbol,
                current=UNKNOWN,
                oi_change=None,
                scan_time=scan,
                now=float(scan),
                missing_as_zero=True,
            )
            _is_json(alert.body)
            body = post("backend", "", "key", alert.body).body
            assert volume_rules.alerted_hours([(symbol, alert.kind, alert.at, body)])


def _contracts(reply: rest.OpenInterest, symbol: str) -> None:
    detector = ChangeDetector([Timeframe("5MIN", "5 min", 300, 0.03, 600)], 0.0)
    detector.load_samples([Sample(NOW - 300, symbol, 100.0, 1.0)])
    sample = as_sample(symbol, reply, MarkAndRate(1e12, 0.1), NOW)
    if sample is not None:
        assert 0 <= sample.open_interest < 1e18
        for change in detector.add(sample):
            _is_json({"pct": change.fraction, "abs": change.contracts, "p": change.price_fraction})


def _symbols(found: list[str], _symbol: str) -> None:
    assert found == sorted(set(found))
    assert all(found)
    _is_json(found)


def _perpetuals(reply: rest.ExchangeInfo, _symbol: str) -> None:
    universe_rules.perpetuals(reply.symbols, tradfi=True)


def _is_json(value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as error:
        raise AssertionError(f"no JSON: {value!r}") from error


READERS: dict[Callable[[bytes], Any], Callable[[Any, str], None]] = {
    rest.premium_indices: _premium,
    _klines: _candles,
    _OPEN_INTEREST.decode: _contracts,
    universe_rules.from_backend: _symbols,
    _CONTRACTS.decode: _perpetuals,
}
