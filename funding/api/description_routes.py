"""The routes that describe all routes: to programs, and to people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from funding import __version__
from funding.api import openapi
from funding.api.responses import Response, reply, tagged, text_reply
from funding.api.router import About, Route

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HTML = "text/html; charset=utf-8"
DOCUMENT = About("This description, as OpenAPI 3.1.", dict[str, Any])
PAGE = About("This description, to read.", media=HTML)


class DescriptionRoutes:
    """Describes the `others`, and itself."""

    def __init__(self, others: Sequence[Route]) -> None:
        own = [
            Route("/openapi.json", self.document, (), DOCUMENT, takes_long=True),
            Route("/docs", self.page, (), PAGE, takes_long=True),
        ]
        self.all = [*others, *own]

    def document(self, environ: "WSGIEnvironment") -> Response:
        """GET /openapi.json"""
        return tagged(environ, reply(openapi.document(self.all, __version__)))

    def page(self, environ: "WSGIEnvironment") -> Response:
        """GET /docs"""
        body = openapi.page(self.all, __version__)
        return tagged(environ, text_reply(body, HTML, openapi.PAGE_HEADERS))
