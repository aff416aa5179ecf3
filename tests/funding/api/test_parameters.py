"""What a query may say, and how what it may not say is named."""

from typing import Any
from urllib.parse import quote

import pytest

from funding.api.parameters import (
    FORMAT,
    MAX_SHOWN,
    SYMBOLS,
    BadQuery,
    Parameter,
    choice,
    exchange,
    read_query,
    time,
    whole,
)

DAYS = whole("days", 1, 400)
SINCE = time("since")
KNOWN = (DAYS, SINCE, FORMAT, SYMBOLS, exchange(("binance", "kucoin")))


def read(query: str) -> dict[str, Any]:
    return read_query(query, KNOWN)


def refused(query: str, known: tuple[Parameter, ...] = KNOWN) -> BadQuery:
    with pytest.raises(BadQuery) as caught:
        read_query(query, known)
    return caught.value


def test_values_by_keyword() -> None:
    assert read("") == {}
    assert read("days=30&format=csv&exchange=kucoin&symbols=A,B&symbols=C") == {
        "days": 30,
        "form": "csv",
        "exchange": "kucoin",
        "symbols": "A,B,C",
    }


@pytest.mark.parametrize("text", ["0", "401", "-1", "1.5", "", "x", "٣", "1e2", "9" * 5_000])
def test_a_number_out_of_bounds_is_named(text: str) -> None:
    error = refused(f"days={quote(text)}")
    assert error.reason == "days must be a whole number, 1 to 400"
    assert error.facts == {"parameter": "days", "given": text[:MAX_SHOWN]}


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("400", 400), ("007", 7)])
def test_a_number_within_bounds(text: str, value: int) -> None:
    assert read(f"days={text}") == {"days": value}


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("0", 0.0),
        ("1764725610.25", 1_764_725_610.25),
        ("2025-12-03T01:33:30Z", 1_764_725_610.0),
        ("2025-12-03T02:33:30+01:00", 1_764_725_610.0),
    ],
)
def test_a_time_in_either_form(text: str, at: float) -> None:
    assert read(f"since={quote(text)}") == {"since": at}


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "-1", "1764725610000", "yesterday", "2025-12-03", "2025-12-03T01:00"]
)
def test_what_is_no_time_is_named(text: str) -> None:
    error = refused(f"since={text}")
    assert error.reason == "since must be Unix seconds, or a time such as 2026-11-27T00:00:00Z"


def test_a_choice_says_what_there_is() -> None:
    assert choice("a", "x").expected == "x"
    assert choice("a", "x", "y", "z").expected == "x, y or z"
    assert refused("format=xml").reason == "format must be json or csv"


def test_all_exchanges_only_where_many_are_answered() -> None:
    assert refused("exchange=*").reason == "exchange must be binance or kucoin"
    many = (exchange(("binance", "kucoin"), many=True),)
    assert read_query("exchange=*", many) == {"exchange": "*"}
    assert refused("exchange=x", many).reason == "exchange must be binance, kucoin or *"


def test_a_parameter_given_twice_is_not_guessed_at() -> None:
    error = refused("days=1&days=2")
    assert (error.reason, error.facts) == ("days is given twice", {"parameter": "days"})


def test_unknown_parameters_are_named() -> None:
    assert refused("dayz=1&days=1&x").reason == "unknown parameter: dayz, x"


def test_what_is_not_utf8_names_nothing() -> None:
    assert refused("days=%FF").reason == "the query is not UTF-8"
