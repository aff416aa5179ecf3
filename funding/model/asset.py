"""One asset, many names: the canonical base asset, and how many of it a name counts.

# Facts
(lists of contracts of the four exchanges, 2026)
- XBT is BTC. 1000PEPE, 1000000MOG and 1MBABYDOGE count thousands and millions; so do kPEPE and
  kSHIB with a small k. 1INCH is a name, and so is KAVA.
- Gold is XAU on one exchange and GOLD on another. The same ticker may also be two assets: NEIRO is
  one on one exchange and another elsewhere, at a twentieth of the price. Only prices tell that.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

_MULTIPLE = re.compile(r"(1M|10{3,6}|k)([^\W\d_a-z].*)")
_COUNTS = {"k": 1_000.0, "1M": 1_000_000.0}
_WORD = re.compile(r"[^\s=/]{1,40}")
_EXPECTED = "NAME = ASSET, or EXCHANGE/NAME = ASSET"


class AliasError(ValueError):
    """A line of the table that cannot be read: its number, its text, and what was expected."""

    def __init__(self, line: int, text: str, expected: str = _EXPECTED) -> None:
        super().__init__(f"line {line}: {text!r}: expected {expected}")
        self.line = line
        self.text = text
        self.expected = expected


class Asset(NamedTuple):
    """A canonical base asset, and how many of it one contract's price is for."""

    name: str
    multiplier: float


@dataclass(frozen=True, slots=True)
class Aliases:
    """Names of assets that mean another: `XBT` everywhere, `kucoin/XBT` on one exchange."""

    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def asset(self, exchange: str, name: str) -> Asset:
        """What `exchange` means by the base asset `name`."""
        found = _MULTIPLE.fullmatch(name)
        base, count = (found[2], found[1]) if found else (name, "1")
        canonical = self.names.get(f"{exchange}/{base}", self.names.get(base, base))
        return Asset(canonical, _COUNTS.get(count) or float(count))


def read_aliases(text: str, exchanges: Collection[str]) -> Aliases:
    """The table in `text`: one `NAME = ASSET` a line, `#` begins a comment; `exchanges` are known.

    Raises `AliasError` for the first line that is something else, that names an asset a second
    time, or that gives a name to one which is itself a name for another.
    """
    names: dict[str, str] = {}
    lines: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        name, equals, asset = (part.strip() for part in content.partition("="))
        if not equals or not _WORD.fullmatch(asset) or not _is_name(name):
            raise AliasError(number, content)
        exchange, slash, _ = name.partition("/")
        if slash and exchange not in exchanges:
            raise AliasError(number, content, f"one of {', '.join(exchanges)} before /")
        if name in names:
            raise AliasError(number, content, f"{name} once, and it is in line {lines[name][0]}")
        names[name], lines[name] = asset, (number, content)
    for name, asset in names.items():
        if asset in names:
            expected = f"an asset, and {asset} is a name for {names[asset]}"
            raise AliasError(*lines[name], expected)
    return Aliases(MappingProxyType(names))


def _is_name(text: str) -> bool:
    exchange, slash, name = text.partition("/")
    return bool(_WORD.fullmatch(exchange) and (not slash or _WORD.fullmatch(name)))
