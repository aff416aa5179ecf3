"""Which hosts belong together."""

import pytest

from funding.model.origin import Origin, is_loopback, not_comparable, origin

KINDS = {
    "127.0.0.1": Origin.STAND_IN,
    "127.9.8.7": Origin.STAND_IN,
    "::1": Origin.STAND_IN,
    "localhost": Origin.STAND_IN,
    "fstream.binance.com": Origin.EXCHANGE,
    "fapi.binance.com": Origin.EXCHANGE,
    "10.0.0.1": Origin.EXCHANGE,
    "localhost.example.org": Origin.EXCHANGE,
    "notbinancefuture.com": Origin.EXCHANGE,
    "democracy.example.org": Origin.EXCHANGE,
    "": Origin.EXCHANGE,
    "stream.binancefuture.com": Origin.TESTNET,
    "testnet.binancefuture.com": Origin.TESTNET,
    "demo-fapi.binance.com": Origin.TESTNET,
    "testnet.binance.vision": Origin.TESTNET,
}


@pytest.mark.parametrize("host", KINDS)
def test_kind_of_a_host(host: str) -> None:
    assert origin(host) is KINDS[host]
    assert is_loopback(host) is (KINDS[host] is Origin.STAND_IN)


@pytest.mark.parametrize("feed", KINDS)
@pytest.mark.parametrize("rest", KINDS)
def test_hosts_of_one_kind_belong_together(feed: str, rest: str) -> None:
    text = not_comparable(feed, rest)
    if KINDS[feed] is KINDS[rest]:
        assert text == ""
    else:
        assert text == f"quotes of {feed}, REST of {rest}: not comparable"
