"""A question to whichever taker hears it, for what does not travel: a path of its API in, that
API's answer out. Pure.

# Facts
- A message of NATS has at most 1 MB (`max_payload`). 400 days of hourly settlements are 1.5 MB of
  JSON, and a tenth of that compressed.
"""

import re
import zlib

import msgspec

from funding.errors import NatsGarbled

LARGEST_BODY = 16 * 1024 * 1024
LARGEST_ANSWER = 1_000_000
_ASKABLE = re.compile(rb"/funding/[!\"$-.0->@-~]{1,200}/(?:history|bars)(?:\?[!-~]{0,500})?")
"""Settled rates and bars, and nothing else of a taker's API."""


class Answer(msgspec.Struct, array_like=True):
    """What the taker's API has answered."""

    status: int
    media: str
    body: bytes


_answer = msgspec.msgpack.Decoder(Answer)


def path_of(question: bytes) -> str | None:
    """The path with its query that is asked for; None: it is not one that may be."""
    return question.decode("ascii") if _ASKABLE.fullmatch(question) else None


def encode(answer: Answer) -> bytes | None:
    """The message for `answer`; None: it would be too large."""
    found = zlib.compress(msgspec.msgpack.encode(answer), 1)
    return found if len(found) <= LARGEST_ANSWER else None


def decode(message: bytes) -> Answer:
    """The answer in `message`. Raises `NatsGarbled`."""
    try:
        whole = zlib.decompressobj().decompress(message, LARGEST_BODY)
        found = _answer.decode(whole)
    except (zlib.error, msgspec.DecodeError) as error:
        raise NatsGarbled("a taker's answer", str(error)[:200]) from None
    if not (200 <= found.status < 600 and found.media.isascii() and found.media.isprintable()):
        raise NatsGarbled("a taker's answer", "its status or kind is none")
    return found
