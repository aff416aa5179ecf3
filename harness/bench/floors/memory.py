"""Ingest and API in one process without SQLite: the stream into a dict, answered by waitress.

`python -m harness.bench.floors.memory WS_URL`, listening on fd 0.
"""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import waitress
import websocket

from harness.bench.floors.bare_ingest import Message

_latest: dict[str, tuple[float, float, int]] = {}


def listen(url: str) -> None:
    """Keep the latest of every symbol."""
    decoder = msgspec.json.Decoder(Message)
    connection = websocket.create_connection(
        url, skip_utf8_validation=True, sockopt=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
    )
    while True:
        _opcode, payload = connection.recv_data()
        now = time.time()
        for row in decoder.decode(payload).data:
            _latest[row.s] = (float(row.p), now, row.E)


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """GET /funding/<symbol>"""
    mark_price, updated_at, event_time = _latest.get(environ["PATH_INFO"][9:], (0.0, 0.0, 0))
    body = msgspec.json.encode(
        {"markPrice": mark_price, "updatedAt": updated_at, "eventTime": event_time}
    )
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


if __name__ == "__main__":
    given = socket.socket(fileno=0)
    threading.Thread(target=listen, args=(sys.argv[1],), daemon=True).start()
    sys.exit(waitress.serve(answer, sockets=[given], threads=4, ident=None, _quiet=True))
