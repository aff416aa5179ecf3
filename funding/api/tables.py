"""Tables as CSV (RFC 4180): what `?format=csv` answers. Pure."""

import csv
from collections.abc import Iterable, Sequence
from math import inf
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

import msgspec

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula, and texts come from outside: symbols,
also those that a URL asked for, and messages of an exchange. An apostrophe makes it a text."""


RowOf = TypeVar("RowOf")


class Table(msgspec.Struct, Generic[RowOf]):
    """Rows, and how many they are."""

    data: list[RowOf]
    total: int


class CutTable(Table[RowOf], Generic[RowOf]):
    """The same of what may be more: it is `truncated` where there are more rows."""

    truncated: bool


class SymbolTable(CutTable[RowOf], Generic[RowOf]):
    """The same of one symbol."""

    exchange: str
    symbol: str


def columns(kind: type[msgspec.Struct]) -> list[str]:
    """The names of the fields of `kind`, as its JSON has them."""
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def as_csv(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """A header line and a line for each of `rows`; what has no value is empty."""
    parts: list[str] = []
    writer = csv.writer(SimpleNamespace(write=parts.append), lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_text(value) for value in row] for row in rows)
    return "".join(parts).encode("utf-8")


def _text(value: Any) -> Any:
    if value is None or value is msgspec.UNSET or value == inf:  # as JSON, which has null
        return ""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return ("false", "true")[value] if isinstance(value, bool) else value
