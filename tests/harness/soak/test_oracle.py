"""Every value is the one that was sent."""

import json
from typing import Any

import pytest

from harness.sim.poison import bad_rows
from tests.harness.soak.worlds import NOW_MS, ORACLE, SENT, WORLD, served


def test_what_was_sent_is_right() -> None:
    for symbol in ORACLE.symbols:
        phase = 137 if WORLD.motions[symbol].contract.class_name == "tradfi" else 0
        row = served(symbol, SENT - 200 + phase)
        assert ORACLE.wrong(row, NOW_MS) == ""
    assert not any("USD_" in symbol for symbol in ORACLE.symbols)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"markPrice": 1.0}, "sent"),
        ({"indexPrice": 1.0}, "sent"),
        ({"fundingRate": None}, "sent"),
        ({"fundingRate": 0.01}, "sent"),
        ({"nextFundingTime": SENT}, "sent"),
        ({"symbol": "FORGEDUSDT"}, "no such symbol"),
        ({"symbol": "BTCUSD_PERP"}, "no such symbol"),
        ({"eventTime": SENT + 1}, "no frame"),
        ({"eventTime": str(SENT)}, "no frame"),
        ({"eventTime": SENT + 86_400_000}, "ahead"),
        ({"eventTime": SENT - 200}, "sent"),
    ],
)
def test_what_was_not_sent_is_found(change: dict[str, Any], words: str) -> None:
    assert words in ORACLE.wrong(served() | change, NOW_MS)


def test_no_price_of_the_poison_is_true() -> None:
    *_, twin = bad_rows([WORLD.mark_row("BTCUSDT", SENT)], SENT)[1]
    poisoned = float(json.loads(twin)["p"])
    assert ORACLE.wrong(served(markPrice=poisoned), NOW_MS)
