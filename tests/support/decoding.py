"""Damage that every decoder is fed with: cut, changed byte by byte, and rubbish."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from funding.errors import FrameError
from funding.exchanges.frame import Frame

Decode = Callable[[bytes, int], Frame]
RUBBISH = (
    *(b"", b" ", b"\0", b"\xff\xfe", b"null", b"true", b"0", b'"text"', b"[]", b"{}", b"[{}]"),
    *(b"[" * 100_000, b'{"a":' * 50_000, b"1" * 5_000, b'{"data":null}', b'{"channel":1}'),
    *(b'{"T":"mark-price"}', b'{"stream":"x","data":{}}', b'{"topic":"x"}', b"<html>502</html>"),
)


def damaged(payload: bytes) -> Iterator[bytes]:
    """`payload` cut at every byte, and with every byte changed in a few ways."""
    for end in range(len(payload)):
        yield payload[:end]
    for at in range(len(payload)):
        for other in (b'"', b"0", b"\xff", b"}"):
            yield payload[:at] + other + payload[at + 1 :]


def decoded(decode: Decode, payloads: Iterable[bytes], received_ms: int) -> list[Frame]:
    """The frame of each of `payloads`; those refused with a `FrameError` are left out. Whatever
    else is raised is a defect."""
    frames = []
    for payload in payloads:
        with suppress(FrameError):
            frames.append(decode(payload, received_ms))
    return frames
