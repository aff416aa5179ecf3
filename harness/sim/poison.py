"""Rows and messages that must not be believed. Pure: the bad things the wire may carry.

# Facts

- JSON allows 1e400 and integers of any size; NaN and Infinity it does not, though decoders may.
- A row whose symbol holds line breaks or terminal escapes forges log lines when it is printed.
"""

from __future__ import annotations

import json
from typing import Any

MEGABYTE = 1024 * 1024
_DAY_MS = 86_400_000

# What each bad row changes in a good one: a key and the JSON text put in its place.
_BAD_VALUES: tuple[tuple[str, str], ...] = (
    ("p", "null"), ("p", '""'), ("p", '"NaN"'), ("p", '"Infinity"'), ("p", '"-Infinity"'),
    ("p", '"-91520.10000000"'), ("p", '"1e999"'), ("p", "1e400"), ("p", '"twelve"'),
    ("p", '"0x10"'), ("p", '"1_000.5"'), ("p", '"91,520.10"'), ("p", '"１２３"'), ("p", "true"),
    ("p", "[]"), ("p", '["91520.1"]'), ("p", '{"value":"91520.1"}'), ("p", '{"a":[[[[[[{}]]]]]]}'),
    ("p", '"9\\n1520.1"'), ("i", '"NaN"'), ("i", '"-1.00000000"'), ("i", '{"p":"1"}'),
    ("r", '"NaN"'), ("r", '"Infinity"'), ("r", '"much"'), ("r", "[0]"), ("r", "false"),
    ("T", "-1"), ("T", '"soon"'), ("T", "1.5e300"), ("T", "[]"), ("T", "true"),
    ("E", "null"), ("E", "0"), ("E", "-1"), ("E", '"now"'), ("E", "true"), ("E", "1.5e300"),
    ("E", "9999999999999"), ("E", "9223372036854775808"), ("E", "1" + "0" * 30), ("E", "{}"),
    ("s", "null"), ("s", '""'), ("s", "17"), ("s", '["BTCUSDT"]'), ("s", '"BTC\\u0000USDT"'),
    ("s", '"BTCUSDT\\n2026-01-01 ERROR forged line"'), ("s", '"\\u001b[31mBTCUSDT"'),
    ("s", '"BTC\\u2028USDT"'), ("s", '"BTC USDT\\t"'), ("s", '"' + "A" * 10_000 + 'USDT"'),
    ("e", "null"), ("e", '"24hrTicker"'), ("e", '"markPriceUpdate2"'), ("e", "[]"),
)  # fmt: skip
_NOT_ROWS = (
    "null", "true", "17", '"BTCUSDT"', "[]", "{}", '[["BTCUSDT","1"]]',
    '{"a":' * 40 + "1" + "}" * 40,
)  # fmt: skip
_MISSING = ("e", "E", "s", "p")


def bad_rows(rows: list[str], event_time_ms: int) -> tuple[list[str], list[str]]:
    """(rows to go before the good ones, rows to go after): each bad row is the frame's first good
    row, usually BTCUSDT, spoilt in one way; the last one repeats it with another price."""
    if not rows:
        return [], list(_NOT_ROWS)
    good: dict[str, Any] = json.loads(rows[0])
    far = [("E", str(event_time_ms + days * _DAY_MS)) for days in (-365, 1, 365)]
    far.append(("E", str(event_time_ms * 1000)))
    bad = [spoilt(good, key, value) for key, value in (*_BAD_VALUES, *far)]
    bad += [spoilt(good, key, None) for key in _MISSING]
    bad += _NOT_ROWS
    twin = spoilt(good, "p", json.dumps(f"{float(good['p']) * 0.05:.8f}"))
    # Alternately, so that neither a first nor a last row of a symbol is always the good one.
    return bad[::2], [*bad[1::2], twin]


def spoilt(good: dict[str, Any], key: str, value: str | None) -> str:
    """The row as JSON text with this key's value replaced, or left out when None."""
    parts = [
        f'"{name}":{value if name == key else json.dumps(kept, ensure_ascii=False)}'
        for name, kept in good.items()
        if name != key or value is not None
    ]
    return "{" + ",".join(parts) + "}"


_GARBAGE: tuple[tuple[bytes, bool], ...] = (
    (b"this is not JSON", True), (b'{"stream":"!markPrice@arr@1s","data":[{"e":"markPri', True),
    (b'{"stream":"\xff\xfe!markPrice","data":[]}', True), (bytes(range(256)), False), (b"", True),
    (b"null", True), (b"[]", True), (b"17", True), (b'"text"', True), (b'{"data":null}', True),
    (b'[{"e":"markPriceUpdate","E":NaN,"s":"BTCUSDT","p":Infinity}]', True),
    (b'{"stream":"!markPrice@arr@1s","data":"\\ud800"}', True), (b"[" * 5000, True),
    (b"[" * 5000 + b"]" * 5000, True), (b"\x00" * 64, True), (b"", False),
    (b'{"stream":17,"data":{"e":[]}}', True), (b'{"error":{"code":2,"msg":"no"}}', True),
    (b'{"stream":"btcusdt@depth","data":{"e":"depthUpdate","s":"BTCUSDT","p":"1"}}', True),
)  # fmt: skip


def garbage(number: int) -> tuple[bytes, bool]:
    """(payload, whether it is sent as a text message) of the n-th message of garbage."""
    return _GARBAGE[number % len(_GARBAGE)]


def oversized() -> bytes:
    """A message of 9 MiB that is otherwise well formed."""
    return b'{"stream":"!markPrice@arr@1s","data":[],"pad":"' + b"x" * (9 * MEGABYTE) + b'"}'
