"""The REST budget and bans as a client books them: in the store at once, or else in memory until
the recorder has stored them.

# Facts
- Without the store no process knows the calls and bans of the others: each then has an allowance
  of its own.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TypeVar

from funding import errors
from funding.client.recorder import AddressBan, Recorder
from funding.model.ban import Ban
from funding.model.event import Event
from funding.store.rest_usage import Calls, RestUsage

UNCOUNTED_SHARE = 10
"""Calls that cannot be counted keep to this part of what the group has left, as if so many
processes did the same: together they stay within the budget."""

T = TypeVar("T")


class SharedUsage:
    """The `recorder`, and what the store does not know yet, for all threads of a client; `bans` are
    known already."""

    def __init__(self, recorder: Recorder, bans: Mapping[str, Ban] = MappingProxyType({})) -> None:
        self.recorder = recorder
        self._lock = threading.Lock()
        self.bans = dict(bans)
        self._uncounted = (0, 0)  # minute, weight of the calls in it

    def ban(self, address: str) -> Ban | None:
        """The ban of `address`, or none that is known here."""
        with self._lock:
            return self.bans.get(address)

    def set_ban(self, address: str, ban: Ban) -> bool:
        """Keep `ban`; whether it is news: it ends later than the one that was known."""
        with self._lock:
            held = self.bans.get(address)
            if held is not None and ban.until <= held.until + 1:
                return False
            self.bans[address] = ban
            return True

    def clear_ban(self, address: str, now: float) -> None:
        """Forget a ban that has ended at `now` Unix seconds."""
        with self._lock:
            if address in self.bans and self.bans[address].until <= now:
                del self.bans[address]

    def spend(self, weight: int, minute: int, left: int) -> bool:
        """Whether a call of `weight` may be made uncounted while the group has `left`."""
        with self._lock:
            counted_minute, spent = self._uncounted
            spent = (spent if counted_minute == minute else 0) + (weight or 1)
            if spent > left // UNCOUNTED_SHARE:
                return False
            self._uncounted = (minute, spent)
            return True


class CallUsage:
    """A `rest.UsageStore` that raises no `StoreError`. For one thread.

    `left` is asked for how many seconds the call of the client may still last; the store has half
    of them.
    """

    def __init__(self, shared: SharedUsage, left: Callable[[], float]) -> None:
        self._recorder = shared.recorder
        self._shared = shared
        self._left = left

    def ban(self, address: str) -> Ban | None:
        """The ban of `address` that ends last, of those in the store and in memory."""
        stored = None
        with suppress(errors.StoreError):  # `spend` says so
            stored = self._ask(lambda store: store.ban(address))
        known = [ban for ban in (stored, self._shared.ban(address)) if ban is not None]
        return max(known, key=lambda ban: ban.until, default=None)

    def set_ban(self, address: str, ban: Ban, event: Event | None = None) -> bool:
        """As in the store; one that cannot be stored holds for this client, and is stored later."""
        try:
            return self._ask(lambda store: store.set_ban(address, ban, event))
        except errors.StoreError as error:
            self._recorder.complain(error)
            news = self._shared.set_ban(address, ban)
            if news:
                self._recorder.add([AddressBan(address, ban, event)])
            return news

    def lift_ban(self, address: str, now: float) -> None:
        """As in the store."""
        self._shared.clear_ban(address, now)
        with suppress(errors.StoreError):  # the stored one has ended, and does no harm
            self._ask(lambda store: store.lift_ban(address, now))

    def record(self, event: Event) -> None:
        """Store `event` soon."""
        self._recorder.add([event])

    def spend(self, caller: str, route: str, weight: int, minute: int, allowed: int) -> int:
        """As in the store; a call that cannot be counted now is counted later. Such calls have an
        allowance, and raise `RestOverBudget` beyond it."""
        try:
            return self._ask(lambda store: store.spend(caller, route, weight, minute, allowed))
        except errors.StoreError as error:
            problem = error
        used = 0
        with suppress(errors.StoreError):
            used = self._ask(lambda store: store.used(minute))
        if not self._shared.spend(weight, minute, allowed - used):
            text = "no more calls in this minute, since they cannot be counted"
            raise errors.RestOverBudget(f"{text}: {problem}")
        self._recorder.complain(problem)
        self._recorder.add([Calls(minute, caller, route, 1, weight)])
        return used

    def _ask(self, work: Callable[[RestUsage], T]) -> T:
        return self._recorder.ask(lambda store: work(RestUsage(store)), self._left() / 2)
