"""Binance USD-M futures: `exchangeInfo` and `fundingInfo` → Contracts. Pure.

# Facts
(whole replies of 2026-07: 820 contracts)
- 123 contracts are SETTLING, some for two years. `premiumIndex` goes on with them: 97 with a next
  funding time that moves on and a rate of 0, most with a mark price that stands still.
- `premiumIndex` has 3 symbols that `exchangeInfo` does not list.
- A contract without an end has the delivery date 4133404800000 (2100-12-25).
- `fundingInfo` has all 691 perpetuals that trade and have a funding time: one that it does not list
  is dead, dated or new, and its interval is not known.
- `interestRate` of `premiumIndex` is per 8 hours whatever the interval: 0.0001 of 432 of 440 that
  settle every 4 hours, 0 of TradFi. A rate that is pinned is that times the interval ÷ 8.
"""

from collections.abc import Iterable, Mapping

from funding.exchanges.binance.rest import Contract as ListedContract
from funding.exchanges.binance.rest import FundingInfo
from funding.model.asset import Aliases
from funding.model.contract import Contract, ContractStatus
from funding.model.quote import is_symbol

NEVER_MS = 4_133_404_800_000
INTEREST_HOURS = 8
_NO_ALIASES = Aliases()
STATUS = {
    "TRADING": ContractStatus.TRADING,
    "PENDING_TRADING": ContractStatus.PENDING,
    "PRE_SETTLE": ContractStatus.SETTLING,
    "SETTLING": ContractStatus.SETTLING,
    "PRE_DELIVERING": ContractStatus.SETTLING,
    "DELIVERING": ContractStatus.SETTLING,
    "DELIVERED": ContractStatus.CLOSED,
    "CLOSE": ContractStatus.CLOSED,
}


def contracts(
    exchange: str,
    listed: Iterable[ListedContract],
    infos: Iterable[FundingInfo],
    quoted: Mapping[str, float | None],
    now: float,
    aliases: Aliases = _NO_ALIASES,
) -> list[Contract]:
    """The contracts that are `listed`, and as UNKNOWN those that are only `quoted`; `now` is Unix
    seconds. A name that is no symbol costs that row alone.

    `quoted` has the interest rate of each symbol with a price, None where there is none.
    """
    by_symbol = {info.symbol: info for info in infos}
    found = {
        each.symbol: _contract(exchange, each, by_symbol, now, aliases, quoted)
        for each in listed
        if is_symbol(each.symbol)
    }
    for symbol in quoted:
        if symbol not in found and is_symbol(symbol):
            unknown = ListedContract(symbol, "", "", "", symbol)
            found[symbol] = _contract(exchange, unknown, by_symbol, now, aliases, {})
    return list(found.values())


def _contract(
    exchange: str,
    listed: ListedContract,
    infos: Mapping[str, FundingInfo],
    now: float,
    aliases: Aliases,
    interest: Mapping[str, float | None],
) -> Contract:
    info = infos.get(listed.symbol)
    base, multiplier = aliases.asset(exchange, listed.base_asset)
    status = STATUS.get(listed.status, ContractStatus.UNKNOWN)
    hours = info.funding_interval_hours if info is not None else None
    base_rate = interest.get(listed.symbol)
    return Contract(
        exchange,
        listed.symbol,
        status,
        listed.contract_type or None,
        base,
        listed.quote_asset,
        multiplier,
        listed.delivery_date if 0 < listed.delivery_date != NEVER_MS else None,
        hours,
        "exchange" if hours is not None else None,
        number(info.adjusted_funding_rate_cap) if info is not None else None,
        number(info.adjusted_funding_rate_floor) if info is not None else None,
        now,
        listed.onboard_date or None,
        None if base_rate is None else base_rate / INTEREST_HOURS,
    )


def number(text: str | None) -> float | None:
    """A bound of the rate; None for what is no number."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if -1e3 < value < 1e3 else None  # not NaN either
