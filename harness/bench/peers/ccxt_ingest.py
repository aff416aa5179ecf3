"""ccxt.pro: watch_mark_prices of all symbols, with the library's defaults.

`python -m harness.bench.peers.ccxt_ingest HOST:PORT`
"""

import asyncio
import sys
from urllib.parse import urlsplit

import ccxt.pro
from ccxt.base.errors import NetworkError

from harness.bench.peers.heard import Heard, exchange


async def main() -> None:
    """For ever; a network error ends one call, as the manual says, and the next one goes on."""
    client, heard = ccxt.pro.binanceusdm(), Heard()
    client.options["fetchMarkets"] = {"types": ["linear"]}
    client.has["fetchCurrencies"] = False
    addresses = client.urls["api"]
    for name in [name for name in addresses if name.startswith("fapi")]:
        path = urlsplit(addresses[name]).path
        addresses[name] = f"http://{exchange()}{path}"
    addresses["ws"]["linear"] = f"ws://{exchange()}/ws"
    try:
        while True:
            try:
                heard.rows(len(await client.watch_mark_prices()))
            except NetworkError as error:
                print(type(error).__name__, error, file=sys.stderr)
                await asyncio.sleep(0.1)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
