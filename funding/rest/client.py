"""Calls to one host of an exchange, and the routes of Binance, each with its reply."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from funding import errors
from funding.exchanges.binance import rest as api
from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.exchange import Reply, Request, RestLimits
from funding.model.ban import LONGEST_BAN_SECONDS
from funding.model.event import Event, EventKind
from funding.model.quote import LONGEST_SYMBOL
from funding.rest.limiter import RateLimiter, UsageStore
from funding.rest.transport import Transport
from funding.runtime import backoff
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle, printable

EVENT_SECONDS = 60.0
"""A wrong symbol is an event once in this time for each route."""
_BANNED = 418
_BANS = (429, _BANNED)
_EXPLAINED = {
    403: "refused by the exchange's firewall",
    451: "restricted location: the exchange does not serve this address",
}

T = TypeVar("T")


class RestClient:
    """Calls to `address`, counted in `usage` by the name of the `caller`.

    `budget` is the weight per UTC minute for the whole group, `limits` what the exchange allows.
    For one thread, as its `usage` is. Every method raises `RestError`s and, from `usage`,
    `StoreError`s. No answer is waited for longer than `timeout` seconds; a function is asked before
    each call.
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
        limits: RestLimits = BINANCE.limits,
    ) -> None:
        self._address = address.rstrip("/")
        self.host = urlsplit(address).hostname or ""
        self._caller = caller
        self._usage = usage
        self._throttle = Throttle(EVENT_SECONDS)
        self._clock = clock
        self._timeout = timeout
        self._limits = limits
        self._limiter = RateLimiter(
            self._address, caller, usage=usage, limits=limits, budget=budget, clock=clock
        )
        self._transport = Transport()

    def premium_index(self, symbol: str) -> api.PremiumIndex:
        """Mark price and funding of one symbol; weight 1."""
        found = self._get("premiumIndex", api.premium_indices, symbol=symbol)
        self._require("premiumIndex", symbol, [row.symbol for row in found])
        return found[0]

    def premium_indices(self) -> list[api.PremiumIndex]:
        """Those of all symbols in one call; weight 10."""
        return self._get("premiumIndex", api.premium_indices)

    def funding_intervals(self) -> list[api.FundingInfo]:
        """The funding intervals of most symbols; no weight."""
        return self._get("fundingInfo", _decoder(list[api.FundingInfo]))

    def open_interest(self, symbol: str) -> api.OpenInterest:
        """Open contracts of one symbol; weight 1."""
        found = self._get("openInterest", _decoder(api.OpenInterest), symbol=symbol)
        self._require("openInterest", symbol, [found.symbol])
        return found

    def contracts(self) -> list[api.Contract]:
        """All contracts; weight 1, over a megabyte."""
        return self._get("exchangeInfo", api.contracts)

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

    def ask(self, request: Request) -> Reply:
        """The answer to `request`, whose host must be this client's: what `converse` needs."""
        self._limiter.acquire(request.route, request.weight)
        status, headers, body = self._transport.call(
            request.url,
            request.parameters,
            self._timeout() if callable(self._timeout) else self._timeout,
            request.body,
        )
        refused = status in _BANS or status in _EXPLAINED
        self._limiter.record_usage(headers.get(self._limits.used_header, ""), refused=refused)
        if status != 200:
            raise self._refused(status, headers.get("Retry-After", ""), body)
        self._limiter.clear_ban()
        return Reply(body, round(self._clock.wall() * 1000), headers)

    def _get(self, route: str, decode: Callable[[bytes], T], **parameters: str) -> T:
        url, weight = self._address + api.ROUTES[route].path, api.weight(route, parameters)
        reply = self.ask(Request(route, url, weight, parameters))
        try:
            return decode(reply.body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise errors.RestGarbled(f"{route}: {str(error)[:200]}") from error

    def _require(self, route: str, asked: str, answered: list[str]) -> None:
        """Raise `RestGarbled` unless the reply is that of the symbol `asked` alone."""
        if answered == [asked]:
            return
        self._transport.close()  # what else comes on this connection may be another's, too
        others = printable(", ".join(each[:LONGEST_SYMBOL] for each in answered[:3]))
        text = f"{route} of {asked}: the reply is of {others or 'no symbol'}"
        if self._throttle(route, self._clock.uptime()):
            now = self._clock.wall()
            self._usage.record(Event(now, self._caller, EventKind.WRONG_SYMBOL, text))
        raise errors.RestGarbled(text)

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
