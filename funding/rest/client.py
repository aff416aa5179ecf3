"""The routes of the exchange's REST interface, each with its reply."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from funding import errors
from funding.exchanges.binance import rest as api
from funding.model.ban import LONGEST_BAN_SECONDS
from funding.rest.limiter import RateLimiter, UsageStore
from funding.rest.transport import Transport
from funding.runtime import backoff
from funding.runtime.clock import Clock

_BANNED = 418
_BANS = (429, _BANNED)
_EXPLAINED = {
    403: "refused by the exchange's firewall",
    451: "restricted location: the exchange does not serve this address",
}

T = TypeVar("T")


class RestClient:
    """GET calls to `address`, counted in `usage` by the name of the `caller`.

    `budget` is the weight per UTC minute for the whole group. For one thread, as its `usage` is.
    Every method raises `RestError`s and, from `usage`, `StoreError`s. No answer is waited for
    longer than `timeout` seconds; a function is asked before each call.
    """

    def __init__(
        self,
        address: str,
        caller: str,
        *,
        usage: UsageStore,
        budget: int,
        clock: Clock,
        timeout: float | Callable[[], float] = 5.0,
    ) -> None:
        self._address = address.rstrip("/")
        self.host = urlsplit(address).hostname or ""
        self._clock = clock
        self._timeout = timeout
        self._limiter = RateLimiter(self._address, caller, usage=usage, budget=budget, clock=clock)
        self._transport = Transport()

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

    def close(self) -> None:
        """Let go of the connections; the next call opens them again."""
        self._transport.close()

    def _get(self, route: str, decode: Callable[[bytes], T], **parameters: str) -> T:
        self._limiter.acquire(route, api.weight(route, parameters))
        status, headers, body = self._transport.get(
            self._address + api.ROUTES[route].path,
            parameters,
            self._timeout() if callable(self._timeout) else self._timeout,
        )
        refused = status in _BANS or status in _EXPLAINED
        self._limiter.record_usage(headers.get(api.WEIGHT_HEADER, ""), refused=refused)
        if status != 200:
            raise self._refused(status, headers.get("Retry-After", ""), body)
        self._limiter.clear_ban()
        try:
            return decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise errors.RestGarbled(f"{route}: {str(error)[:200]}") from error

    def _refused(self, status: int, retry_after: str, body: bytes) -> errors.RestError:
        error, now = api.error_body(body), self._clock.wall()
        longest = LONGEST_BAN_SECONDS if status == _BANNED else backoff.LONGEST_SECONDS
        wait = backoff.stated_wait(retry_after, body, now, longest)
        if status in _EXPLAINED:
            reason = f"status {status}, {_EXPLAINED[status]}"
            return errors.RestRestricted(reason, self._limiter.ban(reason, wait))
        reason = f"status {status}, code {error.code}: {error.msg}"
        if status in _BANS:
            return errors.RestBanned(reason, self._limiter.ban(reason, wait))
        if status >= 500:
            if wait:
                self._limiter.ban(reason, wait)
            return errors.RestUnreachable(reason, wait)
        return errors.RestRefused(status, error.code, error.msg)


def _decoder(kind: type[T]) -> Callable[[bytes], T]:
    return msgspec.json.Decoder(kind).decode
