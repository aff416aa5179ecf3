"""Reading query parameters, and refusing them in the exchange's words. Pure.

# Facts

- -1121 "Invalid symbol.", -1120 "Invalid interval." and -1130 were measured on 2026-10-07; -1102,
  -1100 and -1105 are documented codes. All come with status 400.
"""

from __future__ import annotations

from collections.abc import Mapping

Query = Mapping[str, str]


class ApiError(Exception):
    """A refusal as the exchange words it."""

    def __init__(self, code: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status

    def body(self) -> dict[str, object]:
        """{"code","msg"}."""
        return {"code": self.code, "msg": self.text}


def limit(query: Query, *, default: int, largest: int) -> int:
    """The `limit` asked for, 1 to `largest`."""
    asked = integer(query, "limit")
    if asked is None:
        return default
    if not 1 <= asked <= largest:
        raise ApiError(-1130, "Data sent for parameter 'limit' is not valid.")
    return asked


def integer(query: Query, name: str) -> int | None:
    """A whole number, or None when it was not sent."""
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        legal = "legal range is '^[0-9]{1,20}$'."
        raise ApiError(-1100, f"Illegal characters found in parameter '{name}'; {legal}")
    return int(text)


def mandatory(name: str) -> ApiError:
    """The refusal of a request without this parameter."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return ApiError(-1102, text)
