"""From a tick to messages: each payload is built once per tick and shared by all its subscribers.

# Facts

- `!ticker@arr` rows are another event with the same keys: there `p` is a price change. A consumer
  that takes them for mark prices has been seen to overwrite 91,520 with 4,463.40.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

from aiohttp import WSMsgType

from harness.sim import poison
from harness.sim.connection import Connection
from harness.sim.faults import FaultState
from harness.sim.frames import FrameMaker
from harness.sim.subscription import Subscription
from harness.sim.ticks import Tick


class Broadcaster:
    """Offers every connection what it subscribed to, and what the faults add."""

    def __init__(self, frames: FrameMaker, faults: FaultState) -> None:
        self.frames, self.faults = frames, faults
        self._garbage_number = 0
        self._oversized_at = 0.0

    def send(self, tick: Tick, connections: Iterable[Connection]) -> None:
        event_time = self.frames.event_time(tick)
        faults = self.faults
        if faults.on("silence") or tick.class_name in faults.names("silence_classes"):
            return
        made: dict[tuple[str, bool], bytes | None] = {}
        rows: dict[str, bytes | None] = {}
        oversized = self._oversized_due()
        for one in connections:
            if one.silenced or one.half_open or not one.routed:
                continue
            fed = False
            for name, wanted in one.subscriptions.items():
                if wanted is None or tick.number % wanted.every:
                    continue
                key = (name, one.enveloped)
                if key not in made:
                    made[key] = self._payload(tick, event_time, name, wanted, rows, one.enveloped)
                payload = made[key]
                if payload is not None:
                    fed = True
                    if not faults.on("garbage_only"):
                        one.offer(payload)
            if fed:
                self._offer_extras(one, tick, oversized)

    def _payload(
        self, tick: Tick, event_time: int, name: str, wanted: Subscription,
        rows: dict[str, bytes | None], enveloped: bool,
    ) -> bytes | None:  # fmt: skip
        key = wanted.kind + wanted.symbol
        if key not in rows:
            rows[key] = self._data(tick, event_time, wanted)
        data = rows[key]
        if data is None or not enveloped:
            return data
        return b'{"stream":%s,"data":%s}' % (json.dumps(name, ensure_ascii=False).encode(), data)

    def _data(self, tick: Tick, event_time: int, wanted: Subscription) -> bytes | None:
        if wanted.kind == "one":
            return self.frames.row(wanted.symbol, tick.class_name, event_time)
        if wanted.kind == "all":
            return self.frames.rows(tick, event_time)
        if tick.class_name != "main":
            return None
        return json.dumps(self.frames.tickers(tick), ensure_ascii=False).encode()

    def _offer_extras(self, one: Connection, tick: Tick, oversized: bytes | None) -> None:
        if self.faults.on("ticker_poison") and tick.class_name == "main":
            data = json.dumps(self.frames.tickers(tick), ensure_ascii=False).encode()
            one.offer(b'{"stream":"!ticker@arr","data":%s}' % data if one.enveloped else data)
        if self.faults.on("garbage") or self.faults.on("garbage_only"):
            payload, text = poison.garbage(self._garbage_number)
            self._garbage_number += 1
            one.offer(payload, WSMsgType.TEXT if text else WSMsgType.BINARY)
        if oversized is not None:
            one.offer(oversized)

    def _oversized_due(self) -> bytes | None:
        if not self.faults.on("oversize") or time.monotonic() - self._oversized_at < 1:
            return None
        self._oversized_at = time.monotonic()
        return poison.oversized()
