"""The API's answers as values: status, headers and body."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from funding.api.tables import CONTENT_TYPE as CSV
from funding.api.tables import as_csv, columns

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ADDRESS_HEADER = "Feed-Address"
"""Names the host of the stream whose quotes an answer has: see model/origin.py."""

EVENT_STREAM = "text/event-stream"
_EVERY_RESPONSE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class Response(NamedTuple):
    """One HTTP response; `headers` are all that the application gives."""

    status: HTTPStatus
    body: bytes
    headers: dict[str, str]

    def send(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        """Answer a WSGI request with this; HEAD gets the headers alone."""
        start_response(f"{self.status} {self.status.phrase}", list(self.headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]


class EventStream(NamedTuple):
    """An answer that lasts: `events` until they end. An iterable with a `close` is closed then."""

    events: Iterable[bytes]
    headers: dict[str, str]

    def send(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a WSGI request with this; HEAD gets the headers alone."""
        start_response("200 OK", list(self.headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else self.events


def event_stream(events: Iterable[bytes]) -> EventStream:
    """`events` as Server-Sent Events."""
    return EventStream(events, {**_EVERY_RESPONSE, "Content-Type": EVENT_STREAM})


def reply(
    value: Any, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """`value` as a JSON response; bytes are JSON already."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    named = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Response(HTTPStatus(status), body, {**_EVERY_RESPONSE, **named, **(headers or {})})


def refusal(reason: str, status: int, **facts: Any) -> Response:
    """An error as JSON."""
    return reply({"error": reason, **facts}, status)


def text_reply(
    body: bytes, content_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """What is neither JSON nor a table."""
    return reply(body, headers={"Content-Type": content_type, **(headers or {})})


def csv_reply(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """A table that is CSV already."""
    return reply(body, headers={"Content-Type": CSV, **(headers or {})})


def not_modified(headers: Mapping[str, str]) -> Response:
    """What the client has is still right."""
    return Response(HTTPStatus.NOT_MODIFIED, b"", {**_EVERY_RESPONSE, **headers})


def revision(body: bytes) -> str:
    """A text that changes with `body`."""
    return blake2b(body, digest_size=8).hexdigest()


def tag_headers(text: str) -> dict[str, str]:
    """The headers of an answer of the revision `text`, which a client may keep and ask about."""
    return {"ETag": f'W/"{text}"', "Cache-Control": "no-cache"}


def is_known(environ: "WSGIEnvironment", headers: Mapping[str, str]) -> bool:
    """Whether the client has the answer whose `tag_headers` these are."""
    # Compared weakly, with or without W/ (RFC 9110, 13.1.2).
    known = environ.get("HTTP_IF_NONE_MATCH", "").split(",")
    tags = {headers["ETag"].removeprefix("W/"), "*"}
    return not tags.isdisjoint({each.strip().removeprefix("W/") for each in known})


def tagged(environ: "WSGIEnvironment", response: Response) -> Response:
    """`response` with an ETag made of its body; 304 where the client has it."""
    headers = tag_headers(revision(response.body))
    if is_known(environ, headers):
        return not_modified(headers)
    return response._replace(headers={**response.headers, **headers})


def table(
    environ: "WSGIEnvironment",
    form: str,
    kind: type[msgspec.Struct],
    rows: Sequence[msgspec.Struct],
    **facts: Any,
) -> Response:
    """`rows` of `kind` with an ETag: as CSV, or as `data` and `total` in JSON with `facts`."""
    if form == "csv":
        lines = as_csv(columns(kind), map(msgspec.structs.astuple, rows))
        return tagged(environ, csv_reply(lines))
    return tagged(environ, reply({**facts, "data": rows, "total": len(rows)}))
