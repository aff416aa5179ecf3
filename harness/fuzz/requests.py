"""Requests to the API: raw bytes to a real process."""

import csv
import json
import re
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote as percent

from hypothesis import strategies as st

from funding.model.quote import Quote
from funding.runtime.clock import SYSTEM
from harness.fuzz.damaged_input import NUMBERS, TEXTS, Draw, cut
from harness.http_client import ask, connect, serves, to_the_end
from harness.processes import free_port, running, until
from tests.support.clock import write

SYMBOLS = [f"S{number:03}USDT" for number in range(200)]
STATUSES = {200, 304, 400, 403, 404, 405, 413, 431, 501, 503}
HIDDEN = b"GET /funding/SMUGGLED HTTP/1.1\r\nHost: HOST\r\n\r\n"
LAST = b"GET /funding/SENTINEL HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"
KINDS = (b"application/json", b"text/csv; charset=utf-8; header=present")
_ANSWER = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) [^\r\n]*\r\n((?:[^\r\n:]+: [^\r\n]*\r\n)*)\r\n")

_symbols = st.one_of(
    st.sampled_from(
        (*SYMBOLS[:3], "btcusdt", "BTC%FFUSDT", "%00", "%", "%zz", "..", "../..", "a/b")
    ),
    st.sampled_from((*NUMBERS[:-1], *TEXTS)),
    st.text(max_size=10),
)
_tables = st.sampled_from(
    (
        *("/funding", "/funding/S001USDT/history", "/funding/S001USDT/bars", "/funding/signals"),
        *("/funding/batch", "/funding/X/history", "/exchanges", "/funding/S001USDT"),
    )
)
_parameters = st.tuples(
    st.sampled_from(
        ("days", "since", "period", "limit", "exchange", "format", "symbols", "asset", "x")
    ),
    st.one_of(
        st.sampled_from(
            ("1", "30", "60", "3600", "csv", "json", "binance", "*", "S001USDT", "", "0", "-1")
        ),
        st.sampled_from(("1e9", "nan", "inf", "9" * 400, "2026-11-27T00:00:00Z", "%00", "%ff")),
        st.text(max_size=10).map(lambda text: percent(text, safe="")),
    ),
).map("=".join)
_paths = st.one_of(
    st.tuples(_tables, st.lists(_parameters, max_size=3).map("&".join)).map("?".join),
    st.sampled_from(
        ("/", "/funding", "/funding/", "/funding/health", "/health", "/funding/batch", "*")
    )
    | st.sampled_from(
        ("//", "", "/funding/batch?symbols=", "/funding/batch?symbols=%ff", "http://[")
    ),
    _symbols.map(lambda text: f"/funding/{text}"),
    _symbols.map(lambda text: f"/funding/{percent(text, safe='')}"),
    st.lists(_symbols, max_size=5).map(
        lambda some: f"/funding/batch?symbols={percent(','.join(some))}"
    ),
    st.lists(_symbols, max_size=5).map(lambda some: "/funding/batch?symbols=" + ",".join(some)),
    st.sampled_from(("S001USDT,", "%2C", "%e5%b8%81,", ",", "&symbols=A")).map(
        lambda text: "/funding/batch?symbols=" + text * 2_500
    ),
    st.sampled_from(
        ("http://HOST/funding", "http://evil.example/", "http://a:b@HOST/", "HTTP://HOST")
    )
    | st.sampled_from(
        ("//evil.example/funding", "http://HOST:99999/", "http://HOST:x/", "file:///")
    ),
    st.just("/" + "a" * 140_000),
)
_methods = st.sampled_from(
    ("GET",) * 20
    + ("HEAD", "HEAD", "POST", "OPTIONS", "TRACE", "CONNECT", "get", "", "G\x00T", "GE T")
)
_versions = st.sampled_from(
    ("HTTP/1.1",) * 24
    + ("HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.1 ", "http/1.1", "", "HTTP/9" * 9)
)
_hosts = st.sampled_from(
    ("HOST",) * 24
    + ("localhost:PORT", "evil.example", "HOST, HOST", "", "HOST\x00", "é", "[::1]:PORT")
)
_named = st.one_of(
    st.tuples(st.just("If-None-Match"), st.sampled_from(("*", 'W/"0"', "é", "," * 1_000, "\x7f"))),
    st.tuples(
        st.just("Connection"), st.sampled_from(("close", "keep-alive", "Upgrade", "x, close"))
    ),
    st.tuples(st.just("Expect"), st.sampled_from(("100-continue", "x"))),
    st.tuples(st.just("Host"), _hosts),
    st.tuples(st.text(max_size=8), st.text(max_size=8)),
    st.tuples(
        st.sampled_from((" X", "X ", "X\t", "\tX", ":", "", "X_Y", "Content_Length")), st.just("1")
    ),
    st.just(("X", "x" * 140_000)),
)
_headers = st.one_of(st.just([]), st.just([]), st.lists(_named, max_size=3))
_plain = st.tuples(_headers, st.just(b""))


def _lengths(body: bytes) -> list[list[tuple[str, str]]]:
    """Ways to say, or to seem to say, how long `body` is."""
    size = len(body)
    odd = (
        f"+{size}",
        f"{size},{size}",
        f"{size}, 0",
        hex(size),
        f"-{size}",
        f"{size}\x0b",
        f"0{size}",
    )
    name, coding = "Content-Length", "Transfer-Encoding"
    return [
        [(name, str(size))],
        *([(name, text)] for text in (*odd, "9" * 5_000, "²", "")),
        [(name, "0"), (name, str(size))],
        [(name, str(size)), (name, "0")],
        *(
            [(name, str(size)), (coding, text)]
            for text in ("chunked", "identity", "x", "chunked\x0b")
        ),
        [(coding, "chunked"), (name, str(size))],
        [("Content-Length ", str(size))],
        [(coding, "chunked"), (coding, "identity"), (name, str(size))],
    ]


_smuggling = st.sampled_from((HIDDEN, b"0\r\n\r\n" + HIDDEN, b"x" * 20_000 + HIDDEN)).flatmap(
    lambda body: st.tuples(st.sampled_from(_lengths(body)), st.just(body))
)


@st.composite
def _requests(draw: Draw) -> bytes:
    line = f"{draw(_methods)} {draw(_paths)} {draw(_versions)}"
    headers, body = draw(st.one_of(_plain, _plain, _plain, _plain, _smuggling))
    lines = [line, f"Host: {draw(_hosts)}", *(f"{name}: {value}" for name, value in headers)]
    end = draw(st.sampled_from(("\r\n",) * 20 + ("\n", "\r")))
    data: bytes = (end.join(lines) + end * 2).encode("utf-8", "surrogatepass") + body
    return data


@st.composite
def _hiding(draw: Draw) -> bytes:
    headers, body = draw(_smuggling)
    method = draw(st.sampled_from(("GET", "HEAD", "POST")))
    lines = [f"{method} /funding HTTP/1.1", "Host: HOST", *(f"{n}: {v}" for n, v in headers)]
    assert isinstance(body, bytes)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# What is sent, and whether a request hidden in it must not be answered.
requests = st.one_of(
    st.lists(_requests(), min_size=1, max_size=3).map(lambda some: (b"".join(some), False)),
    _requests().flatmap(cut).map(lambda data: (data, False)),
    _hiding().map(lambda data: (data, True)),
    st.binary(max_size=60).map(lambda data: (data, False)),
)
Case = tuple[bytes, bool]


@contextmanager
def world() -> Iterator[Callable[[Case], None]]:
    """api.py with quotes; a traceback in its log is a finding, too."""
    with tempfile.TemporaryDirectory() as folder:
        path, log, port = Path(folder) / "funding.db", Path(folder) / "api.log", free_port()
        event_time = int(SYSTEM.wall() * 1000)
        write(path, SYSTEM, [Quote(name, 1.0, 1.0, 1e-4, None, event_time) for name in SYMBOLS])
        settings = {"FUNDING_DB": path, "FUNDING_API_PORT": port}
        with running([sys.executable, "api.py"], log, settings=settings) as process:
            until(lambda: serves(port, "/funding/S001USDT"), "the API answers")
            host, cases = f"127.0.0.1:{port}".encode(), 0

            def check(case: Case) -> None:
                nonlocal cases
                data, hides = case
                data = (data + LAST).replace(b"HOST", host).replace(b"PORT", str(port).encode())
                received = _sent(port, data)
                for status, body in answers(received, b"HEAD" in data):
                    assert status in STATUSES, status
                    _check_body(status, body)
                assert not hides or b"SMUGGLED" not in received, "a hidden request was answered"
                cases += 1
                if cases % 20 == 0:
                    assert ask(port, "/funding/S001USDT").status in (200, 503)
                    assert process.poll() is None
                    assert b"Traceback" not in log.read_bytes(), log.read_text()[-3_000:]

            yield check
            assert b"Traceback" not in log.read_bytes(), log.read_text()[-3_000:]


def _sent(port: int, data: bytes) -> bytes:
    """What came back. The data may be less than one request, so we end our side first."""
    with connect(port) as connection:
        with suppress(OSError):  # refused before it was all there
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        return to_the_end(connection)


def answers(received: bytes, has_head: bool) -> Iterator[tuple[int, bytes]]:
    """Status and body of all answers, which must be whole; those to HEAD may be without a body."""
    while received:
        head = _ANSWER.match(received)
        assert head is not None, f"no answer: {received[:200]!r}"
        headers = dict(line.split(b": ", 1) for line in head[2].lower().splitlines())
        received, status = received[head.end() :], int(head[1])
        assert status == 304 or headers[b"content-type"] in KINDS
        size = int(headers.get(b"content-length", b"0"))
        bare = status == 304 or (has_head and received[:5] in (b"", b"HTTP/"))
        assert bare or len(received) >= size, "an answer that is cut short"
        yield status, b"" if bare else received[:size]
        received = received if bare else received[size:]


def _check_body(status: int, body: bytes) -> None:
    if body and not body.startswith(b"{"):
        header, *rows = csv.reader(body.decode().splitlines(keepends=True))
        assert status == 200
        assert all(len(row) == len(header) for row in rows)
    elif body:
        answer = json.loads(body, parse_constant=lambda name: name / 0)  # type: ignore[operator]
        assert status < 400 or "error" in answer or "reasons" in answer
