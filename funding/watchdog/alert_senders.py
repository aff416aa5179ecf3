"""The threads that send the alerts. A database that fails ends such a thread; another one follows,
since the watchdog has to go on."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager

from funding import errors
from funding.notify.sender import Delivery, Sender
from funding.notify.targets import Target

log = logging.getLogger("alerts")

END_SECONDS = 2.0


class AlertSenders:
    """One sender for each of `targets`. For one thread."""

    def __init__(
        self, targets: list[Target], opened: Callable[[Target], AbstractContextManager[Delivery]]
    ) -> None:
        self._opened = opened
        self._senders = {target: self._begun(target) for target in targets}
        self._problems: dict[Target, str] = {}

    def wake(self) -> None:
        """There may be something new to send. Raises what ended a thread, unless the database
        did."""
        for target, sender in self._senders.items():
            if sender.is_alive():
                sender.wake()
                continue
            try:
                sender.check()
            except errors.StoreMissing:
                pass  # ingest has not made it yet
            except errors.StoreError as error:
                if self._problems.get(target) != str(error):
                    log.warning("%s: alerts wait: %s", target.name, error)
                self._problems[target] = str(error)
            self._senders[target] = self._begun(target)

    def stop(self) -> None:
        """End the threads; what is under way and not marked by then is sent again."""
        for sender in self._senders.values():
            sender.stop()
        for sender in self._senders.values():
            sender.stop(END_SECONDS / len(self._senders))

    def _begun(self, target: Target) -> Sender:
        sender = Sender(target.name, lambda: self._opened(target), failed=lambda: None)
        sender.start()
        return sender
