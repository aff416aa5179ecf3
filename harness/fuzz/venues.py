"""Bytes of every exchange: messages of its stream, and replies of REST up to the values that
programs store."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from hypothesis import strategies as st

from funding.errors import FrameError, RestError
from funding.exchanges.exchange import Opening, Options, Plan, Request
from funding.exchanges.quotes import LATEST_MS
from funding.exchanges.table import EXCHANGES
from funding.model.contract import Contract
from funding.model.quote import Quote
from funding.model.settlement import Settlement
from harness.fuzz.damaged_input import damaged
from harness.processes import ROOT
from tests.support.conversations import RECEIVED_MS, asked, encoded

OPTIONS = Options("wss://unused", "https://rest.test", "https://unified.test", markets=("*",))
HOUR_MS = 3_600_000
SINCE_MS = RECEIVED_MS // HOUR_MS * HOUR_MS - 24 * HOUR_MS
MOST_CALLS = 60
"""For one question; each page of the replies below ends at once."""

MARK = {"s": "XBTUSDTM", "mp": "86201.79", "ip": "86248.81", "oi": "1", "ts": RECEIVED_MS}
FEE = {"s": "XBTUSDTM", "fr": "-0.000076", "nt": RECEIVED_MS + HOUR_MS, "gl": 28_800_000}
SENT = RECEIVED_MS * 1_000_000
_TOPIC = {"topic": "/contract/instrument:XBTUSDTM", "type": "message"}
_PRICES = {"markPrice": 86201.79, "indexPrice": 86248.81, "timestamp": RECEIVED_MS}
_RATE = {"granularity": 60_000, "fundingRate": -0.000076, "timestamp": RECEIVED_MS}
CONTEXT = {"funding": "0.0000125", "oraclePx": "79922.0", "markPx": "79890.0", "premium": None}
_COIN = {"coin": "BTC", "ctx": CONTEXT}
_ROW = {"s": "AAPL.US_USDC_PERP", "E": RECEIVED_MS * 1_000, "p": "340.43", "i": "340.52",
        "f": "0.00000625", "n": RECEIVED_MS + HOUR_MS}  # fmt: skip
_SUBSCRIBED = {"method": "subscribe", "subscription": {"type": "activeAssetCtx", "coin": "BTC"}}

FRAMES: dict[str, list[object]] = {
    "kucoin": [
        {"T": "mark-price", "P": SENT, "d": MARK},
        {"T": "funding-fee-all-symbols", "P": str(SENT), "d": [FEE, {**FEE, "s": "ETHUSDTM"}]},
        {"T": "funding-fee", "P": SENT, "d": FEE},
        {**_TOPIC, "subject": "mark.index.price", "data": _PRICES},
        {**_TOPIC, "subject": "funding.rate", "data": _RATE},
        {"id": "1", "result": False, "message": "invalid request data"},
        {"id": "XBTUSDTM", "result": "true"},
        {"sessionId": "e8e46556", "message": "welcome", "pingInterval": 18_000},
        {"id": "p28", "type": "error", "code": 404, "data": "topic does not exist"},
    ],
    "hyperliquid": [
        {"channel": "activeAssetCtx", "data": _COIN},
        {"channel": "subscriptionResponse", "data": _SUBSCRIBED},
        {"channel": "error", "data": "Cannot send more than 2000 messages per minute."},
        {"channel": "pong"},
    ],
    "backpack": [
        {"data": _ROW, "stream": "markPrice.AAPL.US_USDC_PERP"},
        {"id": None, "error": {"code": 4006, "message": "Invalid stream"}},
    ],
}
"""By exchange; Binance's are in decoders.py."""

_LISTED = {"symbol": "XBTUSDTM", "baseCurrency": "XBT", "quoteCurrency": "USDT", "type": "FFWCSX",
           "status": "Open", "markPrice": 67810.0, "indexPrice": 67852.7, "expireDate": None,
           "fundingFeeRate": -7.1e-05, "fundingRateGranularity": 28_800_000,
           "currentFundingRateGranularity": None, "fundingRateCap": 0.003,
           "nextFundingRateDateTime": RECEIVED_MS + HOUR_MS}  # fmt: skip
_ANNOUNCED = {"symbol": "XBTUSDTM", "currentGranularity": 28_800_000, "newGranularity": HOUR_MS,
              "newGranularityStartTime": RECEIVED_MS - 5}  # fmt: skip
_BULLET = {"token": "2neA", "instanceServers": [{"endpoint": "wss://ws.test/", "pingTimeout": 1}]}
_META = {"universe": [{"name": "BTC"}, {"name": "MATIC", "isDelisted": True}],
         "collateralToken": 360}  # fmt: skip
_MARKET = {"symbol": "BTC_USDC_PERP", "baseSymbol": "BTC", "quoteSymbol": "USDC",
           "marketType": "PERP", "orderBookState": "Open", "visible": True,
           "fundingInterval": HOUR_MS, "fundingRateUpperBound": "100",
           "fundingRateLowerBound": "-100"}  # fmt: skip
_PREMIUM = {"symbol": "BTCUSDT", "markPrice": "85840.4", "indexPrice": "85882.4",
            "lastFundingRate": "0.00005", "interestRate": "0.0001", "time": RECEIVED_MS,
            "nextFundingTime": RECEIVED_MS + HOUR_MS}  # fmt: skip
_SYMBOL = {"symbol": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING",
           "quoteAsset": "USDT", "baseAsset": "BTC", "deliveryDate": 4_133_404_800_000,
           "onboardDate": 1_569_398_400_000}  # fmt: skip
_INTERVAL = {"symbol": "BTCUSDT", "fundingIntervalHours": 8, "adjustedFundingRateCap": "0.02",
             "adjustedFundingRateFloor": "-0.02"}  # fmt: skip
_CHARGED = {"symbol": "BTCUSDT", "fundingTime": SINCE_MS + 2, "fundingRate": "0.0001",
            "markPrice": "85840.4", "rateType": "Regular"}  # fmt: skip
_PAID = {"coin": "BTC", "fundingRate": "0.0000125", "premium": "0.0002", "time": SINCE_MS + 261}
_ENDED = {"fundingRate": "0.0000125", "intervalEndTimestamp": "2026-09-21T04:00:00",
          "symbol": "BTC_USDC_PERP"}  # fmt: skip


def _data(data: object) -> object:
    return {"code": "200000", "data": data, "msg": "no"}


REPLIES: dict[str, dict[str, object]] = {
    "binance": {
        "exchangeInfo": {"symbols": [_SYMBOL, {**_SYMBOL, "symbol": "ETHUSDT"}]},
        "fundingInfo": [_INTERVAL, {**_INTERVAL, "symbol": "BTCUSD_PERP"}],
        "premiumIndex": [_PREMIUM, {**_PREMIUM, "symbol": "EOSUSDT"}],
        "fundingRate": [_CHARGED, {**_CHARGED, "fundingTime": SINCE_MS + 3}],
    },
    "kucoin": {
        "contracts/active": _data([_LISTED, {**_LISTED, "symbol": "ETHUSDTM"}]),
        "contracts": _data(_LISTED),
        "ua/v2/market/funding-rate": _data([_ANNOUNCED, {"symbol": ".XBTUSDTMFPI8H"}]),
        "contract/funding-rates": _data(
            [{"symbol": "XBTUSDTM", "fundingRate": -3.5e-5, "timepoint": SINCE_MS}]
        ),
        "bullet-public": _data(_BULLET),
    },
    "hyperliquid": {
        "perpDexs": [None, {"name": "xyz"}],
        "meta": _META,
        "metaAndAssetCtxs": [_META, [CONTEXT, CONTEXT]],
        "spotMeta": {"tokens": [{"name": "USDC", "index": 0}, {"name": "USDH", "index": 360}]},
        "fundingHistory": [_PAID],
    },
    "backpack": {
        "markets": [_MARKET, {"symbol": "SOL_USDC", "marketType": "SPOT"}],
        "markPrices": [
            {"symbol": "BTC_USDC_PERP", "markPrice": "77903.9", "fundingRate": "0.0000125",
             "indexPrice": "77923.9", "nextFundingTimestamp": RECEIVED_MS + HOUR_MS},
        ],
        "fundingRates": [_ENDED],
    },
}  # fmt: skip
"""By exchange and route, each of its own documented form."""
REPLIES["binance-coinm"] = {
    "fundingInfo of COIN-M": REPLIES["binance"]["fundingInfo"],
    "dapi/exchangeInfo": {
        "symbols": [
            {
                "symbol": "BTCUSD_PERP",
                "contractType": "PERPETUAL",
                "contractStatus": "TRADING",
                "quoteAsset": "USD",
                "baseAsset": "BTC",
                "deliveryDate": 4133404800000,
            },
        ]
    },
    "dapi/fundingRate": [{**_CHARGED, "symbol": "BTCUSD_PERP"}],
    "dapi/premiumIndex": [{**_PREMIUM, "symbol": "BTCUSD_PERP"}],
}
SYMBOLS = {
    "binance": "BTCUSDT",
    "binance-coinm": "BTCUSD_PERP",
    "kucoin": "XBTUSDTM",
    "hyperliquid": "BTC",
    "backpack": "BTC_USDC_PERP",
}

frames = st.one_of([st.tuples(st.just(name), damaged(valid)) for name, valid in FRAMES.items()])
replies = st.one_of(
    [
        st.tuples(st.just(name), st.just(route), damaged([document]))
        for name, routes in REPLIES.items()
        for route, document in routes.items()
    ]
)


def check_frame(case: tuple[str, bytes]) -> None:
    """Quotes that can be stored, counts and words that print; or `FrameError`."""
    name, data = case
    exchange = EXCHANGES[name]
    stream = exchange.stream(OPTIONS)
    with suppress(FrameError):
        for payload in (data, _good_price(name)):
            frame = stream.decode(payload, RECEIVED_MS)
            for quote in frame.quotes:
                assert exchange.is_symbol(quote.symbol)
                check_quote(quote)
            assert len(frame.quotes) <= 1
            assert 0 <= frame.event_time <= LATEST_MS
            words = [*frame.rejected, *frame.ignored, *frame.samples.values(), frame.notice]
            assert all(len(text) <= 400 for text in words)
            "".join(words).encode()  # no surrogate: they go to the log and into the store
            "".join(frame.acknowledged).encode()


def _good_price(name: str) -> bytes:
    """A message that shows what the one before it has taught."""
    return encoded(FRAMES[name][0])


def check_quote(quote: Quote) -> None:
    """It can be stored and served."""
    assert 0 < quote.mark_price <= 1e12
    assert 0 <= quote.index_price <= 1e12
    assert quote.funding_rate is None or abs(quote.funding_rate) < 1
    assert quote.next_funding_time is None or 0 < quote.next_funding_time < 2**53
    assert 0 < quote.event_time <= LATEST_MS


def check_reply(case: tuple[str, str, bytes]) -> None:
    """Each question of an exchange, one of whose routes answers with these bytes, has an answer
    that can be stored, or raises a `RestError`."""
    name, damaged_route, data = case
    calls = 0

    def answer(request: Request) -> Any:
        nonlocal calls
        calls += 1
        assert calls <= MOST_CALLS, "it asks for ever"
        return data if request.route == damaged_route else REPLIES[name][request.route]

    for number, conversation in enumerate(questions(name)):
        calls = 0
        if damaged_route in routes(name)[number]:
            with suppress(RestError):
                _check_answer(name, asked(conversation, answer)[0])


@cache
def routes(name: str) -> list[set[str]]:
    """The routes that each of the questions asks for, where all is well."""

    def answer(request: Request) -> Any:
        return REPLIES[name][request.route]

    made = (asked(conversation, answer)[1] for conversation in questions(name))
    return [{request.route for request in requests} for requests in made]


def questions(name: str) -> Iterator[Any]:
    """The conversations with an exchange: of REST, and how its stream begins."""
    rest, stream = EXCHANGES[name].rest(OPTIONS), EXCHANGES[name].stream(OPTIONS)
    yield rest.contracts(RECEIVED_MS / 1_000)
    yield rest.history(SYMBOLS[name], SINCE_MS, SINCE_MS + 24 * HOUR_MS)
    yield rest.snapshot()
    yield rest.one(SYMBOLS[name])
    yield stream.plan(RECEIVED_MS / 1_000)
    stream.refused(RECEIVED_MS / 1_000)  # KuCoin: by the classic stream, with a token
    yield stream.open([SYMBOLS[name]])


def _check_answer(name: str, answer: Any) -> None:
    if isinstance(answer, Quote):
        check_quote(answer)
        return
    if isinstance(answer, Plan | Opening):
        str(answer).encode()
        return
    for each in answer if isinstance(answer, list) else [answer]:
        if isinstance(each, Quote):
            check_quote(each)
            assert EXCHANGES[name].is_symbol(each.symbol)
        elif isinstance(each, Contract):
            _store("contract", each._fields, each)
        else:
            assert isinstance(each, Settlement)
            assert abs(each.rate) < 1
            columns = ("exchange", *each._fields, "source")
            _store("funding_rate", columns, (name, *each, "rest"))


@cache
def _database() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.executescript((ROOT / "schema.sql").read_text("utf-8"))
    return database


def _store(table: str, columns: tuple[str, ...], values: tuple[Any, ...]) -> None:
    """The table's own CHECKs hold."""
    marks = ", ".join("?" * len(columns))
    names = ", ".join(columns)
    try:
        _database().execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", values)
        _database().rollback()
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        raise AssertionError(f"{table}: {error}: {values!r}") from error
