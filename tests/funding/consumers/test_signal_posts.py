"""The posts that tell signals."""

import json
from typing import Any

import pytest

from funding.consumers.signal_posts import LONGEST_TEXT, SIGNALS_PATH, signal_post
from funding.consumers.signal_rules import Told
from funding.model.signal import Zone
from tests.support.signals import extreme, signal

LINE = "BTCUSDT (binance) zone up: why"


def body(told: Told) -> Any:
    return json.loads(signal_post(told, 7).body)


def test_telegram_gets_text() -> None:
    assert body(Told("telegram", (signal(), signal("A")), 3)) == {
        "text": f"{LINE}\nA (binance) zone up: why\n… and 3 more"
    }


@pytest.mark.parametrize(
    ("target", "path"), [("webhook", ""), ("backend", SIGNALS_PATH), ("backend-dev", SIGNALS_PATH)]
)
def test_others_get_text_and_values(target: str, path: str) -> None:
    told = Told(target, (extreme(symbols=1),), 0)
    post = signal_post(told, 7)
    assert (post.target, post.path) == (target, path)
    assert json.loads(post.body) == {
        "text": LINE,
        "signals": [
            {
                "at": "2025-11-24T16:00:00Z", "exchange": "binance", "symbol": "BTCUSDT",
                "kind": "zone", "zone": "extreme", "direction": "up", "fundingRate": 0.0005,
                "zScore": 2.5, "detail": "why", "symbols": 1,
            }
        ],
        "more": 0,
    }  # fmt: skip


def test_storm_names_its_symbols_in_the_detail_alone() -> None:
    told = Told("telegram", (signal("*", symbols=30, detail="30 symbols at once: high: A"),), 0)
    assert body(told)["text"] == "(binance) zone up: 30 symbols at once: high: A"


def test_long_text_is_cut_between_signals() -> None:
    signals = tuple(signal(f"S{n}", Zone.HIGH, detail="x" * 400) for n in range(20))
    found = body(Told("webhook", signals, 2))
    assert len(found["text"]) <= LONGEST_TEXT
    assert len(found["signals"]) < 20
    assert found["more"] == 2 + 20 - len(found["signals"])
    assert found["text"].endswith(f"… and {found['more']} more")
    assert len(body(Told("telegram", (signal(detail="x" * 9_000),), 0))["text"]) <= 4_096


def test_key_tells_messages_apart() -> None:
    told = Told("webhook", (signal(),), 0)
    keys = {signal_post(told, 7).idempotency_key, signal_post(told, 7).idempotency_key}
    assert len(keys) == 1
    keys |= {signal_post(told, 8).idempotency_key}
    keys |= {signal_post(told._replace(target="backend"), 7).idempotency_key}
    assert len(keys) == 3
