"""The user's thresholds: the text of `signals.toml` → values, and whether a quote crosses one.

```
[[threshold]]
symbol = "BTCUSDT"        # or "*" for every symbol
field = "funding_rate"
above = 0.0005            # or below = …
target = "telegram"       # left out: every target
exchange = "binance"      # left out: every exchange
```
"""

import math
import re
import tomllib
from collections.abc import Collection
from enum import StrEnum
from typing import Any, NamedTuple

from funding.errors import ThresholdError
from funding.model.alert import TargetName
from funding.model.quote import fold

EVERY = "*"


class ThresholdField(StrEnum):
    """What of a quote a threshold is about: rates are fractions, per interval or per year."""

    FUNDING_RATE = "funding_rate"
    ANNUALIZED_RATE = "annualized_rate"
    Z_SCORE = "z_score"
    PERCENTILE = "percentile"
    MARK_PRICE = "mark_price"
    INDEX_PRICE = "index_price"


class Threshold(NamedTuple):
    """One `[[threshold]]`; `symbol` is folded, `line` is where it stands in the file. `target` and
    `exchange` are None for all."""

    symbol: str
    field: ThresholdField
    value: float
    above: bool
    target: TargetName | None
    exchange: str | None
    line: int

    def is_crossed(self, before: float | None, after: float | None) -> bool:
        """Whether the field has reached the value from its other side."""
        if before is None or after is None:
            return False
        return before < self.value <= after if self.above else before > self.value >= after

    def __str__(self) -> str:
        side = "above" if self.above else "below"
        return f"{self.field} {side} {self.value:g} (line {self.line} of signals.toml)"


_HEADER = re.compile(r"\s*\[\[\s*threshold\s*\]\]")
_KEYS = frozenset({"symbol", "field", "above", "below", "target", "exchange"})


def thresholds(text: str, exchanges: Collection[str] = ()) -> list[Threshold]:
    """The thresholds in the text of a `signals.toml`; a `ThresholdError` names the first line that
    is wrong. Where `exchanges` are given, no other one can be meant."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ThresholdError(_line_in(str(error), text), _without_place(str(error))) from None
    lines = text.splitlines()
    unknown = next((key for key in document if key != "threshold"), None)
    if unknown is not None:
        line = _line_of(lines, 0, unknown)
        raise ThresholdError(line, f"{unknown!r} is not known: only [[threshold]] is")
    tables = document.get("threshold", [])
    starts = [number for number, line in enumerate(lines, 1) if _HEADER.match(line)]
    if not isinstance(tables, list) or len(starts) != len(tables):
        raise ThresholdError(1, "write each threshold under a line [[threshold]]")
    found = []
    for table, start in zip(tables, starts, strict=True):
        each = _threshold(table, start, lines)
        if exchanges and each.exchange is not None and each.exchange not in exchanges:
            line = _line_of(lines, start, "exchange")
            expected = f"expected one of {', '.join(exchanges)}"
            raise ThresholdError(line, f"exchange = {each.exchange!r}: {expected}")
        found.append(each)
    return found


def of_symbol(known: list[Threshold], exchange: str, symbol: str) -> tuple[Threshold, ...]:
    """Those among `known` that are about this symbol."""
    names = (EVERY, fold(symbol))
    return tuple(
        each for each in known if each.symbol in names and each.exchange in (None, exchange)
    )


def _threshold(table: dict[str, Any], start: int, lines: list[str]) -> Threshold:
    def wrong(key: str, expected: str) -> ThresholdError:
        return ThresholdError(_line_of(lines, start, key), f"{key} = {table[key]!r}: {expected}")

    for key in table:
        if key not in _KEYS:
            raise wrong(key, f"is not known; these are: {', '.join(sorted(_KEYS))}")
    for key in ("symbol", "field"):
        if key not in table:
            raise ThresholdError(start, f"this threshold has no {key}")
    symbol, exchange = table["symbol"], table.get("exchange")
    if not isinstance(symbol, str) or not symbol:
        raise wrong("symbol", f'expected a symbol in quotes, or "{EVERY}"')
    if exchange is not None and (not isinstance(exchange, str) or not exchange):
        raise wrong("exchange", "expected the name of an exchange in quotes")
    if table["field"] not in list(ThresholdField):
        raise wrong("field", f"expected one of {', '.join(ThresholdField)}")
    target = table.get("target")
    if target is not None and target not in list(TargetName):
        raise wrong("target", f"expected one of {', '.join(TargetName)}")
    sides = [side for side in ("above", "below") if side in table]
    if len(sides) != 1:
        raise ThresholdError(start, "this threshold needs either above or below")
    value = table[sides[0]]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise wrong(sides[0], "expected a number")
    return Threshold(
        fold(symbol),
        ThresholdField(table["field"]),
        float(value),
        sides[0] == "above",
        None if target is None else TargetName(target),
        exchange,
        start,
    )


def _line_of(lines: list[str], start: int, key: str) -> int:
    """The line on which `key` is set, or the table of that name begins, after line `start`."""
    own = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    numbered = enumerate(lines[start:], start + 1)
    return next((number for number, line in numbered if own.match(line)), max(start, 1))


def _line_in(error: str, text: str) -> int:
    found = re.search(r"at line (\d+)", error)
    return int(found[1]) if found else max(1, len(text.splitlines()))


def _without_place(error: str) -> str:
    return re.sub(r" \(at .*\)$", "", error)
