"""Which symbols the consumers follow."""

import pytest

from funding.consumers.universe_rules import from_backend, liquid, perpetuals
from funding.exchanges.binance.rest import Contract


def contract(symbol: str, kind: str = "PERPETUAL", quote: str = "USDT", status: str = "TRADING",
             ) -> Contract:  # fmt: skip
    return Contract(symbol, kind, status, quote, symbol.removesuffix(quote))


def test_perpetuals_are_quoted_in_usdt_and_trade() -> None:
    listed = [
        contract("BTCUSDT"),
        contract("1000PEPEUSDT"),
        contract("币安人生USDT"),
        contract("BTCUSDC", quote="USDC"),
        contract("BTCUSDT_260327", kind="CURRENT_QUARTER"),
        contract("GONEUSDT", status="SETTLING"),
        contract("TSLAUSDT", kind="TRADIFI_PERPETUAL"),
    ]
    found = perpetuals(listed, tradfi=False)
    assert found == {"BTCUSDT": "BTC", "1000PEPEUSDT": "1000PEPE", "币安人生USDT": "币安人生"}
    assert perpetuals(listed, tradfi=True).keys() - found.keys() == {"TSLAUSDT"}


@pytest.mark.parametrize(
    ("volume", "current", "inside"),
    [
        (4e6, False, True), (3_999_999, False, False), (3_999_999, True, True),
        (2e6, True, True), (1_999_999, True, False), (float("nan"), True, False),
    ],
)  # fmt: skip
def test_universe_has_hysteresis(volume: float, current: bool, inside: bool) -> None:
    assert liquid({"A": volume}, {"A"} if current else set()) == ({"A"} if inside else set())


def test_symbol_that_is_no_longer_listed_leaves() -> None:
    assert liquid({}, {"A"}) == set()


@pytest.mark.parametrize(
    "body",
    [b'{"symbols":["B","A","B"]}', b'{"symbols":[{"symbol":"A","x":1},{"symbol":"B"}],"y":2}'],
)
def test_backend_lists_symbols_in_either_form(body: bytes) -> None:
    assert from_backend(body) == ["A", "B"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"17", b"{}", b'{"symbols":[]}', b'{"symbols":{}}', b'{"symbols":[1]}',
        b'{"symbols":[{}]}', b'{"symbols":[""]}', b'{"symbols":["\xff"]}', b'{"symbols":[null]}',
        b'{"symbols":["' + b"A" * 41 + b'"]}', b'{"symbols":[' + b'"A",' * 6_000 + b'"B"]}',
        b"<html>", b"[" * 100_000,
    ],
)  # fmt: skip
def test_reply_that_is_not_a_list_of_symbols_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_backend(body)
