"""What the stand-in exchange sent, computed again: the judge of an answer trusts no other source.

It imports the stand-in's own world, which is a pure function of symbol and event time, and nothing
of the service. Poisoned rows are not of that world: their values are wrong here.
"""

import json
from collections.abc import Mapping
from typing import Any

from harness.sim.contracts import default_contracts
from harness.sim.ticks import Clock, TickSource
from harness.sim.world import Motion, World

COUNTS = {True: (30, 10), False: (745, 217)}
"""Rows of the main and of the TradFi frame, of a `few` symbols or of all."""

CLOCKS_MS = 250.0
"""How far the wall clock may have been slewed from the stand-in's since that began."""
_COIN_MARGINED = 2
_SHOWN = ("markPrice", "indexPrice", "fundingRate", "nextFundingTime")


class Oracle:
    """The world of `python -m harness.sim --seed SEED --main N --tradfi N --tick SECONDS`."""

    def __init__(self, seed: int, *, few: bool, tick_seconds: float) -> None:
        main, tradfi = COUNTS[few]
        contracts = default_contracts(seed=seed, main=main, tradfi=tradfi)
        source = TickSource(Clock(), step_ms=max(1, round(tick_seconds * 1000)))
        self.step_ms = source.step_ms
        self._phases = {"main": 0, "tradfi": source.phase_ms}
        self._motions: dict[str, Motion] = {
            symbol: motion
            for symbol, motion in World(contracts, seed=seed).motions.items()
            if motion.contract.symbol_type != _COIN_MARGINED
        }

    @property
    def symbols(self) -> list[str]:
        """Everything that the service must serve."""
        return list(self._motions)

    def values(self, symbol: str, event_time: int) -> tuple[float, float, float | None, int | None]:
        """Mark price, index price, funding rate and next funding time (ms), as sent with that
        event time (ms); None where the contract has no funding."""
        sent: dict[str, Any] = json.loads(self._motions[symbol].row(event_time))
        due, rate = int(sent["T"]) or None, str(sent["r"])
        funded = due is not None and rate != ""
        return float(sent["p"]), float(sent["i"]), float(rate) if funded else None, due

    def wrong(self, row: Mapping[str, Any], now_ms: float) -> str:
        """What is wrong with a row of the API as of that moment, "" where nothing is."""
        symbol, at = row["symbol"], row["eventTime"]
        motion = self._motions.get(symbol)
        if motion is None:
            return f"{symbol}: no such symbol was ever sent"
        if type(at) is not int or (at - self._phases[motion.contract.class_name]) % self.step_ms:
            return f"{symbol}: no frame had the event time {at}"
        if at > now_ms + CLOCKS_MS:
            return f"{symbol}: event time {at} is {at - now_ms:.0f} ms ahead of the exchange"
        sent = self.values(symbol, at)
        served = tuple(row[name] for name in _SHOWN)
        if served != sent:
            return f"{symbol} at {at}: served {served}, sent {sent}"
        return ""
