"""The route of the stream: Server-Sent Events of quotes as they change, and of signals."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from funding.api.broadcaster import MAX_READERS, Broadcaster, Subscription
from funding.api.parameters import ALL_EXCHANGES, SYMBOLS, choice
from funding.api.responses import EVENT_STREAM, EventStream, Response, event_stream, refusal
from funding.api.router import About, Route
from funding.api.served import Served
from funding.model.quote import fold

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

RETRY_SECONDS = 5
"""After so long a reader who found no place may ask again."""
SIGNALS = choice("signals", "0", "1")


STREAM = About("Quotes as they change, and signals: Server-Sent Events.", media=EVENT_STREAM)


class StreamRoutes:
    """The stream of the `served` exchanges, which `broadcaster` fills."""

    def __init__(self, served: Served, broadcaster: Broadcaster) -> None:
        self._served = served
        self._broadcaster = broadcaster

    def routes(self) -> list[Route]:
        """It has a fixed path."""
        parameters = (SYMBOLS, self._served.many, SIGNALS)
        return [Route("/funding/stream", self.stream, parameters, STREAM, takes_long=True)]

    def stream(
        self,
        environ: "WSGIEnvironment",
        symbols: str = "",
        exchange: str | None = None,
        signals: str = "0",
    ) -> Response | EventStream:
        """GET /funding/stream?symbols=&signals=1"""
        self._served.of(None).reader.version()  # no stream before there is a database
        if environ["REQUEST_METHOD"] == "HEAD":
            return event_stream(())
        names = self._served.names if exchange == ALL_EXCHANGES else (exchange or self._first,)
        asked = frozenset(fold(each.strip()) for each in symbols.split(",") if each.strip())
        reader = Subscription(
            names,
            asked or None,
            signals=signals == "1",
            last_signal=_number(environ.get("HTTP_LAST_EVENT_ID", "")),
        )
        if self._broadcaster.join(reader):
            return event_stream(reader)
        reason = f"at most {MAX_READERS} readers at once: ask /funding with its ETag instead"
        refused = refusal(reason, HTTPStatus.SERVICE_UNAVAILABLE)
        return refused._replace(headers={**refused.headers, "Retry-After": str(RETRY_SECONDS)})

    @property
    def _first(self) -> str:
        return self._served.names[0]


def _number(text: str) -> int | None:
    """The id that a reader had last, None where it is not one of ours."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
