"""Reading the replies of any exchange's REST interface. Pure.

One bad reply costs its call; it never costs more than that.
"""

import math
import re
from typing import Annotated, TypeVar

import msgspec

from funding.errors import RestGarbled
from funding.exchanges.exchange import Reply

T = TypeVar("T")

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""A time before the year 10000: JSON's numbers have no limit, a stored one has 64 bits."""

HOUR_MS = 3_600_000
_DECIMAL = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)


def read(decoder: "msgspec.json.Decoder[T]", reply: Reply, route: str) -> T:
    """The body of `reply` as `decoder` reads it; `RestGarbled` where it is of another form."""
    try:
        return decoder.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RestGarbled(f"{route}: {str(error)[:200]}") from error


def decimal(value: str | float | None) -> float | None:
    """A finite number from a decimal string or a JSON number; None for anything else, "" too.

    float() alone would also take "nan", "1_000", " 1 " and digits of other scripts.
    """
    if isinstance(value, str):
        value = float(value) if _DECIMAL.fullmatch(value) else None
    return value if value is not None and math.isfinite(value) else None


def price(value: str | float | None) -> float | None:
    """A positive decimal, or None."""
    found = decimal(value)
    return found if found is not None and 0 < found <= 1e12 else None


def rate(value: str | float | None) -> float | None:
    """A fraction between -1 and 1, or None."""
    found = decimal(value)
    return found if found is not None and -1 < found < 1 else None


def epoch_ms(time: int) -> int:
    """A time since 1970 in milliseconds, whether it is told in ms, µs or ns: the three do not meet
    between the years 1973 and 5138, and documents are wrong about which it is."""
    for limit, divisor in ((10**17, 10**6), (10**14, 10**3)):
        if time >= limit:
            return time // divisor
    return time


def whole_hours(milliseconds: int | None) -> int | None:
    """A funding interval in hours; None where there is none, or one that is not of whole hours."""
    if milliseconds is None or milliseconds % HOUR_MS or not 1 <= milliseconds // HOUR_MS <= 1_000:
        return None
    return milliseconds // HOUR_MS
