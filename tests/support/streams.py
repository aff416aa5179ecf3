"""A stream of a made-up exchange, for tests of what ingest does with any."""

import json
from collections.abc import Sequence

from funding.exchanges.exchange import (
    Conversation,
    KeepAlive,
    Opening,
    Plan,
    Request,
    Subscription,
)
from funding.exchanges.frame import Frame, ignored
from funding.model.quote import Quote

PING = b'{"ping":1}'


class MadeUpStream:
    """Follows `plans` in their order, the last one for ever; `refuses` is what `refused` says.

    A message is `{"quote": SYMBOL}`, `{"ack": TOPIC}` or `{"welcome": true}`; each topic is
    subscribed to by `{"to": TOPIC}`.
    """

    def __init__(self, url: str = "ws://unused", *plans: Plan, refuses: bool = False) -> None:
        self.url = url
        self.plans = list(plans)
        self.refuses = refuses
        self.asks = False
        self.welcomed = False
        self.refusals = 0

    def plan(self, _now: float) -> Conversation[Plan]:
        if self.asks:
            yield Request("plan", "http://unused/plan")
        return self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]

    def refused(self, _now: float) -> bool:
        self.refusals += 1
        return self.refuses

    def open(self, topics: Sequence[str]) -> Conversation[Opening]:
        yield from ()
        return Opening(
            self.url,
            [Subscription(json.dumps({"to": topic}).encode(), (topic,)) for topic in topics],
            KeepAlive(lambda _number: PING, 30.0),
            welcomed=self.welcomed,
        )

    def decode(self, payload: bytes, received_ms: int) -> Frame:
        given = json.loads(payload)
        if "quote" in given:
            made = Quote(given["quote"], 1.0, 1.0, None, None, received_ms)
            return Frame([made], event_time=received_ms, symbol_class=0)
        frame = ignored("other")
        frame.welcome = "welcome" in given
        frame.acknowledged = tuple(name for key, name in given.items() if key == "ack")
        return frame
