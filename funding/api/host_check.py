"""The WSGI wrapper that lets in only requests meant for this service.

A page on any site can point a name of its own at 127.0.0.1 (DNS rebinding) and then read what
listens here; only the Host header tells such a request from a local one. The wrapper stands
outermost, so that no route can forget it.

# Facts
(waitress 3.0.2, each seen happening)
- Without a Host header, even in HTTP/1.1, HTTP_HOST is absent; two are joined as "a, b".
- `GET http://evil.example/x` keeps the Host header. So equality with the whole header, port
  included, refuses every odd case.
- The path comes percent-decoded as latin-1, and bottle drops bytes that are not UTF-8 from it:
  /funding/BTC%FFUSDT would be served as BTCUSDT.
"""

import io
import logging
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from funding.runtime.logs import Throttle

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TELL_SECONDS = 10.0
log = logging.getLogger("hosts")

JSON_HEADERS = {
    "Content-Type": "application/json",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""What every answer carries, errors as well."""


def local_only(app: "WSGIApplication", host: str, port: int) -> "WSGIApplication":
    """`app` for requests to `host`:`port` or localhost:`port`; 403 for all others, 400 for a path
    that is not UTF-8."""
    allowed = {f"{host}:{port}", f"localhost:{port}"}
    if port == 80:
        allowed |= {host, "localhost"}
    seldom = Throttle(TELL_SECONDS)

    def wrapped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        asked = environ.get("HTTP_HOST", "")
        if asked not in allowed:
            if seldom("host", monotonic()):
                log.warning("refused requests, the last for host %r", asked[:100])
            return _refuse(environ, start_response, "403 Forbidden", "foreign Host header")
        try:
            environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8")
        except UnicodeError:
            return _refuse(environ, start_response, "400 Bad Request", "path is not UTF-8")
        # bottle writes tracebacks there, past our log's format, where `routes` logs them anyway.
        environ["wsgi.errors"] = io.StringIO()
        return app(environ, start_response)

    return wrapped


def _refuse(
    environ: "WSGIEnvironment", start_response: "StartResponse", status: str, error: str
) -> Iterable[bytes]:
    body = msgspec.json.encode({"error": error})
    start_response(status, [*JSON_HEADERS.items(), ("Content-Length", str(len(body)))])
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]
