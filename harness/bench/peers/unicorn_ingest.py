"""unicorn-binance-websocket-api: the stream of all mark prices, with the library's defaults.

`python -m harness.bench.peers.unicorn_ingest HOST:PORT`
"""

import json
import time

from unicorn_binance_websocket_api import BinanceWebSocketApiManager

from harness.bench.peers.heard import Heard, exchange

_IDLE_SECONDS = 0.01


def main() -> None:
    """For ever."""
    manager = BinanceWebSocketApiManager(
        exchange="binance.com-futures", websocket_base_uri=f"ws://{exchange()}/",
        disable_colorama=True, warn_on_update=False,
    )  # fmt: skip
    manager.create_stream(["arr@1s"], ["!markPrice"])
    heard = Heard()
    while True:
        message = manager.pop_stream_data_from_stream_buffer()
        if not message:
            time.sleep(_IDLE_SECONDS)
        elif isinstance(message, str) and (rows := json.loads(message).get("data")):
            heard.rows(len(rows))


if __name__ == "__main__":
    main()
