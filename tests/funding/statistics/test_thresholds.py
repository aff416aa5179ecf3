"""The user's thresholds: what may be written, which line is wrong, and what a cross is."""

import pytest

from funding.errors import SettingError, ThresholdError
from funding.statistics.thresholds import Threshold, ThresholdField, of_symbol, thresholds
from tests.conftest import ROOT

GOOD = """# mine
[[threshold]]
symbol = "btcusdt"
field = "funding_rate"
above = 0.0005
target = "telegram"

[[threshold]]
symbol = "*"
field = "z_score"
below = -3
exchange = "binance"
"""


def test_good_file() -> None:
    one, two = thresholds(GOOD)
    assert one == Threshold(
        "BTCUSDT", ThresholdField.FUNDING_RATE, 0.0005, True, one.target, None, 2
    )
    assert one.target == "telegram"
    assert (two.symbol, two.above, two.value, two.exchange, two.line) == (
        "*",
        False,
        -3.0,
        "binance",
        8,
    )
    assert str(two) == "z_score below -3 (line 8 of signals.toml)"
    assert thresholds("") == []


def test_committed_example_is_good() -> None:
    text = (ROOT / "signals.toml.example").read_text("utf-8")
    assert len(thresholds(text)) >= 2


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (('"funding_rate"', '"funding"'), 4, "field = 'funding': expected one of funding_rate, "),
        (("above = 0.0005", "above = 0.0005\nbelow = 1"), 2, "either above or below"),
        (("above = 0.0005", ""), 2, "either above or below"),
        (("0.0005", '"much"'), 5, "above = 'much': expected a number"),
        (("0.0005", "nan"), 5, "expected a number"),
        (("0.0005", "true"), 5, "expected a number"),
        (("-3", "inf"), 11, "below = inf: expected a number"),
        (('"telegram"', '"pigeon"'), 6, "target = 'pigeon': expected one of backend, "),
        (('symbol = "*"', "symbol = 7"), 9, "symbol = 7: expected a symbol in quotes"),
        (('symbol = "*"', ""), 8, "this threshold has no symbol"),
        (('exchange = "binance"', "exchange = 1"), 12, "expected the name of an exchange"),
        (
            ('exchange = "binance"', "exchnage = 1"),
            12,
            "exchnage = 1: is not known; these are: above",
        ),
        (("# mine", "targets = 1"), 1, "'targets' is not known"),
        (("# mine", "[server]"), 1, "'server' is not known"),
        (('"*"', '"*'), 9, "Illegal character"),
        (("[[threshold]]", "[threshold]"), 8, ""),
    ],
)
def test_error_names_the_line(change: tuple[str, str], line: int, words: str) -> None:
    with pytest.raises(ThresholdError) as caught:
        thresholds(GOOD.replace(*change))
    assert caught.value.line == line
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"signals.toml, line {line}: ")
    assert isinstance(caught.value, SettingError)


def test_other_forms_of_a_list_are_refused() -> None:
    with pytest.raises(ThresholdError, match="under a line"):
        thresholds('threshold = [{symbol = "*", field = "z_score", above = 3}]')
    with pytest.raises(ThresholdError, match="under a line"):
        thresholds("threshold = 3")


@pytest.mark.parametrize(
    ("above", "before", "after", "crossed"),
    [
        (True, 4.0, 5.0, True), (True, 4.0, 6.0, True), (True, 5.0, 6.0, False),
        (True, 6.0, 4.0, False), (True, None, 6.0, False), (True, 4.0, None, False),
        (False, 6.0, 5.0, True), (False, 6.0, 4.0, True), (False, 5.0, 4.0, False),
        (False, 4.0, 6.0, False),
    ],
)  # fmt: skip
def test_cross(above: bool, before: float | None, after: float | None, crossed: bool) -> None:
    threshold = Threshold("*", ThresholdField.MARK_PRICE, 5.0, above, None, None, 1)
    assert threshold.is_crossed(before, after) is crossed


def test_thresholds_of_a_symbol() -> None:
    known = thresholds(GOOD)
    assert of_symbol(known, "binance", "BTCUSDT") == tuple(known)
    assert of_symbol(known, "binance", "btcusdt") == tuple(known)
    assert of_symbol(known, "kucoin", "BTCUSDT") == (known[0],)
    assert of_symbol(known, "binance", "ETHUSDT") == (known[1],)
