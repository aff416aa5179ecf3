"""What the tests of the soak share: a small world, its rows as the API shows them, and replies."""

import json
from typing import Any

from harness.sim.contracts import default_contracts
from harness.sim.world import World
from harness.soak.api_connection import Reply
from harness.soak.oracle import Oracle
from harness.soak.speed import Speed

SEED, TICK = 7, 0.2
NOW_MS = 1_795_219_200_000
SENT = NOW_MS - 400
SPEED = Speed(5.0, True)
WORLD = World(default_contracts(seed=SEED, main=30, tradfi=10), seed=SEED)
ORACLE = Oracle(SEED, few=True, tick_seconds=TICK)


def served(symbol: str = "BTCUSDT", at: int = SENT, **other: object) -> Any:
    """The row as the API shows it, half a second after it was sent."""
    sent = json.loads(WORLD.mark_row(symbol, at))
    row = {
        "symbol": symbol,
        "markPrice": float(sent["p"]),
        "fundingRate": float(sent["r"]) if sent["T"] else None,
        "nextFundingTime": sent["T"] or None,
        "indexPrice": float(sent["i"]),
        "updatedAt": at / 1000 + 0.1,
        "ageSeconds": 0.3,
        "lastUpdateTime": int(at / 1000 + 0.1),
        "eventTime": at,
        "exchange": "binance",
    }
    return row | other


def reply(body: Any = None, outcome: str = "200") -> Reply:
    """One that took ten milliseconds."""
    return Reply(outcome, body, "", 10.0, 10.01, NOW_MS / 1000 - 0.01, NOW_MS / 1000)
