"""What deploy/install.sh asks about an installation."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from deploy.ask import health, main, migrates
from funding.store.upgrades import VERSION

HEALTHY = '{"status": "healthy", "lastConnectedTime": 300.0}'


@contextmanager
def answering(body: str, of: Mapping[str, str] = MappingProxyType({})) -> Iterator[int]:
    """The port of an API that answers everything with `body`, except for the exchanges in `of`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(of.get(self.path.partition("=")[2], body).encode())

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
        good, text = health("127.0.0.1", port, "kucoin", 100.0)
    assert good
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
def test_what_is_not_healthy_or_was_so_before_is_told(body: str) -> None:
    with answering(body) as port:
        good, text = health("127.0.0.1", port, "binance", 100.0)
    assert not good
    assert "/funding/health" in text


def test_nobody_answers() -> None:
    with answering("") as port:
        pass
    assert "ConnectionRefusedError" in health("127.0.0.1", port, "binance")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "lines"),
    [
        (["healthy"], 0, ["kucoin"]),
        (["health", "100", "kucoin"], 0, ["exchange=kucoin"]),
        (["health", "100", "kucoin", "binance"], 1, ["exchange=binance"]),
        (["health", "100"], 1, ["exchange=binance"]),
        (["health", "100", "gone", "kucoin"], 0, ["exchange=kucoin"]),
        (["health", "301"], 1, ["exchange=binance", "exchange=kucoin"]),
    ],
)
def test_answers_of_all_exchanges_or_of_those_that_were_healthy(
    arguments: list[str],
    code: int,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FUNDING_EXCHANGES", "binance,kucoin")
    with answering(HEALTHY, {"binance": '{"status": "unhealthy"}'}) as port:
        monkeypatch.setenv("FUNDING_API_PORT", str(port))
        assert main(*arguments) == code
    said = capsys.readouterr().out.splitlines()
    assert [line for line, words in zip(said, lines, strict=True) if words not in line] == []


@pytest.mark.parametrize(
    ("version", "expected"),
    [(None, "no"), (0, "no"), (VERSION, "no"), (VERSION - 1, "yes"), (VERSION + 1, "back")],
)
def test_database_of_another_version_migrates(
    tmp_path: Path, version: int | None, expected: str
) -> None:
    database = tmp_path / "funding.db"
    if version is not None:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
    assert migrates(database) == expected


def test_what_is_no_database_is_left_to_ingest(tmp_path: Path) -> None:
    database = tmp_path / "funding.db"
    database.write_bytes(b"rubbish" * 1_000)
    assert migrates(database) == "no"
