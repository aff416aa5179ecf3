"""Binance USD-M futures: settled rates and bars of the mark price, page after page. Pure.

# Facts
(docs of 2026; pages of 2026-07 and of one year)
- `fundingRate` answers at most 1,000 rows, oldest first, `startTime` and `endTime` included. It
  takes no symbol too, and then answers those of all contracts.
- The times of one settlement differ by some ms from contract to contract. A Special rate stands
  beside a Regular one of the same time: a page may end between the two.
- Rows before 2023 may have the mark price "".
- A limit that is too large is refused with 400 and code -1130.
- `markPriceKlines` answers at most 1,500 candles, and costs as `klines` do: 1 for 100 of them.
"""

from collections.abc import Callable

import msgspec

from funding.errors import RestGarbled, RestRefused
from funding.exchanges.binance.rest import Kline
from funding.exchanges.exchange import Conversation, Request
from funding.exchanges.replies import Milliseconds, decimal, price, read
from funding.model.bar import MINUTE, Bar
from funding.model.settlement import REGULAR, Settlement

PAGE_ROWS = 1_000
FEWEST_ROWS = 10
BAR_ROWS = 100
_REFUSED_LIMIT = -1130


class _Settled(msgspec.Struct, rename="camel", gc=False):
    symbol: str
    funding_time: Milliseconds
    funding_rate: str
    mark_price: str = ""
    rate_type: str = REGULAR


_settled = msgspec.json.Decoder(list[_Settled])
_klines = msgspec.json.Decoder(list[Kline])
MakeRequest = Callable[..., Request]


class History:
    """The settled rates that `request(route, **parameters)` asks for.

    A page of `page_rows` that the exchange refuses is halved for all later ones: how many rows it
    has never changes what is found.
    """

    def __init__(self, request: MakeRequest, page_rows: int = PAGE_ROWS) -> None:
        self._request = request
        self._page_rows = page_rows

    def of(self, symbol: str, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """Those of `symbol`, oldest first; `RestGarbled` where a row is of another."""
        found = yield from self._pages({"symbol": symbol}, since_ms, until_ms)
        others = {row.symbol for row in found} - {symbol}
        if others:
            raise RestGarbled(f"fundingRate of {symbol}: the reply is of {min(others)[:40]}")
        return found

    def of_all(self, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """Those of all contracts. A page of a single ms cannot be passed: what is after it is left
        out, as it would be without this call."""
        found = yield from self._pages({}, since_ms, until_ms)
        return found

    def _pages(
        self, whose: dict[str, str], since_ms: int, until_ms: int
    ) -> Conversation[list[Settlement]]:
        found: dict[tuple[str, int, str], Settlement] = {}
        while since_ms <= until_ms:
            times = {"startTime": str(since_ms), "endTime": str(until_ms)}
            page = yield from self._page(whose | times)
            rows = [row for row in page if since_ms <= row.funding_time <= until_ms]
            news = {(row.symbol, row.funding_time, row.rate_type): row for row in rows}
            is_known = news.keys() <= found.keys()
            found |= news
            if len(page) < self._page_rows or is_known:
                break
            # The same ms again: the page may have ended between two rows of it.
            since_ms = max(row.funding_time for row in rows)
        return sorted(found.values(), key=lambda row: (row.funding_time, row.symbol))

    def _page(self, parameters: dict[str, str]) -> Conversation[list[Settlement]]:
        while True:
            limit = {"limit": str(self._page_rows)}
            try:
                reply = yield self._request("fundingRate", **parameters, **limit)
            except RestRefused as error:
                if error.code != _REFUSED_LIMIT or self._page_rows <= FEWEST_ROWS:
                    raise
                self._page_rows //= 2
            else:
                return [_settlement(row) for row in read(_settled, reply, "fundingRate")]


def mark_bars(
    request: MakeRequest, exchange: str, symbol: str, since: int, until: int
) -> Conversation[list[Bar]]:
    """The minutes of the mark price of `symbol` that begin from `since` to `until`, Unix seconds,
    both included, as bars without quotes."""
    found: dict[int, Bar] = {}
    while since <= until:
        reply = yield request(
            "markPriceKlines",
            symbol=symbol,
            interval="1m",
            startTime=str(since * 1_000),
            endTime=str(until * 1_000),
            limit=str(BAR_ROWS),
        )
        rows = [_bar(exchange, symbol, row) for row in read(_klines, reply, "markPriceKlines")]
        found |= {row.start: row for row in rows if since <= row.start <= until}
        newest = max((row.start for row in rows), default=since)
        if len(rows) < BAR_ROWS or newest < since:
            break
        since = newest + MINUTE
    return [found[start] for start in sorted(found)]


def _settlement(row: _Settled) -> Settlement:
    settled = decimal(row.funding_rate)
    if settled is None or not -1 < settled < 1:
        raise RestGarbled(f"fundingRate of {row.symbol[:40]}: rate {row.funding_rate[:40]!r}")
    mark, kind = price(row.mark_price), row.rate_type[:40]
    return Settlement(row.symbol, row.funding_time, settled, mark, kind)


def _bar(exchange: str, symbol: str, row: Kline) -> Bar:
    prices = [price(text) for text in (row.open, row.high, row.low, row.close)]
    if None in prices or row.open_time % (MINUTE * 1_000):
        raise RestGarbled(f"markPriceKlines of {symbol}: {row.open_time} {row.open[:40]!r}")
    first, high, low, last = (each or 0.0 for each in prices)
    start = row.open_time // 1_000
    return Bar(exchange, symbol, MINUTE, start, first, high, low, last, None, None, 0)
