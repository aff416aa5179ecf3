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

import functools
import re
from collections import Counter
from typing import Annotated, TypeVar

import msgspec

from funding.errors import FrameError
from funding.exchanges.frame import Frame
from funding.model.quote import MAX_SYMBOLS, Quote

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

_NO_SYMBOL = re.compile(r"[a-z\s/,?#%&+\\\"']")
_STREAM = re.compile(r"!markPrice@arr(@1s)?|[^!@]+@markPrice(@1s)?")
_DECIMALS = re.compile(r"(?:-?[0-9]{1,30}+(?:\.[0-9]{1,30}+)?+,)*+", re.ASCII)
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
    e: msgspec.Raw = _NOTHING
    event: msgspec.Raw = _NOTHING
    result: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


class _Market(msgspec.Struct):
    stream: str
    data: list[_Row]


class _Kind(msgspec.Struct):
    e: Annotated[str, msgspec.Meta(max_length=40)] = (
        _EVENT  # a row that does not say is taken for a bad quote
    )


_market = msgspec.json.Decoder(_Market)
_envelope = msgspec.json.Decoder(_Envelope)
_rows = msgspec.json.Decoder(list[_Row])
_raw_rows = msgspec.json.Decoder(list[msgspec.Raw])
_row = msgspec.json.Decoder(_Row)
_kind = msgspec.json.Decoder(_Kind)
_text = msgspec.json.Decoder(str)
_numbers = msgspec.json.Decoder(list[float])
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(payload: bytes, now: float) -> Frame:
    """Decode one message received at `now` (Unix seconds).

    Raises `FrameError` when it is not a JSON array or object in UTF-8. Anything else that is
    wrong is counted in the frame: a bad row costs that row alone.
    """
    try:
        if payload.lstrip()[:1] == b"[":
            return _decode_rows(payload, now)
        rows = _ordinary(payload)
        if rows is not None:
            return _judged(rows, Frame([]), now)
        envelope = _envelope.decode(payload)
        if bytes(envelope.data):
            return _decode_data(envelope, now)
        return _decode_notice(envelope, payload, now)
    except _UNREADABLE as error:
        raise FrameError(f"not a message of this exchange: {error}") from None


def _ordinary(payload: bytes) -> list[_Row] | None:
    """The rows of a market message whose rows are all of the documented form, in one pass over
    it; None when it is anything else."""
    if not _is_bounded(payload):
        return None
    try:
        market = _market.decode(payload)
    except _UNREADABLE:
        return None
    return market.data if _STREAM.fullmatch(market.stream) else None


def _is_bounded(data: bytes) -> bool:
    return len(data) <= _MAX_COMMAS or data.count(b",") <= _MAX_COMMAS


def _decode_data(envelope: _Envelope, now: float) -> Frame:
    data = bytes(envelope.data)
    if not _STREAM.fullmatch(envelope.stream):
        return Frame([], ignored=Counter({f"stream {envelope.stream[:40] or 'without name'}": 1}))
    if data.lstrip()[:1] == b"{":
        data = b"[" + data + b"]"
    return _decode_rows(data, now)


def _decode_notice(envelope: _Envelope, payload: bytes, now: float) -> Frame:
    """A message that is no market data: an acknowledgement, an error, an announcement."""
    name = _event_name(envelope)
    if name == _EVENT:
        return _decode_rows(b"[" + payload + b"]", now)
    if bytes(envelope.error):
        text = bytes(envelope.error)[:200].decode("utf-8", "replace")
        return Frame([], ignored=Counter({"error": 1}), notice=f"the exchange says: {text}")
    if name:
        frame = Frame([], ignored=Counter({f"event {name[:40]}": 1}))
        if name == "serverShutdown":
            frame.notice, frame.ending = "the exchange announces its shutdown", True
        return frame
    return Frame([], ignored=Counter({"acknowledgement" if bytes(envelope.result) else "other": 1}))


def _event_name(envelope: _Envelope) -> str:
    """What the message, or the event in it, calls itself; "" when there is no such name."""
    if bytes(envelope.e):
        return _text.decode(envelope.e)
    try:
        return _kind.decode(envelope.event).e if bytes(envelope.event) else ""
    except _UNREADABLE:
        return "unreadable"


def _decode_rows(data: bytes, now: float) -> Frame:
    frame = Frame([])
    if not _is_bounded(data):
        raise FrameError(f"more than {_MAX_COMMAS} values in one frame")
    try:
        rows = _rows.decode(data)
    except _UNREADABLE:
        # One row at least is not of the documented form: find out which, and keep the others.
        rows = _sift(_bounded(_raw_rows.decode(data)), frame)
    return _judged(rows, frame, now)


def _judged(rows: list[_Row], frame: Frame, now: float) -> Frame:
    """`frame` with the quotes among `rows`, and with what is wrong with the others."""
    good = _undoubted(_bounded(rows), frame, now)
    if good is None:
        judged = [_quote(row, frame, now) for row in rows]
        good = [quote for quote in judged if quote is not None]
    if good:
        times = sorted([quote.event_time for quote in good])
        frame.event_time = times[(len(times) - 1) // 2]
        latest = frame.event_time + _FRAME_LEAD_MS
        frame.quotes = good
        if times[-1] > latest:
            frame.quotes = [quote for quote in good if quote.event_time <= latest]
            for quote in good:
                if quote.event_time > latest:
                    _reject(frame, "event time", f"{quote.symbol} at {quote.event_time}")
    return frame


def _undoubted(rows: list[_Row], frame: Frame, now: float) -> list[Quote] | None:
    """The quotes of an ordinary frame, column by column, in a third of the time; None when any row
    of it needs the judgement of `_quote`. It accepts nothing that `_quote` would not, and counts
    what that counts.
    """
    ours = [row for row in rows if row.st == _USD_MARGINED and row.e == _EVENT]
    # One match over all numbers of the frame costs less than one call for each.
    text = "".join([f"{row.p},{row.i},{row.r or 0}," for row in ours])
    if not _DECIMALS.fullmatch(text):
        return None
    try:
        numbers = _numbers.decode(f"[{text[:-1]}]")  # in an eighth of the time of float()
    except msgspec.DecodeError:  # 007 is no number there
        return None
    if len(numbers) != 3 * len(ours):  # a comma inside a number
        return None
    marks, indexes, rates = numbers[::3], numbers[1::3], numbers[2::3]
    symbols, dues, times = [r.s for r in ours], [r.T for r in ours], [r.E for r in ours]
    stamps, settlements = set(times), set(dues) - {0}  # a few each, and looked through often
    if ours and not (
        0.0 < min(marks) <= max(marks) <= _MAX_PRICE
        and 0.0 <= min(indexes) <= max(indexes) <= _MAX_PRICE
        and -_MAX_RATE < min(rates) <= max(rates) < _MAX_RATE
        and _EARLIEST_MS <= min(stamps) <= max(stamps) <= now * 1000 + _DAY_MS
        and min(settlements, default=_EARLIEST_MS) >= _EARLIEST_MS
        and max(settlements, default=0) <= now * 1000 + 366 * _DAY_MS
        and all(map(_is_symbol, symbols))
    ):
        return None
    if len(ours) != len(rows):
        for row in rows:
            if row.st != _USD_MARGINED or row.e != _EVENT:
                _quote(row, frame, now)
    given = [rate if row.T and row.r else None for rate, row in zip(rates, ours, strict=True)]
    due = [each or None for each in dues]
    return list(map(Quote, symbols, marks, indexes, given, due, times))


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
    if not _is_symbol(row.s):
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


@functools.lru_cache(maxsize=2 * MAX_SYMBOLS)
def _is_symbol(text: str) -> bool:
    """Whether `text` may name a contract: in a URL, in a list with commas, without regard to ASCII
    case. The exchange has no lower-case ASCII in symbols, so `btcusdt` is nobody's, not BTCUSDT."""
    return 0 < len(text) <= MAX_SYMBOL_LENGTH and text.isprintable() and not _NO_SYMBOL.search(text)


def _decimal(text: str) -> float:
    # float() alone would also take "nan", "1_000", " 1 " and digits of other scripts.
    return float(text) if _DECIMAL.fullmatch(text) else float("nan")


def _reject(frame: Frame, reason: str, sample: str) -> None:
    frame.rejected[reason] += 1
    frame.samples.setdefault(reason, f"{reason}: {sample}"[:300])
