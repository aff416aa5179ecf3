"""Why messages and rows were rejected or ignored: totals for the feed row, and log lines."""

import json
import logging
from collections import Counter

from funding.ingest.inbox import Batch, tally
from funding.runtime.logs import Throttle

log = logging.getLogger("ingest")


class Rejections:
    """What was rejected and ignored since the start, and what of it has not been logged yet."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._rejected: Counter[str] = Counter()
        self._ignored: Counter[str] = Counter()
        self._unlogged: Counter[str] = Counter()
        self._samples: dict[str, str] = {}

    def add(self, batch: Batch) -> None:
        """Count the messages and rows of `batch` by reason."""
        tally(self._rejected, batch.rejected)
        tally(self._ignored, batch.ignored)
        tally(self._unlogged, batch.rejected)
        if batch.malformed:
            self._unlogged["malformed"] += batch.malformed
        self._samples.update(batch.samples)

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
