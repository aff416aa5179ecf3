"""How waitress answers one request: in which thread, and where our HTTP differs from its own.

Short requests are answered in the thread of waitress's loop, where handing one over takes longer
than the answer: 15,000 instead of 6,000 lookups a second. Those that take long go to waitress's
own threads.

# Facts
(waitress 3.0.2, each seen happening)
- A channel calls `add_task` while it holds the lock that `service` takes: `add_task` only queues.
- `service` waits while `outbuf_high_watermark` bytes of its client's answers are unsent. In the
  loop's thread that is for ever: `server.SETTINGS` puts the mark out of reach, and a client's next
  request waits until its previous answer has left.
- An output buffer keeps all that was ever written to it, until another one begins: at
  `outbuf_high_watermark`, and with each request. A reader of all quotes would cost 1 MB a second.
- The header and the body of an answer are sent apart; together, the median of one lookup at a time
  falls from 0.15 to 0.12 ms.
- A 304 has neither length nor body: waitress takes it for an answer without an end, and closes.
- A request line like "GET http://[" and a Content-Length of 5,000 digits raise ValueError, and
  "Expect: 100-continue" is granted to a body that is too large.
"""

import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask

from funding.api.responses import refusal

THREADS = 10
"""Eight readers of the stream, and two that answer what takes long beside them."""
BUFFER_BYTES = 500_000
MAX_UNSENT = 2_000_000
"""Bytes that may wait for the reader of a stream: some seconds of all quotes."""


class Dispatcher(ThreadedTaskDispatcher):
    """Keeps short requests for `run`, and gives those whose path `takes_long` to a thread."""

    def __init__(self, takes_long: Callable[[str], bool] | None) -> None:
        super().__init__()
        self._takes_long = takes_long or "".startswith
        self._waiting: deque[HTTPChannel] = deque()
        if takes_long:
            self.set_thread_count(THREADS)

    def add_task(self, channel: HTTPChannel) -> None:
        """Take over a channel that has a request. waitress calls this, in any thread."""
        path = getattr(channel.requests[0], "path", "")  # missing where the request is not HTTP
        if self._takes_long("/" + path.lstrip("/")):  # as the application will see it
            super().add_task(channel)
        else:
            self._waiting.append(channel)

    def run(self) -> None:
        """Answer one request of each client that waits and has received its previous answer."""
        for _ in range(len(self._waiting)):
            channel = self._waiting.popleft()
            if channel.total_outbufs_len:
                self._waiting.append(channel)
                continue
            try:
                channel.service()
                if channel.connected:
                    channel.handle_write()
            except Exception:  # noqa: BLE001  logged there
                channel.handle_error()


class _Parser(HTTPRequestParser):
    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError("malformed") from error
        self.expect_continue = False
        if self.chunked:  # refused before the body comes, like one whose length is given
            self.content_length = 1


class _Task(WSGITask):
    wrote_header: bool

    def start(self) -> None:
        super().start()
        if not self.channel.server.accepting:  # the server drains
            self.request.headers["CONNECTION"] = "close"

    @property
    def has_body(self) -> bool:
        headers_alone = self.request.command == "HEAD" and self.content_length is None
        return bool(super().has_body) and not headers_alone

    def write(self, data: bytes) -> None:
        if self.content_length is None:
            if self.channel.total_outbufs_len > MAX_UNSENT:
                self.channel.drop()
            if self.channel.current_outbuf_count > BUFFER_BYTES:
                self.channel.begin_buffer()
        whole = self.has_body and self.content_length == len(data) > 0
        if self.complete and not self.wrote_header and whole:
            self.channel.write_soon(self.build_response_header() + data)
            self.wrote_header, self.content_bytes_written = True, len(data)
        else:
            super().write(data)

    def set_close_on_finish(self) -> None:
        asked = self.request.headers.get("CONNECTION", "").lower()
        if self.has_body or self.version == "1.0" or asked == "close":
            super().set_close_on_finish()


class _JsonErrorTask(ErrorTask):
    def execute(self) -> None:
        error = self.request.error
        response = refusal(error.reason.lower(), error.code)
        self.status = f"{error.code} {error.reason}"
        self.response_headers = list(response.headers.items())
        self.set_close_on_finish()
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else response.body)


class Channel(HTTPChannel):
    """One client."""

    parser_class = _Parser
    task_class = _Task
    error_task_class = _JsonErrorTask
    last_activity: float

    def begin_buffer(self) -> None:
        """Write what comes next into another buffer; this one ends when it has been sent."""
        self.current_outbuf_count = self.adj.outbuf_high_watermark

    def drop(self) -> None:
        """End it, from whichever thread, though its client does not read: what waits to be sent is
        lost. Raises `ClientDisconnected`."""
        self.will_close = True
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # that wakes the loop, which closes it
        raise ClientDisconnected

    def handle_read(self) -> None:
        """As waitress does, but a client that sends a request byte by byte counts as idle: a few
        hundred such clients would keep all others out."""
        begun, active_at = self.request, self.last_activity
        super().handle_read()
        if begun is not None and self.request is begun:
            self.last_activity = active_at
