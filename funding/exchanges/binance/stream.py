"""Binance USD-M futures: one message of the mark price stream → a Frame.

# Facts
(official SDK binance/binance-connector-python 17.2.0 and captures of 2026-09 and 2026-10)
- Mark prices are served under /market alone. The older addresses /ws and /stream still shake
  hands, acknowledge every SUBSCRIBE and send nothing (retired 2026-04-23).
- `!markPrice@arr@1s` is two messages a second: crypto and COIN-M rows in one (745), TradFi rows
  in the other (217). Neither is a full snapshot, and absence from one says nothing.
"""

import re
from collections import Counter

import msgspec

from funding.errors import FrameError
from funding.exchanges.binance.rows import EVENT, UNREADABLE, decode_rows, kind_decoder
from funding.exchanges.frame import Frame

NAME = "binance"

_STREAM = re.compile(r"!markPrice@arr(@1s)?|[^!@]+@markPrice(@1s)?")
_NOTHING = msgspec.Raw(b"")


class _Envelope(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = _NOTHING
    e: msgspec.Raw = _NOTHING
    event: msgspec.Raw = _NOTHING
    result: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


_envelope = msgspec.json.Decoder(_Envelope)
_text = msgspec.json.Decoder(str)


def decode(payload: bytes) -> Frame:
    """Decode one message.

    Raises `FrameError` when it is not a JSON array or object in UTF-8. Anything else that is
    wrong is counted in the frame: a bad row costs that row alone.
    """
    try:
        if payload.lstrip()[:1] == b"[":
            return decode_rows(payload)
        envelope = _envelope.decode(payload)
        data = bytes(envelope.data)
        if data:
            return _decode_data(envelope.stream, data)
        return _decode_notice(envelope, payload)
    except UNREADABLE as error:
        raise FrameError(f"not a message of this exchange: {error}") from None


def _decode_data(stream: str, data: bytes) -> Frame:
    if not _STREAM.fullmatch(stream):
        return Frame([], ignored=Counter({f"stream {stream[:40] or 'without name'}": 1}))
    if data.lstrip()[:1] == b"{":
        data = b"[" + data + b"]"
    return decode_rows(data)


def _decode_notice(envelope: _Envelope, payload: bytes) -> Frame:
    """A message without market data: an acknowledgement, an error, an announcement."""
    name = _event_name(envelope)
    if name == EVENT:
        return decode_rows(b"[" + payload + b"]")
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
    """What the message, or the event in it, calls itself; "" when it has no name."""
    if bytes(envelope.e):
        return _text.decode(envelope.e)
    try:
        return kind_decoder.decode(envelope.event).e if bytes(envelope.event) else ""
    except UNREADABLE:
        return "unreadable"
