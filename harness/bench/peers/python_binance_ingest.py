"""python-binance: all_mark_price_socket, with the library's defaults.

`python -m harness.bench.peers.python_binance_ingest HOST:PORT`
"""

import asyncio
import sys

from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import (
    BinanceWebsocketClosed,
    BinanceWebsocketUnableToConnect,
    ReadLoopClosed,
)
from websockets.exceptions import WebSocketException

from harness.bench.peers.heard import Heard, exchange

_GIVEN_UP = (
    BinanceWebsocketClosed,
    BinanceWebsocketUnableToConnect,
    ReadLoopClosed,
    WebSocketException,
)


async def main() -> None:
    """For ever; the library connects again by itself, and tells in messages what it met.

    A stream that it has given up raises at the next `recv`, and is started again.
    """
    BinanceSocketManager.FSTREAM_URL = f"ws://{exchange()}/"
    manager, heard = BinanceSocketManager(AsyncClient()), Heard()
    while True:
        try:
            async with manager.all_mark_price_socket() as stream:
                while True:
                    message = await stream.recv()
                    if message and "data" in message:
                        heard.rows(len(message["data"]))
        except (OSError, RuntimeError, *_GIVEN_UP) as error:
            print(type(error).__name__, error, file=sys.stderr)
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main())
