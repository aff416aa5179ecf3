"""Binance USD-M futures: one message of the mark price stream → Quotes.

# Facts
(official SDK binance/binance-connector-python 17.2.0 and captures of 2026-09 and 2026-10)
- Mark prices are served under /market alone. The older addresses /ws and /stream still shake
  hands, acknowledge every SUBSCRIBE and send nothing (retired 2026-04-23).
- `!markPrice@arr@1s` is two messages a second: crypto and COIN-M rows in one (745), TradFi rows
  in the other (217). None is a full snapshot, and absence from one says nothing.
- COIN-M rows arrive on this host too, with `"st":2` (since 2026-06-30). `st` may be absent.
- A contract without funding sends `"T":0` and `"r":"0.00000000"`, or in the older form `"r":""`.
- `p` is the mark price in `markPriceUpdate`, but the 24 h price *change* in `24hrTicker`.
- Decimals are strings of plain digits; times are integers in ms; unknown keys come and go.
- Symbols are UTF-8 (币安人生USDT), the longest seen has 17 characters.
"""

import re
import statistics
from collections import Counter
from typing import Annotated, TypeVar

import msgspec

from funding.errors import FrameError
from funding.exchanges import Frame
from funding.quote import Quote

NAME = "binance"

MAX_SYMBOL_LENGTH = 40
MAX_ROWS = 10_000
_MAX_COMMAS = 20 * MAX_ROWS  # counted before decoding: 8 MiB of `1,` would take 300 MB
_EVENT = "markPriceUpdate"
_USD_MARGINED = 1
_COIN_MARGINED = 2
_EARLIEST_MS = 1_483_228_800_000  # 2017-01-01, before the exchange opened
_DAY_MS = 86_400_000
_FRAME_LEAD_MS = 900  # under one tick: a row further ahead of its frame would outlive the next
_MAX_PRICE = 1e12
_MAX_RATE = 1.0  # a fraction per interval; the exchange caps it at about 0.03

_STREAM = re.compile(r"!markPrice@arr(@1s)?|[^!@]+@markPrice(@1s)?")
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


_NOTHING = msgspec.Raw(b"")
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


class _Envelope(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = _NOTHING
    e: str = ""
    event: msgspec.Raw = _NOTHING
    result: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


class _Kind(msgspec.Struct):
    e: Annotated[str, msgspec.Meta(max_length=40)] = "no event name"


_envelope = msgspec.json.Decoder(_Envelope)
_rows = msgspec.json.Decoder(list[_Row])
_raw_rows = msgspec.json.Decoder(list[msgspec.Raw])
_row = msgspec.json.Decoder(_Row)
_kind = msgspec.json.Decoder(_Kind)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(payload: bytes, now: float) -> Frame:
    """Decode one message received at `now` (Unix seconds).

    Raises `FrameError` when it is not a JSON array or object in UTF-8. Anything else that is
    wrong is counted in the frame: a bad row costs that row alone.
    """
    try:
        if payload.lstrip()[:1] == b"[":
            return _decode_rows(payload, now)
        envelope = _envelope.decode(payload)
        if bytes(envelope.data):
            return _decode_data(envelope, now)
        return _decode_notice(envelope, payload, now)
    except _UNREADABLE as error:
        raise FrameError(f"not a message of this exchange: {error}") from None


def _decode_data(envelope: _Envelope, now: float) -> Frame:
    data = bytes(envelope.data)
    if not _STREAM.fullmatch(envelope.stream):
        return Frame([], ignored=Counter({f"stream {envelope.stream[:40] or 'without name'}": 1}))
    if data.lstrip()[:1] == b"{":
        data = b"[" + data + b"]"
    return _decode_rows(data, now)


def _decode_notice(envelope: _Envelope, payload: bytes, now: float) -> Frame:
    """A message that is no market data: an acknowledgement, an error, an announcement."""
    if envelope.e == _EVENT:
        return _decode_rows(b"[" + payload + b"]", now)
    if bytes(envelope.error):
        text = bytes(envelope.error)[:200].decode("utf-8", "replace")
        return Frame([], ignored=Counter({"error": 1}), notice=f"the exchange says: {text}")
    if envelope.e or bytes(envelope.event):
        name = envelope.e or _event_name(bytes(envelope.event))
        frame = Frame([], ignored=Counter({f"event {name[:40]}": 1}))
        if name == "serverShutdown":
            frame.notice, frame.ending = "the exchange announces its shutdown", True
        return frame
    return Frame([], ignored=Counter({"acknowledgement" if bytes(envelope.result) else "other": 1}))


def _event_name(raw: bytes) -> str:
    try:
        return _kind.decode(raw).e
    except _UNREADABLE:
        return "unreadable"


def _decode_rows(data: bytes, now: float) -> Frame:
    frame = Frame([])
    if data.count(b",") > _MAX_COMMAS:
        raise FrameError(f"more than {_MAX_COMMAS} values in one frame")
    try:
        rows = _bounded(_rows.decode(data))
    except _UNREADABLE:
        # One row at least is not of the documented form: find out which, and keep the others.
        rows = _sift(_bounded(_raw_rows.decode(data)), frame)
    good = []
    for row in rows:
        quote = _quote(row, frame, now)
        if quote is not None:
            good.append(quote)
    if good:
        frame.event_time = statistics.median_low([quote.event_time for quote in good])
        latest = frame.event_time + _FRAME_LEAD_MS
        frame.quotes = [quote for quote in good if quote.event_time <= latest]
        for quote in good:
            if quote.event_time > latest:
                _reject(frame, "event time", f"{quote.symbol} at {quote.event_time}")
    return frame


def _bounded(rows: list[_RowT]) -> list[_RowT]:
    if len(rows) > MAX_ROWS:
        raise FrameError(f"{len(rows)} rows in one frame")
    return rows


def _sift(raws: list[msgspec.Raw], frame: Frame) -> list[_Row]:
    rows = []
    for raw in raws:
        data = bytes(raw)
        try:
            rows.append(_row.decode(data))
        except _UNREADABLE as error:
            try:
                kind = _kind.decode(data).e
            except _UNREADABLE:
                kind = _EVENT
            if kind == _EVENT:
                _reject(frame, "form", f"{error} in {data[:120].decode('utf-8', 'replace')}")
            else:
                frame.ignored[f"event {kind}"] += 1
    return rows


def _quote(row: _Row, frame: Frame, now: float) -> Quote | None:
    """The quote in `row`, or None: then the reason is counted in `frame`."""
    if row.e != _EVENT:
        frame.ignored[f"event {row.e[:40]}"] += 1
        return None
    if row.st != _USD_MARGINED:
        frame.ignored["coin-margined" if row.st == _COIN_MARGINED else "unknown symbol type"] += 1
        return None
    mark, index = _decimal(row.p), _decimal(row.i)
    rate = None if row.r == "" or row.T == 0 else _decimal(row.r)
    reason = ""
    if not 0 < len(row.s) <= MAX_SYMBOL_LENGTH or not row.s.isprintable() or " " in row.s:
        reason = "symbol"
    elif not 0.0 < mark <= _MAX_PRICE:
        reason = "mark price"
    elif not 0.0 <= index <= _MAX_PRICE:
        reason = "index price"
    elif rate is not None and not -_MAX_RATE < rate < _MAX_RATE:
        reason = "funding rate"
    elif not _EARLIEST_MS <= row.E <= now * 1000 + _DAY_MS:
        reason = "event time"
    elif row.T != 0 and not _EARLIEST_MS <= row.T <= now * 1000 + 366 * _DAY_MS:
        reason = "next funding time"
    if reason:
        _reject(frame, reason, f"{row.s[:60]} p={row.p[:40]} r={row.r[:40]} E={row.E} T={row.T}")
        return None
    return Quote(row.s, mark, index, rate, row.T or None, row.E)


def _decimal(text: str) -> float:
    # float() alone would also take "nan", "1_000", " 1 " and digits of other scripts.
    return float(text) if _DECIMAL.fullmatch(text) else float("nan")


def _reject(frame: Frame, reason: str, sample: str) -> None:
    frame.rejected[reason] += 1
    frame.sample = frame.sample or f"{reason}: {sample}"[:300]
