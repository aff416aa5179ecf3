"""One request to our own API: does it answer in time, and with what the store holds?"""

import http.client
import json
import urllib.parse
from pathlib import Path

from funding.health.facts import Probe
from funding.runtime.deadline import TcpConnection, UnixConnection

TIMEOUT_SECONDS = 2.0


def port(host: str, number: int, symbol: str = "") -> Probe:
    """Ask `host`:`number` for a symbol that the store has a fresh quote of; without one, for the
    health: there "unhealthy" is a good answer, too."""
    connection = TcpConnection(host, number, timeout=TIMEOUT_SECONDS)
    return _ask(connection, f"{host}:{number}", symbol)


def unix(path: Path, host: str, number: int, symbol: str = "") -> Probe:
    """The same for one process, at its own socket `path`."""
    return _ask(UnixConnection(path, TIMEOUT_SECONDS), f"{host}:{number}", symbol)


def _ask(connection: http.client.HTTPConnection, host: str, symbol: str) -> Probe:
    path = f"/funding/{urllib.parse.quote(symbol, safe='') or 'health'}"
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        body = response.read(100_000)
    except (OSError, http.client.HTTPException) as error:
        return Probe(False, f"{type(error).__name__}: {error}"[:200])
    finally:
        connection.close()
    status, detail = response.status, f"status {response.status}"
    if status == 200 or (status == 503 and not symbol and _error(body) == "unhealthy"):
        return Probe(True, detail)
    words = _error(body)
    detail += f", {words}" if words else ""
    return Probe(status in (404, 503), f"{detail} for {path}", serves=False)


def _error(body: bytes) -> str:
    """The `error` of an answer, cut to a few words."""
    try:
        return str(json.loads(body)["error"])[:60]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
