"""The WSGI wrapper that lets in only requests meant for this service.

A page on any site can point a name of its own at 127.0.0.1 (DNS rebinding) and then read what
listens here; only the Host header tells such a request from a local one. The wrapper stands
outermost, so that no route can forget it.

# Facts
(waitress 3.0.2, each seen happening)
- Without a Host header, even in HTTP/1.1, HTTP_HOST is absent; two are joined as "a, b".
- `GET http://evil.example/x` keeps the Host header. So equality with the whole header, port
  included, refuses every odd case.
"""

import logging
from collections.abc import Iterable
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING

from funding.api.responses import refusal
from funding.runtime.logs import Throttle

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG_SECONDS = 10.0
log = logging.getLogger("hosts")


def local_only(app: "WSGIApplication", host: str, port: int) -> "WSGIApplication":
    """`app` for requests to `host`:`port` or localhost:`port`; 403 for all others."""
    allowed = {f"{host}:{port}", f"localhost:{port}"}
    if port == 80:
        allowed |= {host, "localhost"}
    throttle = Throttle(LOG_SECONDS)

    def checked(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        asked = environ.get("HTTP_HOST", "")
        if asked not in allowed:
            if throttle("host", monotonic()):
                log.warning("refused requests, the last for host %r", asked[:100])
            refused = refusal("foreign Host header", HTTPStatus.FORBIDDEN)
            return refused.send(environ, start_response)
        return app(environ, start_response)

    return checked
