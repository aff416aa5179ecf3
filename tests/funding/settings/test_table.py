"""What a setting's text may be, and what is shown of one that may not."""

import pytest

from funding.errors import SettingError
from funding.settings.secret import Secret
from funding.settings.table import (
    Cast,
    Setting,
    choice,
    fraction,
    number,
    optional_url,
    read_table,
    secret,
    switch,
    whole,
)

COUNT = Setting("FUNDING_COUNT", whole(1, 9), "3", "how many")
KEY = Setting("KEY", secret, "", "opens it")


def test_a_table_is_read_by_attribute_with_its_defaults() -> None:
    assert read_table((COUNT, KEY), {"KEY": "k"}) == {"count": 3, "key": Secret("k")}
    assert read_table((COUNT,), {"FUNDING_COUNT": "9", "OTHER": "x"}) == {"count": 9}


def test_a_text_that_cannot_be_read_is_named_with_what_was_expected() -> None:
    with pytest.raises(SettingError) as caught:
        read_table((COUNT,), {"FUNDING_COUNT": "ten"})
    assert str(caught.value) == "FUNDING_COUNT='ten': expected a whole number, 1 to 9"


def test_a_secret_that_cannot_be_read_is_not_shown() -> None:
    with pytest.raises(SettingError) as caught:
        read_table((KEY,), {"KEY": "hunter 2"})
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    ("cast", "good", "bad"),
    [
        (whole(1, 9), ["1", "9"], ["0", "10", "-1", "1.0", " 1", "\u0661", ""]),
        (number(0.5, 9), ["0.5", "9"], ["0.4", "nan", "inf", "x", ""]),
        (fraction, ["0.5"], ["0", "1", "-0.1"]),
        (switch, ["0", "1"], ["2", "yes", ""]),
        (choice("A", "B", upper=True), ["a", "B"], ["C", ""]),
        (choice("a"), ["a"], ["A"]),
        (
            optional_url,
            ["", "http://a", "https://a:1"],
            ["ftp://a", "http://u:p@a", "http://a b"],
        ),
        (secret, ["", "!~"], ["a b", "\u00e9", "x" * 1_001]),
    ],
)
def test_casts(cast: Cast, good: list[str], bad: list[str]) -> None:
    for text in good:
        cast.read(text)
    for text in bad:
        with pytest.raises(SettingError):
            read_table((Setting("X", cast, "", ""),), {"X": text})
