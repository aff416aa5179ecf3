"""What deploy/install.sh asks about an installation."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.ask import health, migrates
from funding.store.upgrades import VERSION


@contextmanager
def answering(body: str) -> Iterator[int]:
    """The port of an API that answers everything with `body`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Not on the terminal."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_what_the_api_says_of_a_healthy_service() -> None:
    body = json.dumps({"status": "healthy", "lastConnectedTime": 100.0})
    with answering(body) as port:
        text = health("127.0.0.1", port, "kucoin", 100.0)
    assert text == f"http://127.0.0.1:{port}/funding/health?exchange=kucoin: {body}"


@pytest.mark.parametrize(
    "body",
    [
        '{"status": "degraded", "lastConnectedTime": 200}',
        '{"status": "healthy", "lastConnectedTime": 99.9}',
        '{"status": "healthy", "lastConnectedTime": null}',
        '{"error": "no"}',
        "rubbish",
        "[]",
    ],
)
def test_what_is_not_healthy_or_was_so_before_ends_with_what_was_seen(body: str) -> None:
    with answering(body) as port, pytest.raises(SystemExit, match="/funding/health") as ended:
        health("127.0.0.1", port, "binance", 100.0)
    assert isinstance(ended.value.code, str)  # exit code 1, and this on stderr


def test_nobody_answers() -> None:
    with answering("") as port:
        pass
    with pytest.raises(SystemExit, match="ConnectionRefusedError"):
        health("127.0.0.1", port, "binance", 0.0)


@pytest.mark.parametrize(
    ("version", "expected"), [(None, False), (0, False), (VERSION, False), (VERSION - 1, True)]
)
def test_database_of_another_version_migrates(
    tmp_path: Path, version: int | None, expected: bool
) -> None:
    database = tmp_path / "funding.db"
    if version is not None:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
    assert migrates(database) == expected
