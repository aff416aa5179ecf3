"""Why messages and rows were rejected or ignored: totals for the feed row, and log lines."""

import json
import logging
from collections import Counter
from collections.abc import Mapping

from funding.runtime.logs import Throttle

log = logging.getLogger("ingest")

MAX_REASONS = 40


def tally(counter: Counter[str], reasons: Counter[str]) -> None:
    """Add `reasons` to `counter`.

    Names of events and streams come from outside: at most `MAX_REASONS` of them are counted apart,
    so that a flood of new ones fills no memory.
    """
    for reason, count in reasons.items():
        foreign = reason.startswith(("event ", "stream "))
        known = not foreign or reason in counter or len(counter) < MAX_REASONS
        counter[reason if known else "other"] += count


class Rejections:
    """What was rejected and ignored since the start, and what of it has not been logged yet."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._rejected: Counter[str] = Counter()
        self._ignored: Counter[str] = Counter()
        self._unlogged: Counter[str] = Counter()
        self._samples: dict[str, str] = {}

    def add(
        self,
        *,
        malformed: int,
        rejected: Counter[str],
        ignored: Counter[str],
        samples: Mapping[str, str],
    ) -> None:
        """Count messages and rows by reason; `samples` has one example of each."""
        tally(self._rejected, rejected)
        tally(self._ignored, ignored)
        tally(self._unlogged, rejected)
        if malformed:
            self._unlogged["malformed"] += malformed
        self._samples.update(samples)

    def as_json(self) -> str:
        """The totals by reason."""
        totals = {"rejected": self._rejected, "ignored": self._ignored}
        return json.dumps(totals, ensure_ascii=False)

    def log(self, now: float) -> None:
        """Log what was rejected: each reason once a minute, with its count and one example."""
        due = [reason for reason in self._unlogged if self._throttle(reason, now)]
        for reason in due:
            count, sample = self._unlogged.pop(reason), self._samples.pop(reason, "")
            example = f"; for example {sample[:300]}" if sample else ""
            log.warning("rejected %d: %s%s", count, reason, example)
