"""Two APIs over one store: short answers in the server's loop, long ones beside it."""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from funding.api.routes import Api

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class TwoApis:
    """`short` answers in the one thread of the loop, `long` in whichever thread is free, one
    request at a time: an answer that reads for some tenths of a second holds up no lookup."""

    def __init__(self, short: Api, long: Api) -> None:
        self._short = short
        self._long = long
        self._lock = threading.Lock()
        self.takes_long = short.takes_long

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        if not self.takes_long(environ["PATH_INFO"]):
            return self._short(environ, start_response)
        with self._lock:
            return self._long(environ, start_response)
