"""The HTTP server: the only room with waitress, which reads the requests and runs the application.

The loop is our own: waitress's hands each request to another thread, which costs more than the
answer, and looks at every connection on each turn.
"""

import logging
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from funding.api.server.loop import Server
from funding.settings.service import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger("api")

BACKLOG = 512


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
    own.listen(BACKLOG)
    return own


def serve(
    app: "WSGIApplication", listening: socket.socket, own: socket.socket | None = None
) -> None:
    """Answer requests at `listening`, and at the unix socket `own`, until SIGTERM or SIGINT."""
    server = Server(app, listening, own)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stop())
    log.info("listening on http://%s:%d", *listening.getsockname()[:2])
    server.run()
