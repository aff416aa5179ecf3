"""Which route answers a path: bottle's matching alone.

What bottle would do around a handler, its request and response objects for each thread, is left
out: that took 25 of 85 µs of each lookup. Handlers take the WSGI environment instead.
"""

from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import bottle

from funding.api.parameters import Parameter, read_query
from funding.api.responses import EventStream, Response, refusal, reply

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


JSON = "application/json"


class About(NamedTuple):
    """What is said of a route to its users: in a sentence; the type of its `answer`, where that is
    JSON; the parameters that it cannot do without."""

    summary: str
    answer: Any = None
    required: Sequence[str] = ()
    media: str = JSON


class Route(NamedTuple):
    """`handler` answers GET and HEAD of `path`, which may have parts in angle brackets: it takes
    the environment, these parts and the given ones of `parameters` by name. It `takes_long` where
    it reads for more than some milliseconds, or lasts. Without one of the `tables` it has nothing
    to say."""

    path: str
    handler: Callable[..., Response | EventStream]
    parameters: Sequence[Parameter] = ()
    about: About = About("")
    takes_long: bool = False
    tables: Sequence[str] = ()


class Match(NamedTuple):
    """The handler of a request, and what it takes beside the environment."""

    handler: Callable[..., Response | EventStream]
    arguments: dict[str, Any]


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = bottle.Bottle()
        long = []
        for route in routes:
            self._routes.route(route.path, "GET", route.handler, parameters=route.parameters)
            if route.takes_long:
                long.append(route.path)
        self._long_paths = frozenset(path for path in long if "<" not in path)
        self._long_ends = tuple(path.rpartition(">")[2] for path in long if "<" in path)

    def takes_long(self, path: str) -> bool:
        """Whether the route of `path`, as it stands in the environment, takes long."""
        return path in self._long_paths or path.endswith(self._long_ends)

    def match(self, environ: "WSGIEnvironment") -> Match | Response:
        """The match, or the refusal of a request that no route takes. Raises `BadQuery`."""
        try:
            path = environ["PATH_INFO"].encode("latin-1").decode("utf-8")  # PEP 3333
        except UnicodeError:
            return refusal("path is not UTF-8", HTTPStatus.BAD_REQUEST)
        try:
            asked = {"REQUEST_METHOD": environ["REQUEST_METHOD"], "PATH_INFO": path}
            route, arguments = self._routes.match(asked)
        except bottle.HTTPError as error:
            if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                reason, allowed = {"error": "method not allowed"}, {"Allow": "GET, HEAD"}
                return reply(reason, HTTPStatus.METHOD_NOT_ALLOWED, allowed)
            return refusal("not found", HTTPStatus.NOT_FOUND)
        if query := environ.get("QUERY_STRING"):
            arguments |= read_query(query, route.config["parameters"])
        return Match(route.callback, arguments)
