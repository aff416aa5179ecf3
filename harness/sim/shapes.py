"""The shapes that values of faults may have: each check returns the value to keep, or raises
ValueError with the words for what it expected. Pure."""

from __future__ import annotations

import math

HTTP_FAULTS = (403, 418, 429, 451, 500, 503)


def switch(value: object) -> object:
    """True."""
    if value is not True:
        raise ValueError("true or false")
    return True


def number(value: object) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("a number")
    return value


def seconds(value: object) -> object:
    """A number of seconds."""
    if number(value) < 0:
        raise ValueError("a number of seconds, at least 0")
    return value


def symbols(value: object) -> object:
    """A list of symbols."""
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError("a list of symbols")
    return value


def classes(value: object) -> object:
    """A list of class names."""
    if not isinstance(value, list) or not set(map(str, value)) <= {"main", "tradfi"}:
        raise ValueError('a list of "main" and "tradfi"')
    return value


def by_symbol(value: object) -> object:
    """An object of symbol: number."""
    if not isinstance(value, dict):
        raise ValueError("an object of symbol: number")
    for one in value.values():
        number(one)
    return value


def rest_status(value: object) -> object:
    """An HTTP status that a fault can answer with."""
    if isinstance(value, bool) or value not in HTTP_FAULTS:
        raise ValueError(f"one of {', '.join(map(str, HTTP_FAULTS))}")
    return value


def handshake(value: object) -> object:
    """429, or {"status": 429, "retry_after": 5}; kept in the second form."""
    given = value if isinstance(value, dict) else {"status": value}
    if not set(given) <= {"status", "retry_after"}:
        raise ValueError('a status, or {"status": 429, "retry_after": seconds}')
    wait = given.get("retry_after")
    kept = {"status": rest_status(given.get("status"))}
    return kept if wait is None else kept | {"retry_after": seconds(wait)}


def close(value: object) -> object:
    """A close code and a reason."""
    given = value if isinstance(value, dict) else {}
    code, reason = given.get("code"), given.get("reason", "")
    if isinstance(code, bool) or not isinstance(code, int) or not 1000 <= code <= 4999:
        raise ValueError('{"code": 1000-4999, "reason": text}')
    if not isinstance(reason, str) or len(reason.encode()) > 123:
        raise ValueError("a reason of at most 123 bytes")
    return {"code": code, "reason": reason}


def spikes(value: object) -> object:
    """{"BTCUSDT": {"hour": epoch ms, "factor": 8}}, or a list of such objects per symbol."""
    if not isinstance(value, dict):
        raise ValueError('{"BTCUSDT": {"hour": epoch ms, "factor": number}}')
    kept: dict[str, list[dict[str, float]]] = {}
    for symbol, given in value.items():
        kept[symbol] = []
        for one in given if isinstance(given, list) else [given]:
            if not isinstance(one, dict) or set(one) != {"hour", "factor"}:
                raise ValueError('each spike as {"hour": epoch ms, "factor": number}')
            kept[symbol].append({"hour": number(one["hour"]), "factor": number(one["factor"])})
    return kept
