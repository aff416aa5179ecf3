"""How values are written, whatever draws them: times, figures, and names out of the database."""

import unicodedata
from datetime import UTC, datetime


def iso(at: float) -> str:
    """Unix seconds as UTC to the second."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return f"{at:g}"


def clean(value: object) -> str:
    """`value` on one line: what a terminal would obey is written out instead."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in str(value)
    )


def columns(text: str) -> int:
    """How many columns `text` takes: characters of East Asia take two, marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def fitted(value: object, width: int) -> str:
    """`value` in exactly `width` columns, aligned to the right when negative."""
    text, room = clean(value), abs(width)
    if columns(text) > room:
        text = text[: 8 * room]  # otherwise a name of megabytes is cut letter by letter
        while columns(text) > room - 1:
            text = text[:-1]
        text += "…"
    space = " " * (room - columns(text))
    return text + space if width > 0 else space + text


def value(number: object) -> str:
    """A price or rate as it is, without noise."""
    return "–" if number is None else f"{number:.12g}" if isinstance(number, float) else str(number)


def percentage(number: float) -> str:
    """Six decimals, as far as nine columns hold them."""
    return f"{number:.6f}" if number < 100 else f"{number:.7g}"
