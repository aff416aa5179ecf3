"""Which markets are followed, and their coins."""

import json
from pathlib import Path

import msgspec
import pytest

from funding.errors import RestBanned, RestGarbled, RestRefused
from funding.exchanges.exchange import Options, Request
from funding.exchanges.hyperliquid import markets
from tests.support.conversations import asked

OPTIONS = Options("wss://unused", "https://rest.test")


def test_request_is_posted_to_one_address() -> None:
    request = markets.info(OPTIONS, "fundingHistory", 45, coin="BTC", startTime=1)
    assert (request.url, request.weight) == ("https://rest.test/info", 45)
    assert json.loads(request.body or b"") == {
        "type": "fundingHistory",
        "coin": "BTC",
        "startTime": 1,
    }
    assert json.loads(markets.info(OPTIONS, "meta", dex=markets.MAIN).body or b"") == {
        "type": "meta"
    }


def test_recorded_list_has_39_coins_that_do_not_live(recorded: Path) -> None:
    body = (recorded / "hyperliquid" / "metaAndAssetCtxs_full_2026-03.json").read_bytes()
    market = msgspec.json.decode(body, type=tuple[markets.Market, list[markets.Context]])[0]
    living = market.living()
    assert (len(market.universe), len(living)) == (229, 190)
    assert "MATIC" not in living
    assert {"BTC", "kPEPE"} <= set(living)


def test_list_of_builder_markets_that_cannot_be_had_is_a_reason() -> None:
    def answer(request: Request) -> object:
        if b"perpDexs" in (request.body or b""):
            raise RestRefused(422, None, "no such type")
        return {"universe": [{"name": "BTC", "isDelisted": None}]}

    found, _ = asked(markets.markets(OPTIONS._replace(markets=("xyz",))), answer)
    assert list(found.found) == [markets.MAIN]
    assert "no such type" in found.missing["xyz"]


def test_ban_is_no_reason_to_go_on() -> None:
    def answer(request: Request) -> object:
        if b"perpDexs" in (request.body or b""):
            return [None, {"name": "xyz"}]
        if b"xyz" in (request.body or b""):
            raise RestBanned("429", 60)
        return {"universe": []}

    with pytest.raises(RestBanned):
        asked(markets.markets(OPTIONS._replace(markets=("*",))), answer)


@pytest.mark.parametrize("body", [b"[]", b'{"universe":[{}]}', b'{"universe":{}}', b"null", b""])
def test_list_of_another_form_is_garbled(body: bytes) -> None:
    with pytest.raises(RestGarbled):
        asked(markets.markets(OPTIONS), lambda _: body)
