"""supervisord's XML-RPC over its unix socket.

# Facts
(supervisor 4.3.0, each seen happening)
- Its own transport has no timeout, and hangs for ever on a stopped supervisord.
- After any failure the same proxy raises CannotSendRequest for ever: one proxy per call.
- A program in a group is "group:name"; the bare name is BAD_NAME.
- `signalProcess(name, "TERM")` with autorestart is a restart without a STOPPED interval.
- Importing `supervisor.xmlrpc` takes 1.7 MB, so the three fault codes are written here.
"""

import http.client
import signal as signals
import xml.parsers.expat
import xmlrpc.client
from pathlib import Path
from typing import Any, Literal, NamedTuple

from funding.errors import SupervisorError
from funding.health.facts import Process, ProcessState
from funding.model.event import EventKind
from funding.runtime import access
from funding.runtime import process as runtime
from funding.runtime.deadline import UnixConnection
from funding.watchdog.restart_rules import Verb

Signal = Literal[Verb.TERM, Verb.KILL]

TIMEOUT_SECONDS = 3.0
UNKNOWN_METHOD, ALREADY_STARTED, NOT_RUNNING = 1, 60, 70
_UNANSWERED = (
    OSError,
    http.client.HTTPException,
    xmlrpc.client.Error,
    xml.parsers.expat.ExpatError,  # no XML at all
)


class PluginReport(NamedTuple):
    """What supervisor_plugin saw or did at `at` (Unix seconds). `kind` is START, STOP, CRASH or
    KILL, `pid` the process, or 0 where there was none yet, `rule` why it was stopped or killed."""

    number: int
    at: float
    kind: EventKind
    program: str
    pid: int
    text: str
    rule: str = ""


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = UnixConnection(self._path, TIMEOUT_SECONDS)
        self._connection = host, connection  # what `close` closes
        return connection


class SupervisorClient:
    """The supervisord at the unix socket `path`. Its methods raise `SupervisorError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.reachable = True  # at the last call

    def processes(self) -> list[Process]:
        """All programs."""
        rows = self._call("supervisor.getAllProcessInfo")
        return [
            Process(
                name=f"{row['group']}:{row['name']}",
                state=ProcessState(row["statename"]),
                pid=row["pid"],
                description=row["spawnerr"] or row["description"],
            )
            for row in rows
        ]

    def signal(self, name: str, signal: Signal) -> None:
        """Send `signal` to the program, if it is running."""
        # xmlrpc sends plain strings alone, no subclass of them.
        self._call("supervisor.signalProcess", name, signal.value, ignore=NOT_RUNNING)

    def signal_directly(self, process: Process, signal: Signal) -> None:
        """Send `signal` to a process of an earlier answer, if it still runs."""
        number = signals.Signals[f"SIG{signal.value}"]
        began = process.began
        if began is None or not runtime.send_signal(process.pid, began, number):
            raise SupervisorError(f"{process.name} has no process {process.pid} any more")

    def start(self, name: str) -> None:
        """Start the program, without waiting until it runs."""
        self._call("supervisor.startProcess", name, False, ignore=ALREADY_STARTED)

    def send_heartbeat(self, pid: int, seconds: float, stored: int = 0) -> list[PluginReport]:
        """Tell supervisor_plugin that process `pid` lives and sends the next heartbeat within
        `seconds`. Returns the reports after number `stored`; none where there is no plugin."""
        reports = self._call("guard.beat", pid, seconds, stored, ignore=UNKNOWN_METHOD)
        return [
            PluginReport(number, at, EventKind(kind), *rest)
            for number, at, kind, *rest in reports or ()
        ]

    def settings(self) -> dict[str, str]:
        """The text of each setting that the group reads; none where there is no plugin."""
        return self._call("guard.settings", ignore=UNKNOWN_METHOD) or {}

    def _call(self, method: str, *arguments: Any, ignore: int | None = None) -> Any:
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(self._path))
        self.reachable = True
        try:
            return getattr(proxy, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == ignore:
                return None
            raise SupervisorError(f"supervisord refuses {method}: {fault.faultString}") from fault
        except PermissionError as error:
            self.reachable = False
            closed = access.closed(self._path, writing=True)
            raise SupervisorError(f"{self._path}: {closed or error.strerror}") from error
        except _UNANSWERED as error:
            self.reachable = False
            detail = f"supervisord does not answer {method} ({type(error).__name__})"
            raise SupervisorError(detail) from error
        finally:
            proxy("close")()
