"""Hyperliquid: which coins there are, on the main market and on builder markets. Pure.

# Facts
(whole reply of 2026-03-10: 229 coins, 39 of them delisted; venue profile of 2026-09-24: 234, 56)
- `meta` lists the coins of one market in a fixed order; `metaAndAssetCtxs` answers that list and
  the contexts in the same order. Both take `dex`; without it they are the main market's. A coin
  that was delisted stays in the list with `isDelisted`, its funding "0.0" and its mid price null.
- `perpDexs` lists the builder markets, and begins with null, the main one. Their coins are named
  with the market: `xyz:NVDA`. They come and go.
- `collateralToken` of a builder market is the number of a token in `spotMeta`; 0, or nothing, is
  USDC.
- kPEPE, kSHIB, kBONK, kLUNC, kFLOKI and kNEIRO count a thousand each.
- An info request costs 20 of 1,200 a minute and address.
"""

import json
from typing import NamedTuple

import msgspec

from funding.errors import RestBanned, RestError, RestOverBudget
from funding.exchanges.exchange import Conversation, Options, Request
from funding.exchanges.replies import read
from funding.model.quote import distinct, is_mixed_symbol

NAME = "hyperliquid"
MAIN = ""
ALL = "*"
WEIGHT = 20


class Coin(msgspec.Struct, rename="camel", gc=False):
    """One coin of a market."""

    name: str
    is_delisted: bool | None = None

    @property
    def lives(self) -> bool:
        """Whether it can be traded, and be subscribed to."""
        return not self.is_delisted and is_mixed_symbol(self.name)


class Market(msgspec.Struct, rename="camel"):
    """The coins of one market, in the order of its contexts; the number of its collateral."""

    universe: list[Coin]
    collateral_token: int = 0

    def living(self) -> list[str]:
        """The names that can be subscribed to."""
        return distinct(coin.name for coin in self.universe if coin.lives)


class Context(msgspec.Struct, rename="camel", gc=False):
    """The prices and the rate of one coin, decimal strings."""

    mark_px: str | None = None
    oracle_px: str | None = None
    funding: str | None = None


class Markets(NamedTuple):
    """The markets that are followed, by name, and why others are missing."""

    found: dict[str, Market]
    missing: dict[str, str]


class _Dex(msgspec.Struct):
    name: str


_market = msgspec.json.Decoder(Market)
_dexes = msgspec.json.Decoder(list[_Dex | None])


def info(options: Options, kind: str, weight: int = WEIGHT, **parameters: str | int) -> Request:
    """The request for information of this `kind`."""
    named = {name: value for name, value in parameters.items() if value != MAIN}
    body = json.dumps({"type": kind, **named}).encode()
    return Request(kind, f"{options.rest_url}/info", weight, body=body)


def followed(options: Options) -> Conversation[tuple[list[str], dict[str, str]]]:
    """The names of the markets to follow, the main one first, and why others are missing."""
    if not options.markets:
        return [MAIN], {}
    try:
        reply = yield info(options, "perpDexs")
        known = [dex.name for dex in read(_dexes, reply, "perpDexs") if dex is not None]
    except (RestBanned, RestOverBudget):
        raise
    except RestError as error:
        return [MAIN], dict.fromkeys(options.markets, f"perpDexs: {error}")
    wanted = known if options.markets == (ALL,) else options.markets
    missing = {name: "not a market of the exchange" for name in wanted if name not in known}
    return [MAIN, *(name for name in wanted if name in known and name)], missing


def markets(options: Options) -> Conversation[Markets]:
    """All markets that are to be followed. A builder market that fails costs itself alone."""
    names, missing = yield from followed(options)
    found: dict[str, Market] = {}
    for name in names:
        try:
            found[name] = read(_market, (yield info(options, "meta", dex=name)), "meta")
        except (RestBanned, RestOverBudget):
            raise
        except RestError as error:
            if name == MAIN:
                raise
            missing[name] = str(error)
    return Markets(found, missing)
