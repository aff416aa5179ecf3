"""How a consumer runs: its work again and again or once, and a sender for each target."""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from funding import errors
from funding.notify.deliveries import opened_delivery
from funding.notify.sender import Delivery, Sender
from funding.notify.targets import Target, configured_targets
from funding.runtime.clock import SYSTEM
from funding.runtime.schedule import Every
from funding.settings.consumers import ConsumerSettings, without_real_targets
from funding.settings.service import Settings
from funding.statistics.thresholds import Threshold
from funding.store.outbox import OutboxStore

log = logging.getLogger("consumer")

TIDY_SECONDS = 3_600.0
SENT_SECONDS = 86_400.0
RETRY_SECONDS = 30.0
END_SECONDS = 3.0
"""For the posts under way when the program ends; one that is not marked by then is sent again. With
one call of the exchange this is within the time that supervisord gives."""


def allowed_settings(settings: Settings, own: ConsumerSettings) -> ConsumerSettings:
    """`own` without the targets that a consumer of a stand-in must not have; the log names them."""
    allowed = without_real_targets(own, settings.rest_host)
    kept = [target.name for target in configured_targets(allowed)]
    for target in configured_targets(own):
        if target.name not in kept:
            log.warning("%s is sent nothing: REST is a stand-in", target.name)
    return allowed


def warn_of_missing_targets(thresholds: Iterable[Threshold], targets: Collection[str]) -> None:
    """A threshold whose target is not set up is told nobody."""
    for threshold in thresholds:
        if threshold.target is not None and threshold.target not in targets:
            log.warning("%s: %s is not set up", threshold, threshold.target)


@dataclass(frozen=True, slots=True)
class ConsumerLoop:
    """A consumer that runs on, or once. `turn` does its work and returns in how many seconds it
    wants to be called again; `outbox` is pruned each hour."""

    settings: Settings
    consumer: str
    targets: Sequence[Target]
    turn: Callable[[], float]
    outbox: OutboxStore

    def run(self, stopping: threading.Event) -> None:
        """Until `stopping` is set. Raises the errors with which the program cannot go on."""
        senders = [self._sender(target, stopping) for target in self.targets]
        for sender in senders:
            sender.start()
        tidy = Every(TIDY_SECONDS)
        while not stopping.is_set():
            pause = self._attempt()
            for sender in senders:
                sender.wake()
            if tidy.due(SYSTEM.uptime()):
                self._prune()
            stopping.wait(pause)
        for sender in senders:
            sender.stop()
        for sender in senders:
            sender.stop(END_SECONDS / len(senders))
            sender.check()

    def once(self, stopping: threading.Event, work: Callable[[], object]) -> None:
        """Do `work`, and send what the targets take now, until `stopping` is set, also where the
        exchange fails; posts that are not taken stay for the next run."""
        try:
            work()
        finally:
            for target in self.targets:
                with self._delivery(target) as delivery:
                    while not stopping.is_set() and delivery.send_next():
                        pass
                    if delivery.waiting:
                        log.warning(
                            "%s: %d posts wait for the next run", target.name, delivery.waiting
                        )

    def _attempt(self) -> float:
        try:
            return self.turn()
        except errors.RestError as error:
            log.warning("%s", error)
            return max(RETRY_SECONDS, error.retry_after_seconds)

    def _prune(self) -> None:
        now = SYSTEM.wall()
        before = now - self.settings.comparison_days * 86_400
        lost = self.outbox.prune(before, now - SENT_SECONDS)
        if lost:
            log.error("%d posts were never accepted and are too old: thrown away", lost)

    def _sender(self, target: Target, stopping: threading.Event) -> Sender:
        return Sender(target.name, lambda: self._delivery(target), failed=stopping.set)

    def _delivery(self, target: Target) -> AbstractContextManager[Delivery]:
        settings = self.settings
        return opened_delivery(self.consumer, target, settings.db, settings.rest_host)
