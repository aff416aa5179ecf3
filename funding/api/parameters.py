"""What a query may say: each parameter's name, and what its text may be. Pure."""

import math
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

MAX_SHOWN = 100
"""Characters of a text from a URL that an answer repeats."""
MAX_NAMED = 5
"""Unknown parameters that an answer names."""
ALL_EXCHANGES = "*"
LATEST_SECONDS = 99_999_999_999.0
"""A time beyond this was meant in milliseconds."""


class Parameter(NamedTuple):
    """One parameter of a route: `read` raises ValueError unless the text is what is `expected`.

    Where it is `repeatable` it may stand in a query several times, and `read` takes all texts
    joined by commas. `keyword` is what a handler calls it, where that is not its name. `schema` is
    JSON Schema of its value: what has it can be read.
    """

    name: str
    read: Callable[[str], Any]
    expected: str
    repeatable: bool = False
    keyword: str = ""
    schema: Mapping[str, Any] | None = None


class BadQuery(Exception):
    """The query cannot be answered; `facts` name the parameter and what it was given."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.facts = facts


def read_query(text: str, known: Iterable[Parameter]) -> dict[str, Any]:
    """The values of the parameters in the query `text`, by keyword.

    Raises `BadQuery` for a value that cannot be read, for a parameter that stands there twice,
    and for one that is not `known`: to ignore it would answer something else than was asked.
    """
    try:
        # Strict: what is not UTF-8 names nothing.
        found = urllib.parse.parse_qs(text, True, encoding="utf-8", errors="strict")
    except ValueError:
        raise BadQuery("the query is not UTF-8") from None
    parameters = {parameter.name: parameter for parameter in known}
    unknown = [name[:MAX_SHOWN] for name in found if name not in parameters]
    if unknown:
        raise BadQuery(f"unknown parameter: {', '.join(unknown[:MAX_NAMED])}")
    given = [(parameters[name], texts) for name, texts in found.items()]
    return {each.keyword or each.name: _value(each, texts) for each, texts in given}


def _value(parameter: Parameter, texts: Sequence[str]) -> Any:
    name, given = parameter.name, ",".join(texts)
    if len(texts) > 1 and not parameter.repeatable:
        raise BadQuery(f"{name} is given twice", parameter=name)
    try:
        return parameter.read(given)
    except ValueError:
        reason = f"{name} must be {parameter.expected}"
        raise BadQuery(reason, parameter=name, given=given[:MAX_SHOWN]) from None


def whole(name: str, low: int, high: int) -> Parameter:
    """A whole number, `low` to `high`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise ValueError
        return int(text)

    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Parameter(name, read, f"a whole number, {low} to {high}", schema=schema)


def choice(name: str, *texts: str) -> Parameter:
    """One of `texts`."""

    def read(text: str) -> str:
        if text not in texts:
            raise ValueError
        return text

    *others, last = texts
    expected = f"{', '.join(others)} or {last}" if others else last
    return Parameter(name, read, expected, schema={"type": "string", "enum": list(texts)})


_TIME = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": LATEST_SECONDS},
        {
            "type": "string",
            "pattern": r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
            r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
        },
    ]
}


def time(name: str) -> Parameter:
    """An instant: Unix seconds, or ISO 8601 with its offset (`2026-11-27T00:00:00Z`)."""

    def read(text: str) -> float:
        try:
            at = float(text)
        except ValueError:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise
            at = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
        if not (math.isfinite(at) and 0 <= at <= LATEST_SECONDS):
            raise ValueError
        return at

    expected = "Unix seconds, or a time such as 2026-11-27T00:00:00Z"
    return Parameter(name, read, expected, schema=_TIME)


def exchange(known: Sequence[str], *, many: bool = False) -> Parameter:
    """One of the `known` exchanges; `*` for all of them where `many` are answered."""
    return choice("exchange", *known, *([ALL_EXCHANGES] if many else []))


FORMAT = choice("format", "json", "csv")._replace(keyword="form")
SYMBOLS = Parameter(
    "symbols",
    lambda text: text,
    "symbols, joined by commas",
    repeatable=True,
    schema={"type": "string", "pattern": r"[^\s,]"},
)
