"""KuCoin: one message of either stream → a Frame. Pure.

# Facts
(venue profile of 2026-09-22 and captures to 2026-10-03 by public projects)
- Push: `{"T","P","d"}` in binary frames of UTF-8 JSON. `mark-price` has one contract, and
  `funding-fee-all-symbols` all in one message a minute (682 rows). Numbers are strings. `P` is in
  nanoseconds, as a number or a string, and in ms in the documentation; `ts` is in ms.
- Push answers `{"id","result":true}`, and a refusal adds `message` or `reason`. It greets with
  `{"sessionId","message":"welcome","pingInterval":18000}`.
- Classic: `{"topic","type","subject","data"}` with JSON numbers; the contract is in the topic
  alone. `funding.rate` with the granularity 60000 is the running estimate; any other is a rate
  that was settled, for the contract's own interval. There is no next funding time.
- Both acknowledge contracts that they do not know, and are silent.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from funding.errors import FrameError
from funding.exchanges.frame import Frame, ignored, notice
from funding.exchanges.kucoin.rates import Funding, Rates
from funding.exchanges.quotes import EARLIEST_MS, LATEST_MS, believable_due, quote
from funding.exchanges.replies import epoch_ms, rate
from funding.model.quote import is_symbol

PRICES, FUNDING = 0, 1
"""The two classes that arrive apart."""
ESTIMATE = 60_000
INSTRUMENT = "/contract/instrument:"
MAX_ROWS = 10_000

T = TypeVar("T")
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NULL = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    T: str = ""
    P: int | str = 0
    d: msgspec.Raw = _NULL
    id: str | int = ""
    result: bool | str | None = None
    message: str = ""
    reason: str = ""
    type: str = ""
    topic: str = ""
    subject: str = ""
    data: msgspec.Raw = _NULL


class _Mark(msgspec.Struct, gc=False):
    s: str
    mp: str
    ts: int
    ip: str | None = None


class _Fee(msgspec.Struct, gc=False):
    s: str
    fr: str
    nt: int | None = None


class _Instrument(msgspec.Struct, rename="camel", gc=False):
    timestamp: int
    mark_price: float | None = None
    index_price: float | None = None
    funding_rate: float | None = None
    granularity: int = 0


_message = msgspec.json.Decoder(_Message)
_mark = msgspec.json.Decoder(_Mark)
_fee = msgspec.json.Decoder(_Fee)
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_instrument = msgspec.json.Decoder(_Instrument)


def decode(payload: bytes, rates: Rates) -> Frame:
    """One message; what it says of funding is kept in `rates`, for the prices that follow."""
    try:
        message = _message.decode(payload)
    except _UNREADABLE as error:
        raise FrameError(f"not a message of this exchange: {error}") from None
    if message.T:
        return _pushed(message, rates)
    if message.topic:
        return _classic(message, rates)
    if message.message == "welcome" or message.type == "welcome":
        return Frame([], welcome=True)
    if message.type == "error" or message.result in (False, "false"):
        words = message.reason or message.message
        return notice("error", words or bytes(message.data)[:200].decode("utf-8", "replace"))
    if message.result in (True, "true"):
        frame = ignored("acknowledgement")
        frame.acknowledged = (str(message.id),)
        return frame
    return ignored(f"event {message.type[:40]}" if message.type else "other")


def _pushed(message: _Message, rates: Rates) -> Frame:
    frame, data = Frame([]), bytes(message.d)
    if message.T == "mark-price":
        frame.symbol_class = PRICES
        _guarded(frame, data, lambda: _add_mark(frame, data, rates))
    elif message.T in ("funding-fee", "funding-fee-all-symbols"):
        frame.symbol_class = FUNDING
        _guarded(frame, data, lambda: _learn_all(frame, message, rates))
    else:
        frame.ignored[f"event {message.T[:40]}"] += 1
    return frame


def _add_mark(frame: Frame, data: bytes, rates: Rates) -> None:
    row = _mark.decode(data)
    _add_quote(frame, rates, row.s, row.mp, row.ip, epoch_ms(row.ts))


def _learn_all(frame: Frame, message: _Message, rates: Rates) -> None:
    data, at = bytes(message.d), epoch_ms(int(message.P))
    raws = _raws.decode(data) if data.lstrip()[:1] == b"[" else [msgspec.Raw(data)]
    if len(raws) > MAX_ROWS:
        raise FrameError(f"{len(raws)} rows in one message")
    learned = 0
    for raw in raws:
        row = _guarded(frame, bytes(raw), partial(_fee.decode, raw))
        if row is not None:
            learned += _learn(frame, rates, row.s, Funding(row.fr, row.nt or None, at))
    frame.event_time = at if learned else 0


def _classic(message: _Message, rates: Rates) -> Frame:
    frame, data = Frame([]), bytes(message.data)
    symbol = message.topic.removeprefix(INSTRUMENT)
    if symbol == message.topic or message.subject not in ("mark.index.price", "funding.rate"):
        frame.ignored[f"event {message.subject[:40]}"] += 1
        return frame
    row = _guarded(frame, data, lambda: _instrument.decode(data))
    if row is None:
        return frame
    at = epoch_ms(row.timestamp)
    if message.subject == "mark.index.price":
        frame.symbol_class = PRICES
        _add_quote(frame, rates, symbol, row.mark_price, row.index_price, at)
    elif row.granularity != ESTIMATE:
        frame.ignored["event settled rate"] += 1
    else:
        frame.symbol_class = FUNDING
        if _learn(frame, rates, symbol, Funding(row.funding_rate, None, at)):
            frame.event_time = at
    return frame


def _add_quote(
    frame: Frame,
    rates: Rates,
    symbol: str,
    mark: str | float | None,
    index: str | float | None,
    at: int,
) -> None:
    if not is_symbol(symbol):
        frame.reject("symbol", repr(symbol[:60]))
        return
    funding = rates.of(symbol, at)
    found = quote(
        frame,
        symbol,
        mark=mark,
        index=index,
        funding=funding.rate,
        due_ms=funding.due_ms,
        event_time=at,
    )
    if found is not None:
        frame.quotes, frame.event_time = [found], at


def _learn(frame: Frame, rates: Rates, symbol: str, new: Funding) -> bool:
    """Keep what is said of a contract's funding, unless it cannot be true."""
    if not is_symbol(symbol):
        reason = "symbol"
    elif rate(new.rate) is None:
        reason = "funding rate"
    elif not EARLIEST_MS <= new.at_ms <= LATEST_MS:
        reason = "event time"
    elif not believable_due(new.due_ms, new.at_ms):
        reason = "next funding time"
    else:
        rates.learn(symbol, new)
        return True
    frame.reject(reason, f"{symbol[:60]!r} rate {new.rate!r} next {new.due_ms} at {new.at_ms}")
    return False


def _guarded(frame: Frame, data: bytes, read: Callable[[], T]) -> T | None:
    """What `read` returns; None, and a rejected row, where the data is of another form."""
    try:
        return read()
    except (*_UNREADABLE, ValueError) as error:
        frame.reject("form", f"{str(error)[:150]} in {data[:120].decode('utf-8', 'replace')}")
        return None
