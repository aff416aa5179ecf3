"""The contracts of exchanges, without a server."""

import csv
import io

from tests.support.api_world import World
from tests.support.wsgi import ask

LISTED = """
INSERT INTO contract (exchange, symbol, status, contract_type, base_asset, quote_asset, multiplier,
    funding_interval_hours, interval_source, checked_at)
VALUES ('{}', '{}', 'TRADING', 'PERPETUAL', '{}', 'USDC', 1000, 8, 'exchange', 0)
"""


def test_contracts_of_one_exchange_and_of_all(world: World) -> None:
    world.execute(LISTED.format("binance", "1000PEPEUSDC", "PEPE"))
    world.execute(LISTED.format("kucoin", "XBTUSDCM", "BTC"))
    app = world.app()
    (one,) = ask(app, "/contracts").json["data"]
    assert one == {
        "exchange": "binance",
        "symbol": "1000PEPEUSDC",
        "status": "TRADING",
        "contractType": "PERPETUAL",
        "baseAsset": "PEPE",
        "quoteAsset": "USDC",
        "multiplier": 1000.0,
        "deliveryTime": None,
        "fundingIntervalHours": 8,
        "intervalSource": "exchange",
        "rateCap": None,
        "rateFloor": None,
        "listedTime": None,
    }
    found = ask(app, "/contracts?exchange=*").json
    assert [each["symbol"] for each in found["data"]] == ["1000PEPEUSDC", "XBTUSDCM"]
    assert found["total"] == 2


def test_tag_and_table(world: World) -> None:
    app = world.app()
    tag = ask(app, "/contracts").headers["etag"]
    assert ask(app, "/contracts", if_none_match=tag).status == 304
    world.execute(LISTED.format("binance", "BTCUSDC", "BTC"))
    assert ask(app, "/contracts", if_none_match=tag).status == 200
    table = ask(app, "/contracts?format=csv").body.decode()
    (row,) = csv.DictReader(io.StringIO(table))
    assert (row["symbol"], row["deliveryTime"]) == ("BTCUSDC", "")
