"""Signals → the posts that tell them."""

from typing import Any

from funding.consumers.signal_rules import Told
from funding.model.alert import Post, TargetName, iso, post
from funding.model.signal import MANY, Signal

SIGNALS_PATH = "/api/funding-signals/ingest"
LONGEST_TEXT = 4_000
"""Telegram takes 4,096 characters."""


def signal_post(told: Told, last: int) -> Post:
    """The post of a message; `last` is the id of the newest signal in it or before it.

    A webhook gets `text`, as Slack and its like show it, beside the signals; a backend gets both,
    too; Telegram gets the text.
    """
    text, shown = _text(told)
    key = f"signals to {told.target} up to {last}"
    if told.target == TargetName.TELEGRAM:
        return post(told.target, "", key, {"text": text})
    more = told.many_more + sum(each.symbols for each in told.signals[shown:])
    body: dict[str, Any] = {
        "text": text,
        "signals": [_as_data(signal) for signal in told.signals[:shown]],
        "more": more,
    }
    path = "" if told.target == TargetName.WEBHOOK else SIGNALS_PATH
    return post(told.target, path, key, body)


def _text(told: Told) -> tuple[str, int]:
    """The message for people, and how many of its signals are in it."""
    lines: list[str] = []
    length = 0
    for signal in told.signals:
        line = _line(signal)
        length += len(line) + 1
        if lines and length > LONGEST_TEXT - 40:
            break
        lines.append(line[:LONGEST_TEXT])
    shown = len(lines)
    more = told.many_more + sum(each.symbols for each in told.signals[shown:])
    if more:
        lines.append(f"… and {more} more")
    return "\n".join(lines), shown


def _line(signal: Signal) -> str:
    symbol = "" if signal.symbol == MANY else f"{signal.symbol} "
    return f"{symbol}({signal.exchange}) {signal.kind} {signal.direction}: {signal.detail}"


def _as_data(signal: Signal) -> dict[str, Any]:
    return {
        "at": iso(signal.at),
        "exchange": signal.exchange,
        "symbol": signal.symbol,
        "kind": signal.kind,
        "zone": signal.zone,
        "direction": signal.direction,
        "fundingRate": signal.rate,
        "zScore": signal.z_score,
        "detail": signal.detail,
        "symbols": signal.symbols,
    }
