"""A short run of every fuzz target, the same each time, and the findings of longer runs."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from harness.fuzz.targets import TARGETS

_OK = b"HTTP/1.1 200 OK\r\n\r\n"
_ANSWERS = {
    "a chunk of negative size": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-e\r\n{}\r\n0\r\n\r\n"
    ),
    "a length of 2 ** 62": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{}" % 2**62,
    "a length of 2 ** 64": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{}" % 2**64,
    "a header that cannot be read": b"HTTP/1.1 200 OK\r\nContent-Len\x00\r\nA: b\r\n\r\n{}",
    "no UTF-8": _OK + b'{"symbol":"\xff","data":[{"symbol":"\xff"}]}',
    "no UTF-8, stale": b'HTTP/1.1 503 Busy\r\n\r\n{"last":{"symbol":"\xff"}}',
    "ever deeper arrays": _OK + b'{"symbol":' + b"[" * 5_000,
}
_LONG_NAME = ("set", "comparison", 4, f"'{'A' * 100_000}'", "1")
_DATABASES: dict[str, Any] = {
    "a name of 100,000 letters, as text": ([_LONG_NAME], "text", "24h", False),
    "a name of 100,000 letters, as html": ([_LONG_NAME], "html", "24h", False),
    "a row of 1970 in a period of 2,700 years": (
        [("set", "comparison", 1, "0", "rowid = 2")],
        *("json", "999999d", False),
    ),
    "a schema that is no UTF-8": ([("schema", "comparison", "ff")], "json", "24h", False),
}
_STORES: dict[str, Any] = {
    **{f"no UTF-8 in name {place}": [((b"BTCUSDT", place), b"\xff")] for place in (1, 32, 35, 40)},
    "no UTF-8 in a name of open interest": [((b"ETHUSDT", 32), b"\x80")],
    "an index that differs from its table": [((b"backend", 38), b"\x00")],
    "a definition that cannot be read": [((b"NOT NULL", 7), b'"')],
    "a value that a CHECK refuses": [((b"mark_price", 80), b"\x00")],
    "a tree that leads in a circle": [
        ((b"", 2903), b"\x94\xccu\x96-"),
        ((b"", 26206), b"\xff"),
        ((b"", 131071), b"\xa5\x0c\xc8\x9c\xa8\x97; "),
    ],
}
FOUND: dict[str, tuple[str, Any]] = {
    **{
        f"{name} to call {n}": ("answers", (_ANSWERS[name], n))
        for name in _ANSWERS
        for n in range(12)
    },
    **{name: ("report", case) for name, case in _DATABASES.items()},
    **{name: ("stores", case) for name, case in _STORES.items()},
}
"""By name: the target, and the case."""


@pytest.mark.parametrize("name", TARGETS)
def test_only_documented_errors_come_out(name: str) -> None:
    target = TARGETS[name]
    with target.world() as check:

        def test(case: object) -> None:
            check(case)

        few = settings(
            max_examples=target.few, database=None, suppress_health_check=list(HealthCheck)
        )
        few(given(target.cases)(test))()


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_before_is_not_found_again(name: str) -> None:
    target, case = FOUND[name]
    with TARGETS[target].world() as check:
        check(case)
