"""A source of frames at a multiple of the stream's rate."""

import json
from pathlib import Path

import websocket

from harness.processes import WAIT_SECONDS, module, running


def test_it_sends_every_frame_and_says_what_it_sent(tmp_path: Path) -> None:
    command = module("harness.bench.source", 4, 0.5)
    with running(command, tmp_path / "log", piped=True, stdin=-1) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        client = websocket.create_connection(f"ws://127.0.0.1:{port}/", timeout=WAIT_SECONDS)
        received = [json.loads(client.recv())["data"] for _ in range(4)]
        sent = json.loads(process.stdout.readline())
        client.shutdown()  # type: ignore[no-untyped-call]
    assert sent["frames"] == 4
    assert sent["rows"] == sum(row["st"] == 1 for rows in received for row in rows)
    assert sent["event_time"] == received[-1][0]["E"]
    assert [rows[0]["E"] for rows in received] == sorted({rows[0]["E"] for rows in received})
