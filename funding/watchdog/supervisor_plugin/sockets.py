"""The sockets that supervisor_plugin looks after: the API's, and supervisord's own.

# Facts
(supervisor 4.3.0 and Linux 6, each seen happening)
- The listening socket of an fcgi-program is closed when its last process has ended, and opened
  with the next one. When the port cannot be had then, supervisord ends with a traceback.
- The group of an fcgi-program binds its socket when it is made, before any factory is called, and
  closes it at once; `socket_config` says what is bound the next time. Its file can name no variable
  that may be missing, so it names a placeholder.
- After `shutdown` a listening socket refuses connections, those in its queue are reset, and it
  keeps its port. `listen` lets it listen again.
- Nobody can reach a unix socket whose file is gone, and supervisord does not notice. Its server
  takes the place of a file that nobody listens at, and fails where somebody does.
"""

import socket
import stat
from pathlib import Path
from typing import Any

from supervisor.datatypes import InetStreamSocketConfig
from supervisor.http import LogWrapper, supervisor_af_unix_http_server
from supervisor.states import ProcessStates

API = "api"
QUIET_SECONDS = 2.0
"""All processes of the API are stopped for so long before clients are refused: `supervisorctl
restart api:*` stops all of them first."""


class HeldSocket:
    """One more reference to the listening socket of `group`, so that it outlives the processes.

    At `address`, where there is one, instead of the one in supervisord.conf. Raises OSError where
    it cannot be bound.
    """

    def __init__(self, group: Any, address: tuple[str, int] | None) -> None:
        self._group = group
        manager = group.socket_manager
        if address is not None and group.config.name == API:
            old = manager.socket_config
            manager.socket_config = InetStreamSocketConfig(*address, backlog=old.backlog)
            Path(old.path).unlink(missing_ok=True)
        self._held = manager.get_socket()
        self._quiet_since: float | None = None
        self._refuses = False

    def listen(self) -> None:
        """A process of the group starts."""
        self._quiet_since = None
        if self._refuses:
            manager = self._group.socket_manager
            manager.socket.listen(manager.socket_config.get_backlog() or socket.SOMAXCONN)
            self._refuses = False

    def check(self, now: float) -> None:
        """Refuse clients while an operator has stopped all processes, instead of leaving them in
        a queue that nobody reads; `now` in seconds."""
        states = {process.get_state() for process in self._group.processes.values()}
        if self._refuses or states != {ProcessStates.STOPPED}:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        elif now - self._quiet_since >= QUIET_SECONDS:
            self._group.socket_manager.socket.shutdown(socket.SHUT_RDWR)
            self._refuses = True


class ControlSocket:
    """The unix socket at which supervisord itself is reached."""

    def __init__(self, options: Any) -> None:
        self._options = options
        self._files: dict[str, tuple[int, int, int] | None] = {}

    @property
    def path(self) -> Path | None:
        """Where it is; None where supervisord has no unix socket."""
        found = [each["file"] for each in self._options.server_configs if "file" in each]
        return Path(found[0]) if found else None

    def restore(self) -> bool:
        """Listen again where the socket's file is gone or replaced; whether that was needed.

        Raises OSError where it cannot be done: another supervisord may listen there.
        """
        servers, needed = list(self._options.httpservers), False
        for index, (config, server) in enumerate(servers):
            if config["family"] != socket.AF_UNIX:
                continue
            path = config["file"]
            known = self._files.setdefault(path, _identity(path))
            if known is not None and known == _identity(path):
                continue
            needed = True
            logger = LogWrapper(self._options.logger)
            owner = config["chmod"], config["chown"]
            again = supervisor_af_unix_http_server(path, *owner, logger_object=logger)
            again.handlers = server.handlers
            servers[index] = config, again
            self._options.httpservers = servers
            server.close()
            self._files[path] = _identity(path)
        return needed


def _identity(path: str) -> tuple[int, int, int] | None:
    try:
        status = Path(path).lstat()
    except OSError:
        return None
    if not stat.S_ISSOCK(status.st_mode):
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns  # an inode number is used again
