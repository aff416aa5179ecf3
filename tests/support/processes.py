"""Real processes and real sockets: see `harness.processes`, `harness.http_client`."""

from harness.http_client import Answer, ask, connect, receive, to_the_end
from harness.processes import WAIT_SECONDS as PATIENCE_SECONDS
from harness.processes import environment, finished, running, until

__all__ = [
    "PATIENCE_SECONDS",
    "Answer",
    "ask",
    "connect",
    "environment",
    "finished",
    "receive",
    "running",
    "to_the_end",
    "until",
]
