"""supervisord's XML-RPC over its unix socket.

# Facts
(supervisor 4.3.0, each seen happening)
- Its own transport has no timeout, and hangs for ever on a stopped supervisord.
- After any failure the same proxy raises CannotSendRequest for ever: one proxy per call.
- A program in a group is "group:name"; the bare name is BAD_NAME.
- `signalProcess(name, "TERM")` with autorestart is a restart without a STOPPED interval.
- To import `supervisor.xmlrpc`, for the three numbers below, takes 1.7 MB.
"""

import http.client
import xml.parsers.expat
import xmlrpc.client
from pathlib import Path
from typing import Any, NamedTuple

from funding.errors import SupervisorError
from funding.health.checks import Process
from funding.runtime.deadline import UnixConnection

TIMEOUT_SECONDS = 3.0
UNKNOWN_METHOD, ALREADY_STARTED, NOT_RUNNING = 1, 60, 70
_UNANSWERED = (
    OSError,
    http.client.HTTPException,
    xmlrpc.client.Error,
    xml.parsers.expat.ExpatError,  # no XML at all
)


class PluginReport(NamedTuple):
    """What supervisord's guard saw or did: `at` Unix seconds, `kind` as in the audit trail, `pid`
    0 where there was no process yet."""

    number: int
    at: float
    kind: str
    program: str
    pid: int
    text: str


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = UnixConnection(self._path, TIMEOUT_SECONDS)
        self._connection = host, connection  # what `close` closes
        return connection


class SupervisorClient:
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
        self._call("supervisor.signalProcess", name, signal, ignore=NOT_RUNNING)

    def start(self, name: str) -> None:
        """Start the program, without waiting until it is up."""
        self._call("supervisor.startProcess", name, False, ignore=ALREADY_STARTED)

    def beat(self, pid: int, seconds: float, stored: int = 0) -> list[PluginReport]:
        """Tell the guard (`funding.guard`) that process `pid` lives and beats again within
        `seconds`; what it saw and did since what has the number `stored`. Nothing where there is
        no guard."""
        told = self._call("guard.beat", pid, seconds, stored, ignore=UNKNOWN_METHOD)
        return [PluginReport(*each) for each in told or ()]

    def settings(self) -> dict[str, str]:
        """The text of each setting that the group reads; none where there is no guard."""
        return self._call("guard.settings", ignore=UNKNOWN_METHOD) or {}

    def _call(self, method: str, *arguments: Any, ignore: int | None = None) -> Any:
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(self._path))
        try:
            return getattr(proxy, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == ignore:
                return None
            raise SupervisorError(f"supervisord refuses {method}: {fault.faultString}") from fault
        except _UNANSWERED as error:
            detail = f"supervisord does not answer {method} ({type(error).__name__})"
            raise SupervisorError(detail) from error
        finally:
            proxy("close")()
