"""HTTP as waitress speaks it: what reads a request, what runs the application.

# Facts
(waitress 3.0.2, each seen happening)
- Its own refusals (400, 413, 431) are plain text; a request line like "GET http://[" or a
  Content-Length of 5,000 digits gets no answer at all, but a traceback in the log.
- It takes a 304, which has neither length nor body, for an answer without an end, and would close
  the connection of every client that polls with If-None-Match.
- `build_response_header` capitalises, looks through and sorts the headers: 5.4 µs, ours takes 1.7.
"""

from functools import lru_cache

import msgspec
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import RequestEntityTooLarge, build_http_date

from funding.api.host_check import JSON_HEADERS

ADJUSTMENTS = Adjustments(
    max_request_header_size=128 * 1024,  # 2,000 symbols in one URL
    max_request_body_size=0,
    ident=None,
)


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """One request, fed with what comes. It is `completed` with an `error` where it has a body."""

    def received(self, data: bytes) -> int:
        """Take what belongs to this request; the number of bytes taken."""
        taken: int = super().received(data)
        if self.headers_finished and not self.completed:  # type: ignore[has-type]
            self.error = RequestEntityTooLarge("")
            self.completed = True
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Raises ParsingError."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # "http://[" or a length of 5,000 digits
            raise ParsingError("Malformed") from error


class Task(WSGITask):  # type: ignore[misc]
    """One answer of the application."""

    def build_response_header(self) -> bytes:
        """The status line and the headers, with those that are the server's."""
        lines = [f"HTTP/{self.version} {self.status}"]
        lines += [f"{name}: {value}" for name, value in self.response_headers]
        asked = self.request.headers.get("CONNECTION", "").lower()
        endless = self.has_body and "Content-Length" not in dict(self.response_headers)
        if endless or asked == "close" or (self.version == "1.0" and asked != "keep-alive"):
            self.close_on_finish = True
        if self.close_on_finish:
            lines.append("Connection: close")
        elif self.version == "1.0":
            lines.append("Connection: Keep-Alive")
        lines.append(f"Date: {_date(int(self.start_time))}\r\n\r\n")
        return "\r\n".join(lines).encode("latin-1")


class JsonErrorTask(Task, ErrorTask):  # type: ignore[misc]
    """A refusal of a request that the application never sees, after which the connection ends."""

    def execute(self) -> None:
        """Write it."""
        error = self.request.error
        body = msgspec.json.encode({"error": error.reason.lower()})
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [*JSON_HEADERS.items(), ("Content-Length", str(len(body)))]
        self.close_on_finish = True
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else body)


@lru_cache(1)
def _date(second: int) -> str:
    date: str = build_http_date(second)
    return date
