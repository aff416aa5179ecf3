"""A server of ready frames, against a client that others wrote."""

import threading

import pytest
import websocket

from harness.bench.frame_server import Client, accept, listening
from harness.processes import WAIT_SECONDS, port_of


@pytest.mark.parametrize("size", [10, 200, 70_000])
def test_a_client_reads_what_was_sent(size: int) -> None:
    with listening() as server:
        accepted: list[Client] = []
        thread = threading.Thread(target=lambda: accepted.append(accept(server)))
        thread.start()
        client = websocket.create_connection(
            f"ws://127.0.0.1:{port_of(server)}/", timeout=WAIT_SECONDS
        )
        thread.join(WAIT_SECONDS)
        accepted[0].send(b"x" * size)
        assert client.recv() == "x" * size
        accepted[0].close()
        client.shutdown()  # type: ignore[no-untyped-call]
