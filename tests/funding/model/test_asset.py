"""Canonical names of assets, and the table of other names."""

import pytest

from funding.model.asset import AliasError, Aliases, read_aliases

KNOWN = ("binance", "kucoin")
TABLE = """
# comment
XBT = BTC
GOLD = XAU   # on two exchanges
kucoin/NEIRO = NEIROETH
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BTC", ("BTC", 1.0)),
        ("XBT", ("BTC", 1.0)),
        ("1000PEPE", ("PEPE", 1_000.0)),
        ("kPEPE", ("PEPE", 1_000.0)),
        ("10000LADYS", ("LADYS", 10_000.0)),
        ("1000000MOG", ("MOG", 1_000_000.0)),
        ("1MBABYDOGE", ("BABYDOGE", 1_000_000.0)),
        ("1000XBT", ("BTC", 1_000.0)),
        ("1000X", ("X", 1_000.0)),
        ("1INCH", ("1INCH", 1.0)),
        ("1000", ("1000", 1.0)),
        ("KAVA", ("KAVA", 1.0)),
        ("kava", ("kava", 1.0)),
        ("k", ("k", 1.0)),
        ("币安人生", ("币安人生", 1.0)),
        ("NEIRO", ("NEIRO", 1.0)),
    ],
)
def test_base_asset_is_canonical(name: str, expected: tuple[str, float]) -> None:
    assert read_aliases(TABLE, KNOWN).asset("binance", name) == expected


def test_one_exchange_may_mean_another_asset() -> None:
    assert read_aliases(TABLE, KNOWN).asset("kucoin", "NEIRO").name == "NEIROETH"
    assert Aliases().asset("kucoin", "XBT").name == "XBT"


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("XBT BTC", 1, "NAME = ASSET"),
        ("\n\nXBT =", 3, "NAME = ASSET"),
        ("= BTC", 1, "NAME = ASSET"),
        ("A B = C", 1, "NAME = ASSET"),
        ("/A = B", 1, "NAME = ASSET"),
        ("kucoin/ = B", 1, "NAME = ASSET"),
        ("XBT = BTC\nkukoin/XBT = BTC", 2, "one of binance, kucoin before /"),
        ("XBT = BTC\nXBT = ETH", 2, "once, and it is in line 1"),
        ("XBT = BTC\n\nBITCOIN = XBT", 3, "XBT is a name for BTC"),
    ],
)
def test_line_that_cannot_be_read_is_named(text: str, line: int, expected: str) -> None:
    with pytest.raises(AliasError, match=expected) as caught:
        read_aliases(text, KNOWN)
    assert caught.value.line == line
