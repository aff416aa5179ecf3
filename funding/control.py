"""supervisord's XML-RPC over its unix socket: the only importer of supervisor.

# Facts
(supervisor 4.3.0, each seen happening)
- Its own transport has no timeout, and hangs for ever on a stopped supervisord.
- After any failure the same proxy raises CannotSendRequest for ever: one proxy per call.
- A program in a group is "group:name"; the bare name is BAD_NAME.
- `signalProcess(name, "TERM")` with autorestart is a restart without a STOPPED interval.
"""

import http.client
import xml.parsers.expat
import xmlrpc.client
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults

from funding.deadline import UnixConnection
from funding.errors import ControlError
from funding.health import Process

TIMEOUT_SECONDS = 3.0
_UNANSWERED = (
    OSError,
    http.client.HTTPException,
    xmlrpc.client.Error,
    xml.parsers.expat.ExpatError,  # no XML at all
)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = UnixConnection(self._path, TIMEOUT_SECONDS)
        self._connection = host, connection  # what `close` closes
        return connection


class Control:
    """Orders for the supervisord at the unix socket `path`. Raises `ControlError`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def processes(self) -> list[Process]:
        """All programs."""
        rows = self._call("supervisor.getAllProcessInfo")
        return [
            Process(
                name=f"{row['group']}:{row['name']}",
                state=row["statename"],
                pid=row["pid"],
                description=row["spawnerr"] or row["description"],
            )
            for row in rows
        ]

    def signal(self, name: str, signal: str) -> None:
        """Send `signal` ("TERM", "KILL") to the program; none when it is not running."""
        self._call("supervisor.signalProcess", name, signal, ignore=Faults.NOT_RUNNING)

    def start(self, name: str) -> None:
        """Start the program, without waiting until it is up."""
        self._call("supervisor.startProcess", name, False, ignore=Faults.ALREADY_STARTED)

    def beat(self, pid: int, seconds: float) -> list[str]:
        """Tell the guard (`funding.guard`) that process `pid` lives and beats again within
        `seconds`; what it did since the last beat. Nothing where there is no guard."""
        told = self._call("guard.beat", pid, seconds, ignore=Faults.UNKNOWN_METHOD)
        return [str(text) for text in told or ()]

    def _call(self, method: str, *arguments: Any, ignore: int | None = None) -> Any:
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(self._path))
        try:
            return getattr(proxy, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == ignore:
                return None
            raise ControlError(f"supervisord refuses {method}: {fault.faultString}") from fault
        except _UNANSWERED as error:
            detail = f"supervisord does not answer {method} ({type(error).__name__})"
            raise ControlError(detail) from error
        finally:
            proxy("close")()
