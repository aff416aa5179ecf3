"""The ingest of a Redis hash: one HSET of all rows per message, decoded as ours are.

`python -m harness.bench.peers.redis_ingest HOST:PORT UNIX_SOCKET`
"""

import sys
import time

import msgspec
import redis
import websockets.exceptions
from websockets.sync.client import connect

from harness.bench.peers.heard import Heard, exchange


class Row(msgspec.Struct):
    """One row on the wire."""

    E: int
    s: str
    p: str
    i: str
    r: str
    T: int
    st: int = 1


class Message(msgspec.Struct):
    """The envelope."""

    data: list[Row] = []


def quote(row: Row, now: float) -> bytes:
    """A row as the API shows it, without its age."""
    return msgspec.json.encode(
        {
            "symbol": row.s,
            "markPrice": float(row.p),
            "fundingRate": float(row.r) if row.T else None,
            "nextFundingTime": row.T or None,
            "indexPrice": float(row.i),
            "updatedAt": now,
            "eventTime": row.E,
            "exchange": "binance",
        }
    )


def main() -> None:
    """For ever."""
    store, heard = redis.Redis(unix_socket_path=sys.argv[2]), Heard()
    decoder = msgspec.json.Decoder(Message)
    address = f"ws://{exchange()}/market/stream?streams=!markPrice@arr@1s"
    while True:
        try:
            with connect(address, max_size=None) as connection:
                for text in connection:
                    rows, now = decoder.decode(text).data, time.time()
                    store.hset(
                        "quote", mapping={row.s: quote(row, now) for row in rows if row.st == 1}
                    )
                    heard.rows(len(rows))
        except (OSError, websockets.exceptions.WebSocketException) as error:
            print(error, file=sys.stderr)
            time.sleep(1)


if __name__ == "__main__":
    main()
