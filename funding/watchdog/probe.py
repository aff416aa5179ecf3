"""One request to our own API: does it answer in time?"""

import http.client
from pathlib import Path

from funding.health.facts import Probe
from funding.runtime.deadline import TcpConnection, UnixConnection

TIMEOUT_SECONDS = 2.0


def port(host: str, number: int) -> Probe:
    """Ask for the health at `host`:`number`. "Unhealthy" is an answer, too."""
    connection = TcpConnection(host, number, timeout=TIMEOUT_SECONDS)
    return _ask(connection, f"{host}:{number}")


def unix(path: Path, host: str, number: int) -> Probe:
    """The same for one process, at its own socket `path`."""
    return _ask(UnixConnection(path, TIMEOUT_SECONDS), f"{host}:{number}")


def _ask(connection: http.client.HTTPConnection, host: str) -> Probe:
    try:
        connection.request("GET", "/funding/health", headers={"Host": host})
        response = connection.getresponse()
        response.read(100_000)
    except (OSError, http.client.HTTPException) as error:
        return Probe(False, f"{type(error).__name__}: {error}"[:200])
    finally:
        connection.close()
    return Probe(response.status in (200, 503), f"status {response.status}")
