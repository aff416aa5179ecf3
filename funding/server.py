"""waitress as this service runs it: the only importer of waitress.

# Facts
(waitress 3.0.2, each seen happening)
- A SystemExit raised by a signal handler ends `run()` after the requests in hand, but may be raised
  in the midst of an accept: that client is reset. Hence the loop of our own.
- Its own refusals (400, 413, 431) are plain text; a request line like "GET http://[" or a
  Content-Length of 5,000 digits gets no answer at all, but a traceback in the log.
- `sockets=` takes listening sockets that somebody else opened, but not TCP and unix together; two
  servers with one map and one dispatcher serve both.
"""

import logging
import signal
import socket
import time
from pathlib import Path
from typing import Any

import msgspec
import waitress.server
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask

from funding.hosts import JSON_HEADERS
from funding.settings import Settings

log = logging.getLogger("api")

BACKLOG = 512
ON_THE_WAY_SECONDS = 0.2
DRAIN_SECONDS = 5.0


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # "http://[" or a length of 5,000 digits: no answer, a trace
            raise ParsingError("Malformed") from error


class _JsonErrorTask(ErrorTask):  # type: ignore[misc]
    def execute(self) -> None:
        error = self.request.error
        body = msgspec.json.encode({"error": error.reason.lower()})
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend(JSON_HEADERS.items())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else body)


class _Task(WSGITask):  # type: ignore[misc]
    def set_close_on_finish(self) -> None:
        # A 304 has neither length nor body: waitress takes it for an answer without an end, and
        # would close the connection of every client that polls with If-None-Match.
        asked = self.request.headers.get("CONNECTION", "").lower()
        if not (str(self.status).startswith("304") and self.version == "1.1" and asked != "close"):
            super().set_close_on_finish()


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Parser
    task_class = _Task
    error_task_class = _JsonErrorTask


def listening_socket(settings: Settings) -> socket.socket:
    """The socket on standard input where supervisord put one there, else one of our own, which
    does not listen yet."""
    try:
        given = socket.socket(fileno=0)
    except OSError:
        given = None
    if given is not None:
        if given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return given
        given.detach()
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    own.bind((settings.api_host, settings.api_port))
    return own


def own_socket(path: Path) -> socket.socket:
    """A unix socket of this process alone at `path`, whatever was left there."""
    path.unlink(missing_ok=True)
    own = socket.socket(socket.AF_UNIX)
    own.bind(str(path))
    return own


def serve(app: Any, listening: socket.socket, own: socket.socket | None = None) -> None:
    """Answer requests at `listening`, and at the unix socket `own`, until SIGTERM or SIGINT."""
    parts: dict[int, Any] = {}
    server = waitress.server.create_server(
        app,
        map=parts,
        sockets=[listening],
        threads=4,
        backlog=BACKLOG,
        connection_limit=500,
        channel_timeout=30,
        max_request_header_size=128 * 1024,  # 2,000 symbols in one URL
        max_request_body_size=0,
        ident=None,
        asyncore_use_poll=True,
    )
    if own is not None:
        waitress.server.UnixWSGIServer(
            app,
            map=parts,
            _sock=own,
            dispatcher=server.task_dispatcher,
            adj=server.adj,
            sockinfo=(own.family, own.type, own.proto, own.getsockname()),
            bind_socket=False,
        )
    for part in parts.values():
        if isinstance(part, waitress.server.BaseWSGIServer):
            part.channel_class = _Channel
    stopping: list[int] = []

    def stop(number: int, _frame: object) -> None:
        stopping.append(number)
        server.pull_trigger()  # out of its poll

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    log.info("listening on http://%s:%d", *listening.getsockname()[:2])
    while not stopping:
        _turn(parts, 1.0)
    _drain(parts)
    server.task_dispatcher.shutdown()


def _turn(parts: dict[int, Any], timeout: float) -> None:
    wasyncore.loop(timeout, use_poll=True, map=parts, count=1)


def _drain(parts: dict[int, Any]) -> None:
    """Take no more clients, and answer those that were taken: their requests may be on the way."""
    for part in parts.values():
        if isinstance(part, waitress.server.BaseWSGIServer):
            part.accepting = False
    began = time.monotonic()
    while (passed := time.monotonic() - began) < DRAIN_SECONDS:
        if passed > ON_THE_WAY_SECONDS and not any(map(_is_busy, parts.values())):
            return
        _turn(parts, 0.05)


def _is_busy(part: Any) -> bool:
    if not isinstance(part, HTTPChannel):
        return False
    return bool(part.requests or part.request is not None or part.total_outbufs_len)
