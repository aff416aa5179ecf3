"""What a stream name asks for. Pure.

# Facts

- Symbols in stream names are lowercase; `BTCUSDT@...` is acknowledged and delivers nothing, and so
  is any name that does not exist (measured 2026-10-07).
- `!markPrice@arr` comes every 3 s, `!markPrice@arr@1s` every second, likewise `<symbol>@markPrice`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_ONE = re.compile(r"(?P<symbol>[^!@/]+)@markPrice(?P<second>@1s)?")


@dataclass(frozen=True, slots=True)
class Subscription:
    """`kind` of data, every how many ticks, and for one symbol's stream its uppercase symbol."""

    kind: Literal["all", "one", "tickers"]
    every: int = 1
    symbol: str = ""


_FIXED = {
    "!markPrice@arr@1s": Subscription("all"),
    "!markPrice@arr": Subscription("all", every=3),
    "!ticker@arr": Subscription("tickers"),
}


def parse(name: str) -> Subscription | None:
    """What the name asks for; None for a name that will stay silent."""
    if name in _FIXED:
        return _FIXED[name]
    match = _ONE.fullmatch(name)
    if match is None or match["symbol"] != match["symbol"].lower():
        return None
    return Subscription("one", 1 if match["second"] else 3, match["symbol"].upper())
