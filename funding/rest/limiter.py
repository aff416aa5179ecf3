"""May this call be made? Each is counted in the store by caller, route and minute, stays within the
group's budget, and respects a ban that any process of the group has met.

# Facts
(of Binance; each exchange's limits and weights are in its package)
- 429 says back off, 418 is a ban of 2 minutes to 3 days for the whole address; asking again
  prolongs it. The end is stated (see runtime/backoff.py) or not.
- 403 is the firewall, 451 a restricted location: asking again does not help.
- Calls that are under way when a ban begins are refused as well: many threads, one ban.
"""

import logging
from typing import Protocol

from funding import errors
from funding.exchanges.exchange import RestLimits
from funding.model.ban import LONGEST_BAN_SECONDS, Ban, BanKind
from funding.model.event import Event, EventKind
from funding.runtime.clock import Clock

log = logging.getLogger("rest")

MARGIN = 100  # below the exchange's own limit, for what others on this address use
CALLS_MARGIN = 50  # the same for calls without weight
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3_600.0
CLOCK_SLACK_SECONDS = 3_600.0
"""A stored ban that lasts longer than any by more than this was set when the clock was wrong."""


class UsageStore(Protocol):
    """Where calls and bans are kept for the whole group."""

    def ban(self, address: str) -> Ban | None: ...
    def set_ban(self, address: str, ban: Ban, event: Event | None = None) -> bool: ...
    def lift_ban(self, address: str, now: float) -> None: ...
    def spend(self, caller: str, route: str, weight: int, minute: int, allowed: int) -> int: ...
    def record(self, event: Event) -> None: ...


class RateLimiter:
    """Budget and bans of `address` for `caller`; for one thread, as its `usage` is.

    `budget` is the weight per UTC minute for the whole group, `limits` what the exchange allows.
    """

    def __init__(
        self,
        address: str,
        caller: str,
        *,
        usage: UsageStore,
        limits: RestLimits,
        budget: int,
        clock: Clock,
    ) -> None:
        self._address = address
        self._caller = caller
        self._usage = usage
        self._limits = limits
        self._nearly_all = limits.weight - MARGIN
        self._budget = budget
        self._clock = clock
        self._reported = (0, 0)  # minute, weight that the exchange says is used in it
        self._own_ban: Ban | None = None  # met by this one, whether or not it could be stored
        self._was_banned = False

    def acquire(self, route: str, weight: int) -> None:
        """Count the call, or raise `RestBanned` or `RestOverBudget`: it must not be made."""
        now, minute = self._clock.wall(), self._minute()
        next_minute = 60 - now % 60
        ban = self._last_ban(now)
        self._was_banned = ban is not None
        if ban is not None and now < ban.until:
            wait = ban.until - now
            if ban.kind == BanKind.OVER_BUDGET:
                raise errors.RestOverBudget(ban.reason, wait)
            raise errors.RestBanned(f"not asked for {wait:.0f} s more: {ban.reason}", wait)
        if self._reported[0] == minute and self._reported[1] + weight > self._nearly_all:
            raise errors.RestOverBudget(self._counted(self._reported[1]), next_minute)
        allowed = self._budget if weight else max(1, self._limits.unweighted - CALLS_MARGIN)
        used = self._usage.spend(self._caller, route, weight, minute, allowed)
        if used + (weight or 1) > allowed:
            span = "this minute" if weight else "these five minutes"
            text = f"{used} of {allowed} used in {span}, {route} needs {weight or 1}"
            raise errors.RestOverBudget(text, next_minute)

    def record_usage(self, used_weight: str, *, refused: bool) -> None:
        """Note the exchange's own count; "" on routes without weight, whose answers have none.

        Near its limit the whole group stops for the rest of the minute, by a ban of that kind;
        where the exchange `refused` to answer, `ban` says for how long.
        """
        if not used_weight:
            return
        used = whole_number(used_weight)
        self._reported = (self._minute(), used)
        if used >= self._nearly_all and not refused:
            end = (self._minute() + 1) * 60.0
            near = Ban(end, BanKind.OVER_BUDGET, 0, self._counted(used))
            if self._usage.set_ban(self._address, near):
                log.warning("%s: no more calls until it ends", self._counted(used))

    def clear_ban(self) -> None:
        """The exchange answers: whatever ban there was has ended."""
        if self._was_banned:
            self._own_ban = None
            self._usage.lift_ban(self._address, self._clock.wall())

    def ban(self, reason: str, stated: float) -> float:
        """Stop the whole group for the seconds that the exchange has `stated`, or where those are 0
        for a growing pause; returns for how many. A ban that others have met meanwhile is the same
        one."""
        now = self._clock.wall()
        held = self._last_ban(now)
        pauses = held.pauses if held is not None else 0
        same = held is not None and held.kind == BanKind.BANNED and now < held.until
        until = now + stated
        if not stated:
            pauses += not same
            doubled = FIRST_PAUSE_SECONDS * 2 ** min(pauses - 1, 10)
            until = held.until if same and held else now + min(doubled, LONGEST_PAUSE_SECONDS)
        elif not same:
            pauses = 1
        self._own_ban = Ban(until, BanKind.BANNED, pauses, reason)
        text = f"{reason}: no calls for {until - now:.0f} s"
        event = Event(now, self._caller, EventKind.REST_PAUSE, text)
        if self._usage.set_ban(self._address, self._own_ban, event):
            log.warning("%s", text)
        return until - now

    def _last_ban(self, now: float) -> Ban | None:
        """The ban that ends last, or ended last: the group's or the one met here."""
        known = (self._usage.ban(self._address), self._own_ban)
        latest = now + LONGEST_BAN_SECONDS + CLOCK_SLACK_SECONDS
        bans = [ban for ban in known if ban is not None and ban.until <= latest]
        return max(bans, key=lambda ban: (ban.until, ban.pauses), default=None)

    def _minute(self) -> int:
        return int(self._clock.wall() // 60)

    def _counted(self, used: int) -> str:
        return f"the exchange counts {used} of {self._limits.weight} in this minute"


def whole_number(text: str) -> int:
    """The whole number in a header, cut to nine digits; 0 for anything else."""
    return int(text[:9]) if text.isascii() and text.isdigit() else 0
