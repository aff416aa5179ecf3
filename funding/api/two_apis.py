"""Two APIs over one store: short answers in the server's loop, long ones beside it."""

import threading
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING

from funding.api.meter import Meter
from funding.api.routes import Api

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SHORT, LONG = "short", "long"


def new_meters() -> dict[str, Meter]:
    """For both kinds of answers."""
    return {SHORT: Meter(), LONG: Meter()}


class TwoApis:
    """`short` answers in the one thread of the loop, `long` in whichever thread is free, one
    request at a time: an answer that reads for some tenths of a second holds up no lookup."""

    def __init__(self, short: Api, long: Api, meters: Mapping[str, Meter]) -> None:
        self._short_meter, self._long_meter = meters[SHORT], meters[LONG]
        self._short = short
        self._long = long
        self._lock = threading.Lock()
        self.takes_long = short.takes_long

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        if not self.takes_long(environ["PATH_INFO"]):
            begun = perf_counter()
            answer = self._short(environ, start_response)
            self._short_meter.add(perf_counter() - begun)
            return answer
        with self._lock:
            begun = perf_counter()
            answer = self._long(environ, start_response)
            self._long_meter.add(perf_counter() - begun)
            return answer
