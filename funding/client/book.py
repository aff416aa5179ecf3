"""The store as a client writes to it: what cannot be stored in time is kept, and stored with a
later call.

# Facts
- Ingest holds the lock of the store for milliseconds; a salvage, or somebody's `sqlite3`, for
  seconds. Reading goes on meanwhile.
- Without the store nobody counts for the group, and nobody tells of bans: each process then has
  an allowance of its own.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress

from funding import errors
from funding.client.remainder import Ban, Remainder
from funding.comparison.pair import Comparison
from funding.model.event import Event
from funding.store.ledger import Calls, Ledger


class Book:
    """A `rest.Accounts` over `ledger`, for one thread; `remainder` is the whole client's, and it
    writes in a block of `turn`.

    Only `last_validation` raises `StoreError`s: what the store does not take is kept in
    `remainder`, with a warning in the log once a minute.
    """

    def __init__(
        self,
        ledger: Ledger,
        remainder: Remainder,
        turn: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._ledger = ledger
        self._remainder = remainder
        self._turn = turn

    def ban(self, address: str) -> Ban | None:
        """The ban of `address` that ends last, of those in the store and here."""
        stored = None
        with suppress(errors.StoreError):  # whoever spends next tells of it
            stored = self._ledger.ban(address)
        own = self._remainder.ban(address)
        return max((ban for ban in (stored, own) if ban is not None), default=None)

    def set_ban(self, address: str, until: float, pauses: int, reason: str) -> bool:
        """As in `Ledger`; one that the store does not take holds for this client."""
        try:
            with self._turn():
                return self._ledger.set_ban(address, until, pauses, reason)
        except errors.StoreError as error:
            self._complain(error)
            return self._remainder.set_ban(address, (until, pauses, reason))

    def lift_ban(self, address: str, now: float) -> None:
        """As in `Ledger`."""
        self._remainder.lift_ban(address, now)
        # Where it stays the row has ended, and does no harm.
        with suppress(errors.StoreError), self._turn():
            self._ledger.lift_ban(address, now)

    def spend(self, caller: str, route: str, weight: int, minute: int, allowed: int) -> int:
        """As in `Ledger`; a call that cannot be counted now is counted later. For those there is
        an allowance, and `RestOverBudget` beyond it."""
        try:
            with self._turn():
                self._settle()
                return self._ledger.spend(caller, route, weight, minute, allowed)
        except errors.StoreError as error:
            problem = error
        used = 0
        with suppress(errors.StoreError):
            used = self._ledger.used(minute)
        call = Calls(minute, caller, route, 1, weight)
        if not self._remainder.spend(call, allowed - used):
            text = "no more calls in this minute, since they cannot be counted"
            raise errors.RestOverBudget(f"{text}: {problem}")
        self._complain(problem)
        return used

    def add(self, comparisons: Iterable[Comparison] = (), events: Iterable[Event] = ()) -> None:
        """As in `Ledger`."""
        self._remainder.keep(comparisons, events)
        try:
            with self._turn():
                self._settle()
        except errors.StoreError as error:
            self._complain(error)

    def last_validation(self) -> tuple[float, str] | None:
        """As in `Ledger`."""
        return self._ledger.last_validation()

    def close(self) -> None:
        """Store what is kept, or tell that it is lost, and let go of the file."""
        try:
            with self._turn():
                self._settle()
        except errors.StoreError as error:
            self._remainder.give_up(str(error))
        with suppress(errors.StoreError):
            self._ledger.close()

    def _settle(self) -> None:
        """Store what is kept, or raise why not; it is kept on then."""
        kept = self._remainder.take()
        if not any(kept):
            return
        try:
            for address, ban in kept.bans:
                self._ledger.set_ban(address, *ban)
            self._ledger.add(kept.comparisons, kept.events, kept.calls)
        except BaseException:
            self._remainder.give_back(kept)
            raise
        self._remainder.stored(kept)

    def _complain(self, error: errors.StoreError) -> None:
        text = "the store takes nothing now; calls and comparisons are kept to be stored later"
        self._remainder.complain("store", f"{text}: {error}")
