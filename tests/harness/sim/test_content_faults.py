"""Faults of the stream's content."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from harness.processes import until
from tests.harness.sim.exchange import (
    DEADLINE,
    TICK_MS,
    Exchange,
    Row,
    by_symbol,
    frame,
    main_frame,
    raw_frame,
)


def test_freeze_repeats_the_same_frame(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(freeze=True)
    main_frame(connection), main_frame(connection)
    first, second = main_frame(connection), main_frame(connection)
    assert first == second
    late = main_frame(exchange.connect())
    assert late == first
    assert exchange.rest("premiumIndex?symbol=BTCUSDT")["time"] > first[0]["E"]
    exchange.clear("freeze")
    until(lambda: main_frame(connection)[0]["E"] > first[0]["E"], "thawed")


def test_freeze_symbols_stops_those_alone(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(freeze_symbols=["ETHUSDT", "XAUUSDT"])
    main_frame(connection), main_frame(connection)
    first, second = by_symbol(main_frame(connection)), by_symbol(main_frame(connection))
    assert first["ETHUSDT"] == second["ETHUSDT"]
    assert second["BTCUSDT"]["E"] == first["BTCUSDT"]["E"] + TICK_MS
    exchange.clear()
    until(
        lambda: by_symbol(main_frame(connection))["ETHUSDT"]["E"] > first["ETHUSDT"]["E"], "thawed"
    )


def test_list_and_delist(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(list=["NEWUSDT"], delist=["ETHUSDT", "TSLAUSDT"])
    new: dict[str, Row] = {}

    def listed() -> bool:
        new.update(by_symbol(frame(connection)))
        return "NEWUSDT" in new

    until(listed, "NEWUSDT in a frame")
    rows = by_symbol(frame(connection)) | by_symbol(frame(connection))
    assert "NEWUSDT" in rows
    assert not {"ETHUSDT", "TSLAUSDT"} & set(rows)
    assert len(rows) == 961
    assert exchange.rest("premiumIndex?symbol=NEWUSDT")["symbol"] == "NEWUSDT"
    sent = rows["NEWUSDT"]
    assert exchange.get(f"/sim/row?symbol=NEWUSDT&event_time={sent['E']}") == sent
    exchange.clear()
    assert exchange.call("/fapi/v1/premiumIndex?symbol=NEWUSDT")[0] == 400


def test_skew_shifts_event_times(exchange: Exchange) -> None:
    exchange.faults(skew_ms=3_600_000)
    row = main_frame(exchange.connect())[0]
    assert abs(row["E"] / 1000 - time.time() - 3600) < DEADLINE
    assert exchange.get(f"/sim/row?symbol=BTCUSDT&event_time={row['E']}") == row


def test_poison_stands_beside_good_rows(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(poison=True)
    rows: list[Any] = []

    def poisoned() -> bool:
        rows[:] = frame(connection)
        return len(rows) > 745

    until(poisoned, "a poisoned main frame")
    at = next(row["E"] for row in rows if isinstance(row, dict) and row.get("s") == "ETHUSDT")
    assert exchange.get(f"/sim/row?symbol=BTCUSDT&event_time={at}") in rows
    prices = [row.get("p") for row in rows if isinstance(row, dict)]
    assert all(bad in prices for bad in (None, "NaN", "Infinity", "-91520.10000000", "twelve"))
    symbols = [row.get("s") for row in rows if isinstance(row, dict)]
    assert any(isinstance(one, str) and len(one) > 9_000 for one in symbols)
    assert any(isinstance(one, str) and "\n" in one for one in symbols)
    assert any(not isinstance(row, dict) for row in rows)


def test_ticker_poison_mixes_events(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(ticker_poison=True)
    seen: set[tuple[str, str]] = set()

    def mixed() -> bool:
        message = json.loads(connection.recv())
        seen.update((message["stream"], row["e"]) for row in message["data"])
        return {("!markPrice@arr@1s", "24hrTicker"), ("!ticker@arr", "24hrTicker")} <= seen

    until(mixed, "ticker rows in both places")
    assert ("!markPrice@arr@1s", "markPriceUpdate") in seen


def carries_rows(data: bytes) -> bool:
    try:
        return bool(next(row["e"] for row in json.loads(data)["data"]) == "markPriceUpdate")
    except (ValueError, TypeError, LookupError, RecursionError, StopIteration):
        return False


@pytest.mark.parametrize(("fault", "good"), [("garbage", True), ("garbage_only", False)])
def test_garbage(exchange: Exchange, fault: str, good: bool) -> None:
    exchange.faults(**{fault: True})
    connection = exchange.connect()
    frames = [raw_frame(connection) for _ in range(12)]
    carrying = [carries_rows(one.data) for one in frames]
    # One after each good one, or nothing else.
    assert carrying == ([True, False] * 6 if good else [False] * 12)


def test_oversize(exchange: Exchange) -> None:
    exchange.faults(oversize=True)
    connection = exchange.connect()
    until(lambda: len(connection.recv()) > 9 * 1024 * 1024, "a message over 9 MiB")


def test_rates_are_shown_by_stream_and_rest(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(rates={"ETHUSDT": 0.0005, "*": -0.0002})
    until(lambda: by_symbol(main_frame(connection))["ETHUSDT"]["r"] == "0.00050000", "ETHUSDT's")
    rows = by_symbol(main_frame(connection))
    assert rows["BTCUSDT"]["r"] == "-0.00020000"
    assert rows["BTCUSDT_261225"]["r"] == "0.00000000"
    answer = exchange.rest("premiumIndex?symbol=ETHUSDT")
    assert answer["lastFundingRate"] == "0.00050000"


def test_terms_of_contracts_change(exchange: Exchange) -> None:
    exchange.faults(intervals={"ETHUSDT": 1}, deliveries={"ETHUSDT": 77}, settling=["BTCUSDT"])
    hours = {row["symbol"]: row["fundingIntervalHours"] for row in exchange.rest("fundingInfo")}
    listed = by_symbol(
        [{**row, "s": row["symbol"]} for row in exchange.rest("exchangeInfo")["symbols"]]
    )
    assert (hours["ETHUSDT"], hours["BTCUSDT"]) == (1, 8)
    assert (listed["ETHUSDT"]["deliveryDate"], listed["ETHUSDT"]["status"]) == (77, "TRADING")
    assert listed["BTCUSDT"]["status"] == "SETTLING"
