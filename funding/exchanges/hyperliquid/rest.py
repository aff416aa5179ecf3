"""Hyperliquid: requests and replies of the REST interface. Pure.

# Facts
(official SDK 7ee976d and its recorded replies; see also markets.py)
- `fundingHistory` answers at most 500 rows from `startTime` on, oldest first, and costs 20 and
  another 1 for each 20 rows. A month has 720: a collection that asked once a month lost 30 % of all
  hours. So the next page begins after the last row, until the end of the time or an empty page.
- A settlement may be some ms late (261 seen). Until 2023-06-08 they were 8 hours apart, since
  then one; one was 24 minutes late. `premium` may be absent.
- The rate is per hour, and limited to 4 % of it.
"""

import msgspec

from funding.errors import RestBanned, RestError, RestGarbled, RestOverBudget, RestRefused
from funding.exchanges.exchange import Conversation, Options
from funding.exchanges.frame import Frame
from funding.exchanges.hyperliquid.markets import (
    MAIN,
    NAME,
    WEIGHT,
    Coin,
    Context,
    Market,
    followed,
    info,
    markets,
)
from funding.exchanges.quotes import next_hour_ms, quote
from funding.exchanges.replies import HOUR_MS, Milliseconds, rate, read
from funding.model.contract import Contract, ContractStatus
from funding.model.quote import Quote, is_mixed_symbol
from funding.model.settlement import Settlement

PAGE_ROWS = 500
RATE_CAP = 0.04
USDC = 0


class _Settled(msgspec.Struct, rename="camel", gc=False):
    coin: str
    funding_rate: str
    time: Milliseconds


class _Token(msgspec.Struct, gc=False):
    name: str
    index: int


class _Tokens(msgspec.Struct):
    tokens: list[_Token]


_contexts = msgspec.json.Decoder(tuple[Market, list[Context]])
_settled = msgspec.json.Decoder(list[_Settled])
_tokens = msgspec.json.Decoder(_Tokens)


class HyperliquidRest:
    """meta, metaAndAssetCtxs, fundingHistory, and spotMeta for the names of collaterals."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def contracts(self, now: float) -> Conversation[list[Contract]]:
        """All coins of the markets that are followed, the delisted ones as CLOSED."""
        found, _missing = yield from markets(self._options)
        names = {USDC: "USDC"}
        if any(market.collateral_token != USDC for market in found.values()):
            try:
                reply = yield info(self._options, "spotMeta")
                tokens = read(_tokens, reply, "spotMeta").tokens
                names |= {token.index: token.name[:20] for token in tokens}
            except (RestBanned, RestOverBudget):
                raise
            except RestError:
                pass  # the coins are told apart all the same
        return [
            self._contract(coin, names.get(number, f"TOKEN{number}"), now)
            for market in found.values()
            for number in [market.collateral_token]
            for coin in market.universe
            if is_mixed_symbol(coin.name)
        ]

    def history(self, symbol: str, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """Page after page, oldest first."""
        found: dict[int, Settlement] = {}
        while since_ms <= until_ms:
            expected = min(PAGE_ROWS, (until_ms - since_ms) // HOUR_MS + 1)
            times = {"startTime": since_ms, "endTime": until_ms}
            weight = WEIGHT + -(-expected // 20)
            reply = yield info(self._options, "fundingHistory", weight, coin=symbol, **times)
            rows = read(_settled, reply, "fundingHistory")
            page = [_settlement(row, symbol) for row in rows]
            found |= {row.funding_time: row for row in page if row.funding_time <= until_ms}
            last = max((row.funding_time for row in page), default=until_ms)
            if last < since_ms or last > until_ms - HOUR_MS:
                break
            since_ms = last + 1
        return [found[time] for time in sorted(found)]

    def snapshot(self) -> Conversation[list[Quote]]:
        """The living coins of all markets; the time of receipt is the event time."""
        names, _missing = yield from followed(self._options)
        quotes: list[Quote] = []
        for name in names:
            try:
                quotes += yield from self._market(name)
            except (RestBanned, RestOverBudget):
                raise
            except RestError:
                if name == MAIN:
                    raise
        return quotes

    def one(self, symbol: str) -> Conversation[Quote]:
        """That of its market: no call has one coin alone."""
        name, colon, _coin = symbol.partition(":")
        for found in (yield from self._market(name if colon else MAIN)):
            if found.symbol == symbol:
                return found
        raise RestRefused(200, None, f"no coin {symbol} that lives")

    def _market(self, name: str) -> Conversation[list[Quote]]:
        reply = yield info(self._options, "metaAndAssetCtxs", dex=name)
        market, contexts = read(_contexts, reply, "metaAndAssetCtxs")
        if len(market.universe) != len(contexts):
            raise RestGarbled("metaAndAssetCtxs: not one context for each coin")
        return _quotes(market, contexts, reply.received_ms)

    def _contract(self, coin: Coin, quote_asset: str, now: float) -> Contract:
        base, multiplier = self._options.aliases.asset(NAME, coin.name.rpartition(":")[2])
        closed = bool(coin.is_delisted)
        return Contract(
            NAME,
            coin.name,
            ContractStatus.CLOSED if closed else ContractStatus.TRADING,
            "PERPETUAL",
            base,
            quote_asset,
            multiplier,
            None,
            None if closed else 1,
            None if closed else "exchange",
            RATE_CAP,
            -RATE_CAP,
            now,
        )


def _quotes(market: Market, contexts: list[Context], received_ms: int) -> list[Quote]:
    frame = Frame([])
    found = [
        quote(
            frame,
            coin.name,
            mark=context.mark_px,
            index=context.oracle_px,
            funding=context.funding,
            due_ms=next_hour_ms(received_ms),
            event_time=received_ms,
        )
        for coin, context in zip(market.universe, contexts, strict=True)
        if coin.lives
    ]
    return [each for each in found if each is not None]


def _settlement(row: _Settled, symbol: str) -> Settlement:
    if row.coin != symbol:
        raise RestGarbled(f"fundingHistory of {symbol}: the reply is of {row.coin[:40]}")
    settled = rate(row.funding_rate)
    if settled is None:
        raise RestGarbled(f"fundingHistory of {symbol}: rate {row.funding_rate[:40]!r}")
    return Settlement(symbol, row.time, settled)
