"""cryptofeed: FUNDING of every perpetual, with the library's defaults.

`python -m harness.bench.peers.cryptofeed_ingest HOST:PORT`.
It knows no stream of all symbols, and asks the retired address; here it is given the one that
delivers.
"""

import asyncio
from dataclasses import replace
from typing import Any

from cryptofeed import FeedHandler
from cryptofeed.connection import WebsocketEndpoint
from cryptofeed.defines import FUNDING
from cryptofeed.exchanges import BinanceFutures

from harness.bench.peers.heard import Heard, exchange

heard = Heard()


class StandIn(BinanceFutures):  # type: ignore[misc]
    """Binance futures at another address."""

    websocket_endpoints = [  # noqa: RUF012 (so named by the library)
        WebsocketEndpoint(f"ws://{exchange()}/market", options={"compression": None})
    ]
    rest_endpoints = [  # noqa: RUF012
        replace(BinanceFutures.rest_endpoints[0], address=f"http://{exchange()}")
    ]


async def funding(_data: Any, _received: float) -> None:
    """One symbol."""
    heard.rows(1)


def main() -> None:
    """For ever."""
    symbols = [one for one in StandIn.symbols() if one.endswith("-PERP")]
    handler = FeedHandler()
    asyncio.set_event_loop(asyncio.new_event_loop())  # uvloop makes none by itself any more
    handler.add_feed(StandIn(symbols=symbols, channels=[FUNDING], callbacks={FUNDING: funding}))
    handler.run()


if __name__ == "__main__":
    main()
