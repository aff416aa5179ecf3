"""Binance USD-M futures: rows of the mark price stream → Quotes, and what is wrong with the others.

# Facts
(official SDK binance/binance-connector-python 17.2.0 and captures of 2026-09 and 2026-10)
- COIN-M rows arrive on this host too, with `"st":2` (since 2026-06-30). `st` may be absent.
- A contract without funding sends `"T":0` and `"r":"0.00000000"`, or in the older form `"r":""`.
- `p` is the mark price in `markPriceUpdate`, but the 24 h price *change* in `24hrTicker`.
- Decimals are strings of plain digits; times are integers in ms; unknown keys come and go.
- Symbols are UTF-8 (币安人生USDT), the longest seen has 17 characters.
"""

import re
from typing import Annotated, TypeVar

import msgspec

from funding.errors import FrameError
from funding.exchanges.frame import Frame
from funding.model.quote import Quote, is_symbol

EVENT = "markPriceUpdate"
MAX_ROWS = 10_000
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a msgspec decoder raises for bytes that are not of its type."""

_MAX_COMMAS = 20 * MAX_ROWS  # counted before decoding: 8 MiB of `1,` would take 300 MB
_USD_MARGINED = 1
_COIN_MARGINED = 2
_EARLIEST_MS = 1_483_228_800_000  # 2017-01-01, before the exchange opened
# Not compared with this machine's clock: it may be years behind until NTP has set it, and that must
# not refuse every quote. A single frame from the future is replaced by the next (quote.ceiling_ms).
_LATEST_MS = 4_102_444_800_000  # 2100-01-01
_FURTHEST_MS = 366 * 86_400_000
_FRAME_LEAD_MS = 900  # under one tick: a row further ahead of its frame would outlive the next
_MAX_PRICE = 1e12
_MAX_RATE = 1.0  # a fraction per interval; the exchange caps it at about 0.03

_DECIMAL = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?", re.ASCII)
_DECIMALS = re.compile(r"(?:-?[0-9]{1,30}+(?:\.[0-9]{1,30}+)?+,)*+", re.ASCII)
_NAN = float("nan")
_RowT = TypeVar("_RowT")


class _Row(msgspec.Struct, gc=False):
    e: str
    E: int
    s: str
    p: str
    i: str
    r: str
    T: int
    st: int = _USD_MARGINED


class Kind(msgspec.Struct):
    """The name of an event; a row that does not say is taken for a bad mark price."""

    e: Annotated[str, msgspec.Meta(max_length=40)] = EVENT


_rows = msgspec.json.Decoder(list[_Row])
_raw_rows = msgspec.json.Decoder(list[msgspec.Raw])
_row = msgspec.json.Decoder(_Row)
_numbers = msgspec.json.Decoder(list[float])
kind_decoder = msgspec.json.Decoder(Kind)


def decode_rows(data: bytes) -> Frame:
    """The frame of a JSON array of rows.

    Raises `FrameError` when there are too many of them, and one of `UNREADABLE` when `data` is
    not a JSON array. Anything else that is wrong costs its row alone.
    """
    frame = Frame([])
    if len(data) > _MAX_COMMAS and data.count(b",") > _MAX_COMMAS:
        raise FrameError(f"more than {_MAX_COMMAS} values in one frame")
    try:
        rows = _bounded(_rows.decode(data))
    except UNREADABLE:
        # At least one row is not of the documented form: find out which, and keep the others.
        rows = _readable(_bounded(_raw_rows.decode(data)), frame)
    _fill(frame, _quotes(rows, frame))
    return frame


def _bounded(rows: list[_RowT]) -> list[_RowT]:
    if len(rows) > MAX_ROWS:
        raise FrameError(f"{len(rows)} rows in one frame")
    return rows


def _readable(raws: list[msgspec.Raw], frame: Frame) -> list[_Row]:
    rows = []
    for raw in raws:
        data = bytes(raw)
        try:
            rows.append(_row.decode(data))
        except UNREADABLE as error:
            try:
                kind = kind_decoder.decode(data).e
            except UNREADABLE:
                kind = EVENT
            if kind == EVENT:
                frame.reject("form", f"{error} in {data[:120].decode('utf-8', 'replace')}")
            else:
                frame.ignored[f"event {kind}"] += 1
    return rows


def _beside(frame: Frame) -> Frame:
    """Where the coin-margined quotes of `frame` go: they are an exchange of their own, and what is
    wrong with one is nobody's trouble here."""
    if frame.beside is None:
        frame.beside = Frame([])
    return frame.beside


def _fill(frame: Frame, quotes: list[Quote]) -> None:
    if frame.beside is not None:
        _fill(frame.beside, frame.beside.quotes)
    if not quotes:
        return
    times = sorted([quote.event_time for quote in quotes])
    frame.event_time = times[(len(times) - 1) // 2]
    latest = frame.event_time + _FRAME_LEAD_MS
    frame.quotes = quotes
    if times[-1] > latest:
        frame.quotes = [quote for quote in quotes if quote.event_time <= latest]
        for quote in quotes:
            if quote.event_time > latest:
                frame.reject("event time", f"{quote.symbol} at {quote.event_time}")


def _quotes(rows: list[_Row], frame: Frame) -> list[Quote]:
    """The quotes among `rows`; what is wrong with the others is counted in `frame`."""
    texts: list[str] = []
    for row in rows:
        texts += (row.p, row.i, row.r or "0")
    numbers = iter(_decimals(texts))
    judged = [
        _quote(row, mark, index, rate, frame)
        for row, mark, index, rate in zip(rows, numbers, numbers, numbers, strict=True)
    ]
    return [quote for quote in judged if quote is not None]


def _quote(
    row: _Row,
    mark: float,
    index: float,
    rate: float | None,
    frame: Frame,
) -> Quote | None:
    if row.e != EVENT:
        frame.ignored[f"event {row.e[:40]}"] += 1
        return None
    if row.st == _COIN_MARGINED:
        frame.ignored["coin-margined"] += 1
        frame, beside = Frame([]), _beside(frame)
    elif row.st != _USD_MARGINED:
        frame.ignored["unknown symbol type"] += 1
        return None
    else:
        beside = None
    if row.r == "" or row.T == 0:
        rate = None
    if not is_symbol(row.s):
        reason = "symbol"
    elif not 0.0 < mark <= _MAX_PRICE:
        reason = "mark price"
    elif not 0.0 <= index <= _MAX_PRICE:
        reason = "index price"
    elif rate is not None and not -_MAX_RATE < rate < _MAX_RATE:
        reason = "funding rate"
    elif not _EARLIEST_MS <= row.E <= _LATEST_MS:
        reason = "event time"
    elif row.T != 0 and not _EARLIEST_MS <= row.T <= row.E + _FURTHEST_MS:
        reason = "next funding time"
    else:
        quote = Quote(row.s, mark, index, rate, row.T or None, row.E)
        if beside is None:
            return quote
        beside.quotes.append(quote)
        return None
    frame.reject(reason, f"{row.s[:60]} p={row.p[:40]} r={row.r[:40]} E={row.E} T={row.T}")
    return None


def _decimals(texts: list[str]) -> list[float]:
    """Each of `texts` as a number, NaN where it is not of plain digits.

    float() alone would also take "nan", "1_000", " 1 " and digits of other scripts.
    """
    # All at once: one by one it costs 0.8 ms more in each second of the stream (0.08 % of a core),
    # and ingest would miss its goal of 1.5 times the bare work.
    joined = ",".join(texts)
    if _DECIMALS.fullmatch(f"{joined},"):
        try:
            numbers = _numbers.decode(f"[{joined}]")
        except msgspec.DecodeError:  # 007 is not a number in JSON
            numbers = []
        if len(numbers) == len(texts):  # no comma inside a number
            return numbers
    return [float(text) if _DECIMAL.fullmatch(text) else _NAN for text in texts]
