"""The exchange's REST interface: the only importer of urllib3.

Every call is counted in the store by caller, route and minute, stays within the group's budget,
and respects a ban that any process of the group has met.

# Facts
(see exchanges/binance_rest.py for weights)
- 429 says back off, 418 is a ban of 2 minutes to 3 days for the whole address; going on asking
  prolongs it. The end is in Retry-After or in the message's words, or nowhere.
- 403 is the firewall, 451 a restricted location: asking again does not help.
- urllib3 retries three times and follows redirects unless told not to; it honours no proxy
  variables of the environment; its timeouts bound each wait, not the whole (see deadline.py).
"""

import logging
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import urllib3

from funding import errors
from funding.clock import Clock
from funding.deadline import Response
from funding.exchanges import binance_rest as api
from funding.feed import Event
from funding.store import Ledger

log = logging.getLogger("rest")

MAX_BODY = 16 * 1024 * 1024
MARGIN = 100  # below the exchange's own limit, for what others on this address use
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3_600.0
LONGEST_BAN_SECONDS = 3 * 86_400.0

_EXPLAINED = {
    403: "refused by the exchange's firewall",
    451: "restricted location: the exchange does not serve this address",
}
_HEADERS = urllib3.make_headers(accept_encoding="gzip", user_agent="funding")

T = TypeVar("T")


class _PlainConnection(urllib3.connection.HTTPConnection):
    response_class = Response


class _SecureConnection(urllib3.connection.HTTPSConnection):
    response_class = Response


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Rest:
    """GET calls to `address` on behalf of `caller`, a name for the accounts.

    `budget` is the weight per UTC minute for the whole group. For one thread, as its `ledger` is.
    Every method raises `RestError`s and, from the accounts, `StoreError`s. No call lasts longer
    than `timeout` seconds for each address that the host's name has.
    """

    def __init__(
        self,
        address: str,
        caller: str,
        *,
        ledger: Ledger,
        budget: int,
        clock: Clock,
        timeout: float = 5.0,
    ) -> None:
        self._address = address.rstrip("/")
        self.host = urlsplit(address).hostname or ""
        self._caller = caller
        self._ledger = ledger
        self._budget = budget
        self._clock = clock
        self._timeout = timeout
        self._theirs = (0, 0)  # minute, weight that the exchange says is used in it
        self._pool = urllib3.PoolManager(num_pools=2, maxsize=4, retries=False, headers=_HEADERS)
        self._pool.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def premium_index(self, symbol: str) -> api.PremiumIndex:
        """Mark price and funding of one symbol; weight 1."""
        found = self._get("premiumIndex", api.premium_indices, symbol=symbol)
        if [row.symbol for row in found] != [symbol]:
            raise errors.RestGarbled(f"premiumIndex of {symbol}: the reply has {len(found)} others")
        return found[0]

    def premium_indices(self) -> list[api.PremiumIndex]:
        """Those of all symbols in one call; weight 10."""
        return self._get("premiumIndex", api.premium_indices)

    def funding_intervals(self) -> list[api.FundingInfo]:
        """The funding intervals of most symbols; no weight."""
        return self._get("fundingInfo", _decoder(list[api.FundingInfo]))

    def open_interest(self, symbol: str) -> api.OpenInterest:
        """Open contracts of one symbol; weight 1."""
        return self._get("openInterest", _decoder(api.OpenInterest), symbol=symbol)

    def contracts(self) -> list[api.Contract]:
        """All contracts; weight 1, over a megabyte."""
        return self._get("exchangeInfo", _decoder(api.ExchangeInfo)).symbols

    def klines(self, symbol: str, interval: str, limit: int) -> list[api.Kline]:
        """The last `limit` candles, oldest first; weight 1 up to 100."""
        parameters = {"symbol": symbol, "interval": interval, "limit": str(limit)}
        return self._get("klines", _decoder(list[api.Kline]), **parameters)

    def tickers(self) -> list[api.Ticker]:
        """24 hours of all symbols; weight 40."""
        return self._get("ticker/24hr", _decoder(list[api.Ticker]))

    def server_time(self) -> int:
        """The exchange's clock in ms; weight 1."""
        return self._get("time", _decoder(api.ServerTime)).server_time

    def _get(self, route: str, decode: Callable[[bytes], T], **parameters: str) -> T:
        was_banned = self._ask_leave(route, api.weight(route, parameters))
        status, headers, body = self._request(api.ROUTES[route].path, parameters)
        if api.WEIGHT_HEADER in headers:  # a route without weight does not tell it
            self._theirs = (self._minute(), _number(headers[api.WEIGHT_HEADER]))
        if status != 200:
            raise self._refused(status, headers.get("Retry-After", ""), body)
        if was_banned:
            self._ledger.lift_ban(self._address, self._clock.wall())
        try:
            return decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise errors.RestGarbled(f"{route}: {str(error)[:200]}") from error

    def _minute(self) -> int:
        return int(self._clock.wall() // 60)

    def _ask_leave(self, route: str, weight: int) -> bool:
        """Count the call, or raise because it must not be made; whether a ban has just ended."""
        now, minute = self._clock.wall(), self._minute()
        ban = self._ledger.ban(self._address)
        # One that lasts longer than any was set when the clock was wrong.
        if ban is not None and now < ban[0] <= now + LONGEST_BAN_SECONDS:
            wait = ban[0] - now
            raise errors.RestBanned(f"not asked for {wait:.0f} s more: {ban[2]}", wait)
        next_minute = 60 - now % 60
        if self._theirs[0] == minute and self._theirs[1] + weight > api.WEIGHT_LIMIT - MARGIN:
            text = f"the exchange counts {self._theirs[1]} of {api.WEIGHT_LIMIT} in this minute"
            raise errors.RestOverBudget(text, next_minute)
        allowed = self._budget if weight else api.UNWEIGHTED_CALLS // 2
        used = self._ledger.spend(self._caller, route, weight, minute, allowed)
        if used + (weight or 1) > allowed:
            span = "minute" if weight else "five minutes"
            text = f"{used} of {allowed} used in this {span}, {route} needs {weight or 1}"
            raise errors.RestOverBudget(text, next_minute)
        return ban is not None

    def _request(
        self, path: str, parameters: dict[str, str]
    ) -> tuple[int, urllib3.HTTPHeaderDict, bytes]:
        try:
            response = self._pool.request(
                "GET",
                self._address + path,
                fields=parameters,
                timeout=urllib3.Timeout(total=self._timeout),
                redirect=False,
                preload_content=False,
            )
            body = response.read(MAX_BODY + 1)
        except urllib3.exceptions.HTTPError as error:
            raise errors.RestUnreachable(f"{type(error).__name__}: {error}"[:200]) from error
        if len(body) > MAX_BODY:
            response.close()  # with the rest of it unread, the connection is of no more use
            raise errors.RestGarbled(f"a reply of more than {MAX_BODY} bytes")
        response.release_conn()
        return response.status, response.headers, body

    def _refused(self, status: int, retry_after: str, body: bytes) -> errors.RestError:
        told, wait = api.error_body(body), _number(retry_after)
        if status in (429, 418):
            reason = f"status {status}: {told.msg}"
            return errors.RestBanned(reason, self._stop_all(reason, wait, told.msg))
        if status in _EXPLAINED:
            reason = f"status {status}, {_EXPLAINED[status]}"
            return errors.RestRestricted(reason, self._stop_all(reason, wait, ""))
        if status >= 500:
            text = f"status {status}, code {told.code}: {told.msg}"
            return errors.RestUnreachable(text, wait)
        return errors.RestRefused(status, told.code, told.msg)

    def _stop_all(self, reason: str, retry_after: int, message: str) -> float:
        """Nobody of the group asks until the end that is told, else for a growing pause; how many
        seconds that is."""
        now, pauses = self._clock.wall(), 1
        until = now + retry_after if retry_after else api.banned_until(message)
        if until is None or until <= now:
            held = self._ledger.ban(self._address)
            pauses = held[1] + 1 if held is not None else 1
            doubled = FIRST_PAUSE_SECONDS * 2 ** min(pauses - 1, 10)
            until = now + min(doubled, LONGEST_PAUSE_SECONDS)
        until = min(until, now + LONGEST_BAN_SECONDS)
        self._ledger.set_ban(self._address, until, pauses, reason)
        text = f"{reason}: nobody asks for {until - now:.0f} s"
        self._ledger.add(events=[Event(now, self._caller, "rest-pause", text)])
        log.warning("%s", text)
        return until - now


def _decoder(kind: type[T]) -> Callable[[bytes], T]:
    return msgspec.json.Decoder(kind).decode


def _number(text: str) -> int:
    return int(text[:9]) if text.isascii() and text.isdigit() else 0
