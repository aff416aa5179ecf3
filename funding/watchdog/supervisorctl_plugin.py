"""The part of the project that runs inside supervisorctl: who may use supervisord's socket.

supervisord.conf names `make` as the factory of a plugin. Without it, another Unix user is told
"error: <class 'PermissionError'>" and a line number of supervisor's own.
"""

import sys
from typing import Any

from funding.runtime import access


class NoCommands:
    """A plugin that adds nothing; supervisorctl asks each for its help."""

    def do_help(self, _topic: str) -> None:
        """Say nothing."""


def make(controller: Any, **_options: Any) -> NoCommands:
    """The factory. Ends supervisorctl where the socket is closed to this user."""
    path = controller.options.serverurl.removeprefix("unix://")
    closed = access.closed(path, writing=True) if path.startswith("/") else ""
    if closed:
        sys.exit(f"supervisorctl: {path}: {closed}")
    return NoCommands()
