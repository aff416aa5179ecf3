"""Names: of symbols that can be, and of the script that asks."""

import re
import sys
from pathlib import Path

LONGEST_SYMBOL = 100
"""Characters; the exchange's own stay below 30."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def possible(symbol: str) -> bool:
    """Whether there can be such a symbol at all: half a surrogate pair is no UTF-8."""
    return 0 < len(symbol) <= LONGEST_SYMBOL and not _SURROGATE.search(symbol)


def running() -> str:
    """The name of the running script."""
    name = Path(sys.argv[0]).stem
    return name if name and not name.startswith("-") else "client"
