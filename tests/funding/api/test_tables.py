"""Tables as CSV."""

import csv
from math import inf

import msgspec
import pytest

from funding.api.tables import as_csv, columns


class _Row(msgspec.Struct, rename="camel"):
    mark_price: float
    zone: str | None = None


def test_columns_have_the_names_of_the_json() -> None:
    assert columns(_Row) == ["markPrice", "zone"]


def test_lines_end_as_the_standard_says() -> None:
    assert as_csv(["a", "b"], [[1, 2.5], ["x", "y"]]) == b"a,b\r\n1,2.5\r\nx,y\r\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (msgspec.UNSET, ""), (inf, ""), (True, "true"), (False, "false"), (0, "0")],
)
def test_values_without_a_text_of_their_own(value: object, text: str) -> None:
    assert as_csv(["a", "b"], [[value, 1]]) == f"a,b\r\n{text},1\r\n".encode()


@pytest.mark.parametrize("text", ["a,b", 'say "x"', "two\nlines", "币安人生USDT", "x\r\ny"])
def test_any_text_is_read_back(text: str) -> None:
    table = as_csv(["a", "b"], [[text, 1.5e-8]]).decode()
    assert list(csv.reader(table.splitlines(keepends=True))) == [["a", "b"], [text, "1.5e-08"]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_is_a_formula(text: str) -> None:
    (_, row) = csv.reader(as_csv(["a", "b"], [[text, -0.5]]).decode().splitlines(keepends=True))
    assert row == [f"'{text}", "-0.5"]
