"""The page for people: the files of a folder, as browsers get them.

They are read once, when the API starts: a request names one of these files or nothing, so that no
path leads anywhere else. Browsers keep them, and ask by ETag whether they are still right.
"""

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from funding.api.responses import (
    Response,
    is_known,
    not_modified,
    refusal,
    reply,
    revision,
    tag_headers,
)
from funding.api.router import About, Route

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

INDEX = "index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""Files of another kind are not served."""

SECURITY = {
    # Nothing from elsewhere, nothing inline, and no other page may hold this one in a frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


FILE = About("The files of the page.", media="*/*")


class _File(NamedTuple):
    """What is answered with the file, and to those who have it."""

    whole: Response
    headers: dict[str, str]


class Pages:
    """The files of `folder`; without a folder there are none."""

    def __init__(self, folder: Path | None) -> None:
        self._files = {} if folder is None else _files(folder)

    def routes(self) -> list[Route]:
        """Their paths are below /web/."""
        return [Route("/web/<name:path>", self.file, (), FILE)]

    def file(self, environ: "WSGIEnvironment", name: str) -> Response:
        """GET /web/<name>"""
        found = self._files.get(name)
        if found is None:
            return refusal("not found", HTTPStatus.NOT_FOUND)
        if is_known(environ, found.headers):
            return not_modified(found.headers)
        return found.whole._replace(headers=dict(found.whole.headers))

    def front(self, environ: "WSGIEnvironment") -> Response | None:
        """The page, where there is one and the client asks for HTML, as browsers do."""
        asked = environ.get("HTTP_ACCEPT", "").lower().split(",")
        html = any(each.partition(";")[0].strip() == "text/html" for each in asked)
        return self.file(environ, INDEX) if html and INDEX in self._files else None


def _files(folder: Path) -> dict[str, _File]:
    """The files of `folder` by their path in it, with `/`; links are left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = TYPES.get(path.suffix)
        if kind is None or path.is_symlink() or not path.is_file():
            continue
        body = path.read_bytes()
        headers = {"Content-Type": kind, **SECURITY, **tag_headers(revision(body))}
        if path.name == INDEX:
            headers["Vary"] = "Accept"
        known = {name: headers[name] for name in headers if name != "Content-Type"}
        found[path.relative_to(folder).as_posix()] = _File(reply(body, headers=headers), known)
    return found
