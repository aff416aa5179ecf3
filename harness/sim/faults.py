"""What is broken at the moment: one table of faults, one switch per fault.

`FaultState.merge` takes the JSON object of `POST /sim/faults`; null or false clears a fault. A
one-shot fault is carried out when it is posted and never stays in force.

# Facts

- 429 asks for a pause, 418 is a ban and says until when, 403 is the firewall, 451 a restricted
  location; Retry-After is not documented for futures and may be absent (Binance general info).
- Mark prices come in frames of two classes, main and TradFi; either may stop alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from harness.sim.shapes import (
    by_symbol,
    classes,
    close,
    handshake,
    number,
    rest_status,
    seconds,
    spikes,
    switch,
    symbols,
)


class FaultError(Exception):
    """A posted fault that does not exist or has a value of the wrong shape."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One switch: its name, the check that its value must pass, and what it does."""

    name: str
    check: Callable[[object], object]
    effect: str
    one_shot: bool = False


FAULTS: tuple[Fault, ...] = (
    # The stream's content
    Fault("freeze", switch, "frames keep coming with the same E and the same prices"),
    Fault("freeze_symbols", symbols, "the rows of these repeat their old E and price"),
    Fault("list", symbols, "these symbols exist from now on, in the main frame and in REST"),
    Fault("delist", symbols, "these symbols are left out of the frames"),
    Fault("rates", by_symbol, 'the rate that stream and REST show; "*": of all others'),
    Fault("skew_ms", number, "added to E; the rows are those of the shifted E"),
    Fault("poison", switch, "every kind of bad row stands beside the good ones"),
    Fault("ticker_poison", switch, "24hrTicker rows in the frames, and as !ticker@arr messages"),
    Fault("garbage", switch, "a message that is not JSON, or not UTF-8, after each good one"),
    Fault("garbage_only", switch, "only such messages"),
    Fault("oversize", switch, "a message of 9 MiB, at most once a second"),
    # The stream's flow
    Fault("silence", switch, "sockets stay open, pings are answered, no data is sent"),
    Fault("silence_classes", classes, "the frames of these classes are not sent"),
    Fault("silence_open", switch, "connections open now get no data; new ones are fed"),
    # The connections
    Fault("half_open", switch, "connections open now are neither read nor written; TCP stays"),
    Fault("close", close, "closes all with this code; 1006: without a close frame", True),
    Fault("abort", switch, "resets all connections (RST)", True),
    Fault("server_shutdown", switch, "announces serverShutdown to all", True),
    Fault("life_seconds", seconds, "each connection is closed this long after it was opened"),
    Fault("life_abort", switch, "at the end of its life it is cut without a close frame"),
    # The handshake
    Fault("refuse", switch, "handshakes are answered by 503"),
    Fault("handshake_status", handshake, "handshakes are answered by this status"),
    Fault("handshake_hang", switch, "handshakes are not answered"),
    Fault("drop_connections", switch, "handshakes and REST: closed without a byte"),
    # REST
    Fault("drift", by_symbol, "REST mark price times (1 + x)"),
    Fault("rate_drift", by_symbol, "added to the lastFundingRate of REST"),
    Fault("rest_missing", symbols, "these symbols are unknown to REST"),
    Fault("intervals", by_symbol, "the hours that fundingInfo says of these symbols"),
    Fault("deliveries", by_symbol, "the deliveryDate of these symbols, epoch ms"),
    Fault("settling", symbols, "exchangeInfo says that these symbols are SETTLING"),
    Fault("rest_stale_seconds", seconds, "premiumIndex as it was this long ago"),
    Fault("rest_status", rest_status, "every REST call is answered by this status"),
    Fault("rest_retry_after", seconds, "the Retry-After header that goes with rest_status"),
    Fault("rest_ban_seconds", seconds, "a 418 says banned until so long after its posting (120)"),
    Fault("rest_hang", seconds, "every REST answer comes this much later"),
    Fault("rest_garbage", switch, "REST answers 200 with a body that is not JSON"),
    Fault("rest_drop", switch, "REST: closed without a byte"),
    Fault("settle_late_seconds", seconds, "settled rates are published this long after their time"),
    Fault("settle_missed", by_symbol, "symbols without the settlement of this epoch ms"),
    Fault("history_limit", seconds, "fundingRate refuses a larger limit"),
    Fault("volume_spike", spikes, "quote volume of a symbol in a UTC hour, times a factor"),
    Fault("open_interest", by_symbol, "the openInterest of these symbols"),
)


class FaultState:
    """The faults in force, by name, of those in the table `known`."""

    def __init__(self, known: Sequence[Fault] = FAULTS) -> None:
        self.active: dict[str, object] = {}
        self._known = {fault.name: fault for fault in known}

    def merge(self, posted: object) -> dict[str, object]:
        """Puts the posted faults in force, all or none, and returns those that were not cleared,
        for the parts that act on posting. FaultError names the key and what it expects."""
        if not isinstance(posted, dict):
            raise FaultError("expected a JSON object of fault: value")
        checked = {name: self._checked(name, value) for name, value in posted.items()}
        for name, value in checked.items():
            if value is None:
                self.active.pop(name, None)
            elif not self._known[name].one_shot:
                self.active[name] = value
        return {name: value for name, value in checked.items() if value is not None}

    def clear(self, name: str | None = None) -> None:
        """Ends one fault, or all. FaultError for a name that is not a fault."""
        if name is None:
            self.active.clear()
        elif name not in self._known:
            raise FaultError(self._unknown(name))
        self.active.pop(name or "", None)

    def on(self, name: str) -> bool:
        """Whether the fault is in force."""
        return name in self.active

    def seconds(self, name: str, default: float = 0.0) -> float:
        """The value of a fault that is one number."""
        return cast(float, self.active.get(name, default))

    def names(self, name: str) -> list[str]:
        """The value of a fault that is a list of names; empty when not in force."""
        return cast("list[str]", self.active.get(name, []))

    def table(self, name: str) -> Mapping[str, float]:
        """The value of a fault that is symbol: number; empty when not in force."""
        return cast("Mapping[str, float]", self.active.get(name, {}))

    def shown_rate(self, symbol: str) -> float | None:
        """The rate that the fault `rates` gives this symbol."""
        rates = self.table("rates")
        return rates.get(symbol, rates.get("*"))

    def _unknown(self, name: str) -> str:
        return f"unknown fault {name!r}; known: {', '.join(self._known)}"

    def _checked(self, name: str, value: object) -> object:
        if name not in self._known:
            raise FaultError(self._unknown(name))
        if value is None or value is False:
            return None
        try:
            return self._known[name].check(value)
        except ValueError as error:
            raise FaultError(f"fault {name!r}: expected {error}, got {value!r}") from error
