"""What every contract is worth at any event time: a pure function, so that a test can recompute it.

`World.mark_row(symbol, event_time_ms)` is byte for byte the row the stream sends for that symbol
at that event time; REST answers come from the same figures.

# Facts

- Key order on the wire is e,E,s,p,ap,P,i,r,T,st; decimals are strings of 8 places; `ap` equalled
  `p` on every row seen (captures of 2026-09-23 and 2026-10-07).
- `T` is the next settlement after `E`, on whole multiples of the symbol's interval.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import pi, sin
from typing import NamedTuple

from harness.sim.contracts import (
    CLASSES,
    HOUR_MS,
    ClassName,
    Contract,
    in_class,
    invented_contract,
    unit,
)

# Angular speeds, per second of event time: waves of about 16 minutes, 41 seconds and 2 hours, none
# of which divides a day, so that no two settlements or days look alike.
_SLOW, _FAST, _FUNDING = 2 * pi / 947, 2 * pi / 41, 2 * pi / 7309
# Amplitudes: the mark price stays within 0.34 % of its base, the rate within 0.00002 of its own.
_SLOW_SHARE, _FAST_SHARE, _PREMIUM_SHARE, _RATE_SWING = 0.003, 0.0004, 0.0002, 0.00002


class Figures(NamedTuple):
    """One contract at one event time. Prices in the quote asset, the rate a fraction per
    interval, the next funding time in epoch ms (0: none)."""

    mark_price: float
    index_price: float
    settle_price: float
    funding_rate: float
    next_funding_time: int


class Motion:
    """A contract with everything about its movement that does not depend on time."""

    __slots__ = ("contract", "period_ms", "phase", "second_phase", "template")

    def __init__(self, contract: Contract, seed: int) -> None:
        self.contract = contract
        self.period_ms = contract.interval_hours * HOUR_MS
        self.phase = 2 * pi * unit(seed, contract.symbol, "phase")
        self.second_phase = 2 * pi * unit(seed, contract.symbol, "second phase")
        symbol = json.dumps(contract.symbol, ensure_ascii=False).replace("%", "%%")
        # Without funding the rate is text, and "%.0s" swallows the number it is given.
        rate = "%.8f" if self.period_ms else f"%.0s{contract.rate_without_funding}"
        self.template = (
            f'{{"e":"markPriceUpdate","E":%d,"s":{symbol},"p":"%.8f","ap":"%.8f","P":"%.8f",'
            f'"i":"%.8f","r":"{rate}","T":%d,"st":{contract.symbol_type}}}'
        )

    def figures(self, event_time_ms: int) -> Figures:
        """The figures at this event time."""
        return Figures(*self._numbers(event_time_ms))

    def row(self, event_time_ms: int, shown_rate: float | None = None) -> str:
        """The JSON text of the stream's row at this event time, with `shown_rate` if given."""
        mark, index, settle, rate, due = self._numbers(event_time_ms)
        if shown_rate is not None:
            rate = shown_rate
        return self.template % (event_time_ms, mark, mark, settle, index, rate, due)

    def _numbers(self, event_time_ms: int) -> tuple[float, float, float, float, int]:
        contract, seconds, period = self.contract, event_time_ms / 1000, self.period_ms
        slow = sin(seconds * _SLOW + self.phase)
        fast = sin(seconds * _FAST + self.second_phase)
        base = contract.mark_base * (1 + _SLOW_SHARE * slow)
        mark = base * (1 + _FAST_SHARE * fast)
        index = base * contract.index_ratio * (1 + _PREMIUM_SHARE * fast)
        if not period:
            return mark, index, index * 1.0001, 0.0, 0
        rate = contract.rate_base + _RATE_SWING * sin(seconds * _FUNDING + self.phase)
        if -5e-9 <= rate < 0:
            rate = 0.0  # else it prints as "-0.00000000"
        return mark, index, index * 1.0001, rate, (event_time_ms // period + 1) * period


class World:
    """All contracts, and any that may yet be listed, at any event time."""

    def __init__(self, contracts: Iterable[Contract], *, seed: int) -> None:
        self.seed = seed
        known = list(contracts)
        self.motions = {contract.symbol: Motion(contract, seed) for contract in known}
        self._classes: dict[ClassName, list[Motion]] = {
            name: [self.motions[contract.symbol] for contract in in_class(known, name)]
            for name in CLASSES
        }
        self._invented: dict[str, Motion] = {}

    def of_class(self, class_name: ClassName) -> list[Motion]:
        """The contracts of one frame, in frame order; not to be changed."""
        return self._classes[class_name]

    def invented(self, symbol: str) -> Motion:
        """The contract of this name, made up, always alike, when the world has none."""
        known = self.motions.get(symbol) or self._invented.get(symbol)
        if known is None:
            known = Motion(invented_contract(self.seed, symbol), self.seed)
            self._invented[symbol] = known
        return known

    def mark_row(self, symbol: str, event_time_ms: int) -> str:
        """The row on the wire, JSON text. KeyError for a symbol the world does not have."""
        return self.motions[symbol].row(event_time_ms)
