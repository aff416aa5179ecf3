"""Answers over HTTP to three clients: of REST, of our own API, of the backend."""

import gzip
import logging
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hypothesis import strategies as st

from funding import errors
from funding.client.service import Service
from funding.notify.backend import BackendClient
from funding.rest.client import RestClient
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage
from funding.store.stated_waits import StatedWaits
from harness.fuzz.damaged_input import Draw, cut, damaged
from harness.fuzz.decoders import REPLIES, UNIVERSES
from tests.support.clock import ManualClock, write

ROW = {
    "symbol": "BTCUSDT",
    "markPrice": 91897.67414493,
    "fundingRate": 0.00001864,
    "nextFundingTime": 1764748800000,
    "indexPrice": 91930.87652174,
    "updatedAt": 1764725610.163,
    "ageSeconds": 1.9,
    "lastUpdateTime": 1764725610,
    "eventTime": 1764725610000,
    "exchange": "binance",
    "status": "TRADING",
    "fundingIntervalHours": 8,
    "intervalSource": "exchange",
    "annualizedRate": 0.0204108,
    "zScore": -1.5,
    "zReason": None,
    "percentile": 12.5,
    "zone": "normal",
    "source": "rest",
}
BODIES: list[object] = [
    *REPLIES,
    *UNIVERSES,
    ROW,
    {"error": "stale", "symbol": "BTCUSDT", "ageSeconds": 200.0, "last": ROW},
    {"error": "unknown symbol", "symbol": "X"},
    {"data": [{**ROW, "stale": False}, {**ROW, "stale": True}], "total": 2},
]
_statuses = st.sampled_from(
    (
        *("200 OK", "200 OK", "200 OK", "200", "200 " + "x" * 70_000, "100 Continue", "101 Change"),
        *("204 No Content", "206 Partial", "301 Moved", "304 Not Modified", "400 Bad", "403 No"),
        *("404 Not Found", "418 Teapot", "429 Slow", "451 No", "500 Oops", "503 Busy", "599 ?"),
        *("0 x", "-1 x", "1000 x", "abc", "", "²00 OK", "20O OK"),
    )
)
_numbers = (
    "0",
    "1",
    "-1",
    "+5",
    "5",
    "9" * 30,
    str(2**62),
    "9" * 5_000,
    "1.5",
    "0x10",
    "²",
    "",
    "nan",
    "1e9",
)
_dates = ("Wed, 21 Oct 2099 07:28:00 GMT", "Wed, 99 Oct 2026 07:28:00 GMT", "Thu, 01 Jan 1970")
_named = st.one_of(
    st.tuples(st.just("Content-Length"), st.sampled_from(_numbers)),
    st.tuples(st.just("Retry-After"), st.sampled_from((*_numbers, *_dates))),
    st.tuples(st.sampled_from(("X-MBX-USED-WEIGHT-1M", "ETag", "Date")), st.sampled_from(_numbers)),
    st.tuples(
        st.just("Content-Encoding"), st.sampled_from(("gzip", "deflate", "br", "x", "gzip, gzip"))
    ),
    st.tuples(st.just("Transfer-Encoding"), st.sampled_from(("chunked", "identity", "x, chunked"))),
    st.tuples(st.just("Location"), st.sampled_from(("http://127.0.0.1:1/", "//", "file:///"))),
    st.tuples(st.just("Connection"), st.sampled_from(("close", "keep-alive", "upgrade"))),
    st.tuples(st.just("Content-Type"), st.sampled_from(("text/html; charset=x", "multipart/x"))),
    st.tuples(st.text(max_size=9), st.text(max_size=9)),
    st.just(("X", "x" * 70_000)),
)
_heads = st.one_of(
    st.lists(_named, max_size=3), _named.map(lambda named: [named] * 3), st.just([("A", "b")] * 150)
)


_SIZES = ("{:x}", "{:X};a=b", "0{:x}", "-{:x}", "{:x} ", "4{:015x}", "4{:050x}", "")


@st.composite
def _answers(draw: Draw) -> bytes:
    status, headers = draw(_statuses), draw(_heads)
    body = draw(damaged(BODIES))
    form = draw(st.sampled_from(("plain", "plain", "length", "length", "gzip", "chunked", "short")))
    if form == "gzip":
        body = gzip.compress(body, 1)
        headers = [*headers, ("Content-Encoding", "gzip"), ("Content-Length", len(body))]
    elif form in ("length", "short"):
        headers = [*headers, ("Content-Length", len(body) + (form == "short"))]
    elif form == "chunked":
        size = draw(st.sampled_from(_SIZES)).format(len(body))
        headers = [*headers, ("Transfer-Encoding", "chunked")]
        body = f"{size}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    data: bytes = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body
    return data


answers = st.tuples(
    st.one_of(_answers(), _answers(), _answers().flatmap(cut), st.binary(max_size=50)),
    st.integers(0, 11),
)
Case = tuple[bytes, int]
SECRET = "hunter2hunter2"


class FixedServer:
    """Answers every request with the same bytes, and ends the connection."""

    def __init__(self) -> None:
        self.answer = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            with taken, suppress(OSError):
                taken.settimeout(5)
                request = b""
                while not request.endswith(b"{}" if request[:4] == b"POST" else b"\r\n\r\n"):
                    part = taken.recv(65_536)
                    if not part:
                        break
                    request += part
                taken.sendall(self.answer)

    def close(self) -> None:
        """End its thread, too."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@contextmanager
def world() -> Iterator[Callable[[Case], None]]:
    """The three clients on one such server; their clock moves on with each case."""
    hand, server = ManualClock(), FixedServer()
    address = f"http://127.0.0.1:{server.port}"
    log = _Log()
    with tempfile.TemporaryDirectory() as folder, log.listening():
        path = Path(folder) / "funding.db"
        write(path, hand.clock())
        store = DurableConnection(path)
        backend = BackendClient(2.0, waits=StatedWaits(path, hand.clock()))
        usage = RestUsage(store)
        rest = RestClient(
            address, "fuzz", usage=usage, budget=2_400, clock=hand.clock(), timeout=2.0
        )
        service = Service(
            "127.0.0.1", server.port, timeout=2.0, uptime=lambda: hand.uptime, rest_host="127.0.0.1"
        )
        calls: list[Callable[[], object]] = [
            lambda: rest.premium_index("BTCUSDT"),
            rest.premium_indices,
            rest.funding_intervals,
            lambda: rest.open_interest("BTCUSDT"),
            rest.contracts,
            lambda: rest.klines("BTCUSDT", "1h", 2),
            rest.tickers,
            rest.server_time,
            lambda: service.quote("BTCUSDT"),
            service.quotes,
            lambda: backend.post(
                f"{address}/bot{SECRET}/sendMessage", {"X-API-Key": SECRET}, b"{}"
            ),
            lambda: backend.get(address, {"X-API-Key": SECRET}),
        ]

        def check(case: Case) -> None:
            server.answer, number = case
            log.found.clear()
            hand.advance(300.0)
            usage.lift_ban(address, 1e18)
            try:
                calls[number]()
            except (errors.RestError, errors.PostError) as error:
                _check_error(error, number)
            assert not log.found, log.found

        try:
            yield check
        finally:
            for each in (service, backend, rest, store, server):
                each.close()


def _check_error(error: errors.FundingError, number: int) -> None:
    assert number not in (8, 9), "the client of our own API raises nothing"
    assert isinstance(error, errors.RestError if number < 8 else errors.PostError)
    assert len(str(error).encode()) < 2_000
    assert SECRET not in str(error)


class _Log(logging.Handler):
    """Collects what the log must not have: a secret, a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info or SECRET in text:
            self.found.append(text)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Everything that is logged in the block comes here and nowhere else."""
        root = logging.getLogger()
        others, root.handlers = root.handlers, [self]
        try:
            yield
        finally:
            root.handlers = others
