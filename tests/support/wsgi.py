"""Asking a WSGI application without a server, both sides held to the specification."""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from harness.http_client import Answer

HOST = "127.0.0.1:8888"


def ask(
    app: WSGIApplication,
    target: str,
    method: str = "GET",
    host: str | None = HOST,
    **headers: str,
) -> Answer:
    """The answer of `app` to `target`, a path with a query as they stand in a request line."""
    path, _, query = target.partition("?")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
    }
    setup_testing_defaults(environ)
    del environ["HTTP_HOST"]
    if host is not None:
        environ["HTTP_HOST"] = host
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> object:
        begun.append((status, headers))
        return None

    result: Iterable[bytes] = validator(app)(environ, start_response)  # type: ignore[arg-type]
    try:
        body = b"".join(result)
    finally:
        result.close()  # type: ignore[attr-defined]
    status, given = begun[0]
    names = [name.lower() for name, _ in given]
    assert len(set(names)) == len(names), f"a header twice: {given}"
    return Answer(int(status.split()[0]), {name.lower(): value for name, value in given}, body)
