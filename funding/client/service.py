"""The service's API on localhost, over one connection that is kept open.

# Facts
- The API ends a connection that is idle for half a minute. A request on it then fails with
  RemoteDisconnected, ConnectionResetError or BrokenPipeError before any byte of an answer.
- `http.client` honours no proxy variables, follows no redirects and retries nothing.
- `If-None-Match` pays while no frame comes between two reads: polls of less than a second, or a
  feed that has stopped. An answer of 304 has no ages: those of the kept rows go on from there.
"""

import http.client
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote as percent_encoded
from urllib.parse import urlencode

import msgspec

from funding.api.quotes import Row, stored
from funding.api.responses import ADDRESS_HEADER
from funding.model.feed import StoredQuote
from funding.model.origin import not_comparable
from funding.model.quote import LONGEST_SYMBOL, fold
from funding.runtime import forks
from funding.runtime.deadline import Deadline, TcpConnection
from funding.runtime.forks import ForkAware


class _Stale(msgspec.Struct):
    last: Row


class _All(msgspec.Struct):
    data: list[Row]


class _Contract(msgspec.Struct):
    exchange: str
    symbol: str


class _Contracts(msgspec.Struct):
    data: list[_Contract]


class _Unknown(msgspec.Struct):
    symbol: str = ""


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NONE: Mapping[str, str] = {}
_row = msgspec.json.Decoder(Row)
_stale = msgspec.json.Decoder(_Stale)
_unknown = msgspec.json.Decoder(_Unknown)
_all = msgspec.json.Decoder(_All)
_contracts = msgspec.json.Decoder(_Contracts)
BINANCE = "binance"


class ServiceQuote(NamedTuple):
    """The service's answer for one symbol: its quote, None for an unknown one; or, in words, the
    `problem` why there is no answer. `fresh` when the quote is not stale; `wrong_symbol` when the
    problem is that the answer is another symbol's."""

    quote: StoredQuote | None
    fresh: bool = False
    problem: str = ""
    wrong_symbol: bool = False


class ServiceQuotes(NamedTuple):
    """The service's answer for all symbols; `problem` as in `ServiceQuote`."""

    fresh: list[StoredQuote]
    stale: list[StoredQuote]
    problem: str = ""

    @property
    def quotes(self) -> list[StoredQuote]:
        """The fresh and the stale ones."""
        return self.fresh + self.stale


class _Unusable(Exception):
    """No answer, or none that can be used; the text says why."""


class _Ended(Exception):
    """A connection that was kept open has ended, which says nothing about the service itself."""


class Service(ForkAware):
    """GET calls to the API at `host`:`port`, for one thread at a time.

    No answer takes longer than `timeout` seconds; where that is a function, it is asked before
    each call. No call raises an exception. `uptime` is a clock in seconds that does not step.
    Quotes of another `exchange` are a problem, and those that have nothing to do with REST at
    `rest_host`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        timeout: float | Callable[[], float],
        uptime: Callable[[], float],
        rest_host: str,
        exchange: str = BINANCE,
    ) -> None:
        self._rest_host = rest_host
        self._exchange_name = exchange
        # The API means Binance where none is named, and single lookups are what must be short.
        self._query = "" if exchange == BINANCE else f"?exchange={exchange}"
        self._timeout = timeout
        self._connection = TcpConnection(host, port)
        self._uptime = uptime
        self._tag = ""
        self._kept: list[Row] = []
        self._kept_since = 0.0
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """The connection stays the parent's."""
        self._connection = TcpConnection(self._connection.host, self._connection.port)

    def quote(self, symbol: str) -> ServiceQuote:
        """The quote of `symbol`."""
        try:
            status, _, body = self._ask(f"/funding/{percent_encoded(symbol, safe='')}{self._query}")
            if status == 200:
                return self._checked(symbol, ServiceQuote(stored(_row.decode(body)), fresh=True))
            if status == 404:
                answered = _unknown.decode(body).symbol
                return self._checked(symbol, ServiceQuote(None), answered)
            if status == 503:
                return self._checked(symbol, ServiceQuote(stored(_stale.decode(body).last)))
        except _UNREADABLE:
            pass  # "not ready" has no last quote
        except _Unusable as error:
            return ServiceQuote(None, problem=str(error))
        return ServiceQuote(None, problem=f"status {status}: {_shown(body)}")

    def quotes(self) -> ServiceQuotes:
        """Every quote, of one instant."""
        try:
            headers = {"If-None-Match": self._tag} if self._tag else {}
            status, tag, body = self._ask(f"/funding{self._query}", headers)
            now = self._uptime()
            if status == 200:
                rows = _all.decode(body).data
                self._tag, self._kept, self._kept_since = tag, rows, now
            elif status != 304 or not self._tag:
                return ServiceQuotes([], [], f"status {status}: {_shown(body)}")
        except _UNREADABLE as error:
            return ServiceQuotes([], [], f"not the API's answer: {error}"[:200])
        except _Unusable as error:
            return ServiceQuotes([], [], str(error))
        others = {row.exchange for row in self._kept} - {self._exchange_name}
        if others:
            return ServiceQuotes([], [], f"it answers quotes of {', '.join(sorted(others))[:100]}")
        answer = ServiceQuotes([], [])
        for row in self._kept:
            quote = stored(row, now - self._kept_since)
            (answer.stale if row.stale else answer.fresh).append(quote)
        return answer

    def on_asset(self, asset: str) -> ServiceQuotes:
        """The quotes of all contracts on `asset`, of every exchange."""
        query = urlencode({"asset": asset})
        try:
            status, _, body = self._ask(f"/funding/compare?{query}")
            if status == 404:
                return ServiceQuotes([], [])
            if status != 200:
                return ServiceQuotes([], [], f"status {status}: {_shown(body)}")
            named = {(each.exchange, each.symbol) for each in _contracts.decode(body).data}
            query = urlencode({"symbols": ",".join({symbol for _, symbol in named})})
            status, _, body = self._ask(f"/funding/batch?{query}&exchange=*")
            if status != 200:
                return ServiceQuotes([], [], f"status {status}: {_shown(body)}")
            rows = [row for row in _all.decode(body).data if (row.exchange, row.symbol) in named]
        except _UNREADABLE as error:
            return ServiceQuotes([], [], f"not the API's answer: {error}"[:200])
        except _Unusable as error:
            return ServiceQuotes([], [], str(error))
        answer = ServiceQuotes([], [])
        for row in rows:
            (answer.stale if row.stale else answer.fresh).append(stored(row))
        return answer

    def _checked(self, asked: str, answer: ServiceQuote, answered: str = "") -> ServiceQuote:
        """The `answer`, unless it is about another symbol than the one `asked`."""
        name = answer.quote.symbol if answer.quote is not None else answered or asked
        exchange = answer.quote.exchange if answer.quote is not None else self._exchange_name
        if fold(name) == fold(asked) and exchange == self._exchange_name:
            return answer
        self._connection.close()  # what else comes on it may be another's, too
        of = "" if exchange == self._exchange_name else f" of {exchange[:LONGEST_SYMBOL]}"
        text = f"asked for {asked[:LONGEST_SYMBOL]}, it answers {name[:LONGEST_SYMBOL]}{of}"
        return ServiceQuote(None, problem=text, wrong_symbol=True)

    def close(self) -> None:
        """Let go of the connection; the next call opens it again."""
        self._connection.close()

    def _ask(self, path: str, headers: Mapping[str, str] = _NONE) -> tuple[int, str, bytes]:
        """Status, ETag and body."""
        deadline = Deadline(self._timeout() if callable(self._timeout) else self._timeout)
        try:
            with suppress(_Ended):
                return self._exchange(path, headers, deadline)
            return self._exchange(path, headers, deadline)
        except (OSError, http.client.HTTPException) as error:
            raise _Unusable(f"{type(error).__name__}: {error}"[:200]) from error

    def _exchange(
        self, path: str, headers: Mapping[str, str], deadline: Deadline
    ) -> tuple[int, str, bytes]:
        kept_open = self._connection.sock is not None
        seconds = deadline.left() or 0.0
        if seconds <= 0:
            raise TimeoutError("timed out before it was asked")
        self._connection.timeout = seconds
        if kept_open:
            self._connection.sock.settimeout(seconds)
        try:
            self._connection.request("GET", path, headers=headers)
            with self._connection.getresponse() as response:
                answer = response.status, response.headers.get("ETag", ""), response.read()
                feed_host = response.headers.get(ADDRESS_HEADER, "")
        except BaseException as error:
            self._connection.close()
            if kept_open and isinstance(error, ConnectionError):
                raise _Ended from error
            raise
        text = not_comparable(feed_host, self._rest_host) if feed_host else ""
        if text:
            raise _Unusable(text)
        return answer


def _shown(body: bytes) -> str:
    return body[:100].decode("utf-8", "replace")
