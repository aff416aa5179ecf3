"""Messages of the Binance stream as the exchange sends them, and what holds for every frame."""

import json
from typing import Any

from funding.errors import FrameError
from funding.exchanges.binance.stream import decode
from funding.exchanges.frame import Frame
from funding.model.quote import LONGEST_SYMBOL, Quote

E_MS = 1_790_161_545_000


T_MS = 1_790_179_200_000


STREAM = "!markPrice@arr@1s"


DAY_MS = 86_400_000
LATEST_MS = 4_102_444_800_000
NOW = 1_790_161_600.0


# Key order and keys as on the wire.
BTC: dict[str, Any] = {
    "e": "markPriceUpdate",
    "E": E_MS,
    "s": "BTCUSDT",
    "p": "85840.40234633",
    "ap": "85841.00000000",
    "P": "85863.42568007",
    "i": "85882.44043478",
    "r": "0.00005016",
    "T": T_MS,
    "st": 1,
}


BTC_QUOTE = Quote("BTCUSDT", 85840.40234633, 85882.44043478, 0.00005016, T_MS, E_MS)


ETH = {**BTC, "s": "ETHUSDT", "p": "2715.93000000", "i": "2717.21325581", "r": "-0.00006061"}


ETH_QUOTE = Quote("ETHUSDT", 2715.93, 2717.21325581, -0.00006061, T_MS, E_MS)


TICKER = {
    "e": "24hrTicker",
    "E": E_MS,
    "s": "BTCUSDT",
    "ps": "BTCUSDT",
    "p": "4463.40",
    "P": "5.12",
    "i": "4463.40",
    "r": "0.1",
    "T": T_MS,
    "st": 1,
}


BAD_NUMBERS = ["", "abc", "NaN", "nan", "Infinity", "-Infinity", "1e5", "1_000", " 1", "1 ", "+1"]
BAD_NUMBERS += ["0x10", "1,5", "1.", ".5", "1.2.3", "٣", "１", "1\n", "--1", "9" * 31, "9" * 5_000]


BAD_SYMBOLS = ["", " ", "BTC USDT", "BTC\nUSDT", "BTC\rUSDT", "\x1b[2J", "\0", "\x7f", "A\u2028B"]
BAD_SYMBOLS += ["A\u202eB", "A\u200bB", "\ufeffA", "A\u00a0B", "A" * (LONGEST_SYMBOL + 1)]


def encoded(message: object) -> bytes:
    """`message` as the exchange would send it."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def enveloped(data: object, stream: str = STREAM) -> bytes:
    """`data` as a combined stream sends it."""
    return encoded({"stream": stream, "data": data})


def row(**changes: object) -> dict[str, object]:
    """The Bitcoin row with `changes`."""
    return {**BTC, **changes}


def without(key: str) -> dict[str, object]:
    """The Bitcoin row without `key`."""
    return {name: value for name, value in BTC.items() if name != key}


def shown(value: object) -> str:
    """A short name of a case."""
    return ascii(value)[:60]


def checked(payload: bytes) -> Frame | None:
    """`payload` decoded; None when it costs the frame. Any other error is a defect."""
    try:
        frame = decode(payload)
    except FrameError:
        return None
    for quote in frame.quotes:
        assert 0 < quote.mark_price < float("inf")
        assert 0 <= quote.index_price < float("inf")
        assert quote.funding_rate is None or -1 < quote.funding_rate < 1
        assert 0 < len(quote.symbol) <= LONGEST_SYMBOL
        assert quote.symbol.isprintable()
        assert quote.event_time <= LATEST_MS
        assert quote.next_funding_time is None or quote.next_funding_time > 0
    # What is stored and logged must go out as UTF-8.
    "".join([*frame.samples.values(), frame.notice, *frame.ignored, *frame.rejected]).encode()
    return frame


def built(rest_row: dict[str, Any]) -> dict[str, object]:
    """A stream's row with the values of one of `GET /fapi/v1/premiumIndex`."""
    price = rest_row["markPrice"]
    return {
        "e": "markPriceUpdate",
        "E": rest_row["time"],
        "s": rest_row["symbol"],
        "p": price,
        "ap": price,
        "P": rest_row["estimatedSettlePrice"],
        "i": rest_row["indexPrice"],
        "r": rest_row["lastFundingRate"],
        "T": rest_row["nextFundingTime"],
        "st": 1,
    }
