"""REST of the stand-in, and its faults."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.conftest import RECORDED
from tests.harness.sim.exchange import DEADLINE, Exchange, by_symbol, exchange_of, frame, main_frame

# REST


def test_premium_index_agrees_with_the_stream(exchange: Exchange) -> None:
    connection = exchange.connect()
    # No frame is missed from here on, so that the reply's instants are among those read.
    rows = {(row["s"], row["E"]): row for row in frame(connection) + frame(connection)}
    replies = exchange.rest("premiumIndex")
    newest = max(reply["time"] for reply in replies)
    while max(at for _, at in rows) <= newest:
        rows |= {(row["s"], row["E"]): row for row in frame(connection)}
    assert len(replies) == 962 - 30
    assert not any(reply["symbol"].startswith("BTCUSD_") for reply in replies)
    for reply in replies:
        row = rows[reply["symbol"], reply["time"]]
        assert (reply["markPrice"], reply["indexPrice"]) == (row["p"], row["i"])
        assert (reply["lastFundingRate"], reply["nextFundingTime"]) == (row["r"], row["T"])
        assert reply["estimatedSettlePrice"] == row["P"]
    one = exchange.rest("premiumIndex?symbol=币安人生USDT")
    assert list(one) == list(replies[0])
    assert one["symbol"] == "币安人生USDT"


def test_prices_of_coin_margined_contracts_have_a_host_of_their_own(exchange: Exchange) -> None:
    replies = exchange.get("/dapi/v1/premiumIndex")
    assert len(replies) == 30
    (one,) = exchange.get("/dapi/v1/premiumIndex?symbol=BTCUSD_PERP")
    assert one["symbol"] == "BTCUSD_PERP"
    connection = exchange.connect()
    rows = {row["s"]: row for row in main_frame(connection)}
    assert {reply["symbol"] for reply in replies} <= rows.keys()


def test_settled_rates_of_coin_margined_contracts_have_it_too(exchange: Exchange) -> None:
    rows = exchange.get("/dapi/v1/fundingRate?symbol=BTCUSD_PERP&limit=3")
    assert [list(row) for row in rows] == [["symbol", "fundingTime", "fundingRate"]] * 3
    assert [row["symbol"] for row in rows] == ["BTCUSD_PERP"] * 3
    times = [row["fundingTime"] for row in rows]
    assert times == sorted(set(times))


def test_contracts_of_coin_m_are_listed_there_too(exchange: Exchange) -> None:
    listed = {row["symbol"]: row for row in exchange.get("/dapi/v1/exchangeInfo")["symbols"]}
    assert set(listed) == {row["symbol"] for row in exchange.get("/dapi/v1/premiumIndex")}
    dated = listed["BTCUSD_261225"]
    assert (dated["contractStatus"], dated["contractType"]) == ("TRADING", "CURRENT_QUARTER")
    assert dated["deliveryDate"] == 1_798_185_600_000
    assert "status" not in dated


CAPTURES = {
    "premiumIndex": "polyoxide_2026-10-07_premiumIndex.json",
    "fundingInfo": "polyoxide_2026-10-07_fundingInfo.json",
    "fundingRate?symbol=BTCUSDT": "polyoxide_2026-10-07_fundingRate_BTCUSDT.json",
    "openInterest?symbol=BTCUSDT": "polyoxide_2026-10-07_openInterest_BTCUSDT.json",
    "exchangeInfo": "polyoxide_2026-10-07_exchangeInfo_5symbols.json",
    "klines?symbol=BTCUSDT&interval=1m&limit=2": "polyoxide_2026-10-07_klines_1m_BTCUSDT.json",
    "ticker/24hr": "polyoxide_2026-10-07_ticker24hr.json",
}


def shape(value: Any) -> Any:
    """Types all the way down, one element for a list; a number's text is told from other text."""
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if key not in ("updateTime", "filters")}
        return {key: shape(one) for key, one in kept.items()}
    if isinstance(value, list):
        simple = not value or isinstance(value[0], (dict, str))
        return [shape(one) for one in (value[:1] if simple else value)]
    if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return "decimal"
    return type(value).__name__


@pytest.mark.parametrize("path", CAPTURES)
def test_replies_have_the_captured_shape(exchange: Exchange, path: str) -> None:
    captured = RECORDED / CAPTURES[path]
    if not captured.exists():
        pytest.skip(f"no capture at {captured}")
    ours, theirs = exchange.rest(path), json.loads(captured.read_text(encoding="utf-8"))
    if path.startswith("klines"):
        assert [shape(one) for one in ours[:1]] == [shape(one) for one in theirs[:1]]
    else:
        assert shape(ours) == shape(theirs)


def test_intervals_agree_everywhere(exchange: Exchange) -> None:
    listed = {row["symbol"]: row["fundingIntervalHours"] for row in exchange.rest("fundingInfo")}
    assert set(listed.values()) == {1, 4, 8}
    assert listed["BTCUSDT"] == 8
    assert "BTCUSD_PERP" in listed
    for row in exchange.rest("premiumIndex"):
        if row["nextFundingTime"]:
            hours = listed.get(row["symbol"], 8)
            assert 0 < row["nextFundingTime"] - row["time"] <= hours * 3_600_000
            assert row["nextFundingTime"] % (hours * 3_600_000) == 0
        else:
            assert row["symbol"] not in listed


def test_exchange_info_lists_every_contract(exchange: Exchange) -> None:
    listed = {row["symbol"]: row for row in exchange.rest("exchangeInfo")["symbols"]}
    assert set(listed) == {row["symbol"] for row in exchange.rest("premiumIndex")}
    assert listed["XAUUSDT"]["contractType"] == "TRADIFI_PERPETUAL"
    assert listed["BTCUSDT_261225"]["contractType"] == "CURRENT_QUARTER"
    assert listed["BTCUSDT_261225"]["deliveryDate"] == 1_798_185_600_000
    assert sum(row["status"] == "SETTLING" for row in listed.values()) == 47
    trading = {symbol for symbol, row in listed.items() if row["status"] == "TRADING"}
    assert {row["symbol"] for row in exchange.rest("ticker/24hr")} == trading


def test_settled_rates_are_those_of_the_boundary(exchange: Exchange) -> None:
    rows = exchange.rest("fundingRate?symbol=BTCUSDT&limit=5")
    times = [row["fundingTime"] for row in rows]
    assert len(rows) == 5
    assert times == sorted(times)
    assert len({row["fundingRate"] for row in rows}) > 1
    for row in rows:
        assert 0 <= row["fundingTime"] % (8 * 3_600_000) < 12
        boundary = row["fundingTime"] // 1000 * 1000
        sent = exchange.get(f"/sim/row?symbol=BTCUSDT&event_time={boundary}")
        assert (row["fundingRate"], row["markPrice"]) == (sent["r"], sent["p"])
    span = f"startTime={times[1]}&endTime={times[3]}"
    assert exchange.rest(f"fundingRate?symbol=BTCUSDT&{span}") == rows[1:4]
    mixed = exchange.rest("fundingRate")
    assert len(mixed) == 200
    assert len({row["symbol"] for row in mixed}) > 50
    assert exchange.rest("fundingRate?symbol=BTCUSDT_261225") == []


def test_candles_add_up_and_can_be_spiked(exchange: Exchange) -> None:
    hours = exchange.rest("klines?symbol=ETHUSDT&interval=1h&limit=3")
    start, end = hours[0][0], hours[0][6]
    span = f"startTime={start}&endTime={end}"
    quarters = exchange.rest(f"klines?symbol=ETHUSDT&interval=15m&{span}")
    assert [row[0] for row in quarters] == [start + part * 900_000 for part in range(4)]
    volume = sum(float(row[7]) for row in quarters)
    assert volume == pytest.approx(float(hours[0][7]), rel=1e-6)
    assert float(hours[0][3]) <= float(hours[0][1]) <= float(hours[0][2])
    exchange.faults(volume_spike={"ETHUSDT": {"hour": start, "factor": 8}})
    spiked = exchange.rest("klines?symbol=ETHUSDT&interval=1h&limit=3")
    assert float(spiked[0][7]) == pytest.approx(8 * float(hours[0][7]), rel=1e-6)
    assert spiked[1][7] == hours[1][7]
    assert len(exchange.rest("klines?symbol=BTCUSD_PERP&interval=1w&limit=2")) == 2
    weeks = exchange.rest("klines?symbol=BTCUSDT&interval=1w&limit=1")
    assert time.gmtime(weeks[0][0] / 1000).tm_wday == 0


def test_open_interest_can_be_set(exchange: Exchange) -> None:
    before = exchange.rest("openInterest?symbol=BTCUSDT")
    assert float(before["openInterest"]) > 0
    exchange.faults(open_interest={"BTCUSDT": 123.4})
    assert exchange.rest("openInterest?symbol=BTCUSDT")["openInterest"] == "123.400"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("premiumIndex?symbol=NOSUCH", -1121), ("premiumIndex?symbol=BTCUSD_PERP", -1121),
        ("premiumIndex?symbol=", -1105), ("openInterest", -1102), ("openInterest?symbol=X", -1121),
        ("klines?interval=1m", -1102), ("klines?symbol=BTCUSDT", -1102),
        ("klines?symbol=BTCUSDT&interval=1s", -1120),
        ("klines?symbol=BTCUSDT&interval=1m&limit=1501", -1130),
        ("klines?symbol=BTCUSDT&interval=1m&limit=0", -1130),
        ("klines?symbol=BTCUSDT&interval=1m&limit=ten", -1100),
        ("fundingRate?symbol=BTCUSDT&limit=1001", -1130), ("fundingRate?startTime=-1", -1100),
        ("ticker/24hr?symbol=NOSUCH", -1121),
    ],
)  # fmt: skip
def test_refusals(exchange: Exchange, path: str, code: int) -> None:
    status, body, _ = exchange.call(f"/fapi/v1/{path}")
    assert status == 400
    assert body["code"] == code
    assert set(body) == {"code", "msg"}


def test_unknown_paths(exchange: Exchange) -> None:
    assert exchange.call("/fapi/v1/nothing")[0] == 404
    assert exchange.call("/nothing")[0] == 404
    assert exchange.rest("ping") == {}
    assert abs(exchange.rest("time")["serverTime"] / 1000 - time.time()) < DEADLINE


@pytest.mark.parametrize(
    ("path", "weight"),
    [
        ("premiumIndex?symbol=BTCUSDT", 1), ("premiumIndex", 10), ("premiumIndex?symbol=NONE", 1),
        ("openInterest?symbol=BTCUSDT", 1), ("exchangeInfo", 1), ("time", 1),
        ("klines?symbol=BTCUSDT&interval=1m", 5),
        ("klines?symbol=BTCUSDT&interval=1m&limit=100", 1),
        ("klines?symbol=BTCUSDT&interval=1m&limit=101", 2),
        ("klines?symbol=BTCUSDT&interval=1m&limit=501", 5),
        ("klines?symbol=BTCUSDT&interval=1m&limit=1001", 10),
        ("ticker/24hr", 40), ("ticker/24hr?symbol=BTCUSDT", 1), ("fundingInfo", 0),
        ("fundingRate?symbol=BTCUSDT", 0),
    ],
)  # fmt: skip
def test_weights(exchange: Exchange, path: str, weight: int) -> None:
    for _ in range(2):  # again when a minute ended in between
        before = exchange.state()["used_weight"]
        _, _, headers = exchange.call(f"/fapi/v1/{path}")
        after = exchange.state()["used_weight"]
        if after >= before:
            break
    assert after - before == weight
    assert headers["X-MBX-USED-WEIGHT-1M"] == (str(after) if weight else None)


def test_more_than_the_budget_is_429() -> None:
    # A program of its own, since it uses up the minute; slow time, so that no minute ends.
    slow = ("--speed", "0.001", "--tick", "100")
    with exchange_of("--main", "3", "--tradfi", "0", *slow) as exchange:
        for _ in range(60):
            exchange.rest("ticker/24hr")
        assert exchange.state()["used_weight"] == 2400
        status, body, headers = exchange.call("/fapi/v1/premiumIndex?symbol=BTCUSDT")
        assert (status, body["code"]) == (429, -1003)
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert exchange.call("/fapi/v1/fundingInfo")[0] == 200
        exchange.call("/sim/budget", "DELETE")
        assert exchange.state()["used_weight"] == 0
        assert exchange.call("/fapi/v1/premiumIndex?symbol=BTCUSDT")[0] == 200


# Faults of REST


def test_drift_and_missing_symbols(exchange: Exchange) -> None:
    exchange.faults(
        drift={"BTCUSDT": 0.005}, rate_drift={"BTCUSDT": 0.0001}, rest_missing=["ETHUSDT"]
    )
    reply = exchange.rest("premiumIndex?symbol=BTCUSDT")
    true = exchange.get(f"/sim/row?symbol=BTCUSDT&event_time={reply['time']}")
    assert float(reply["markPrice"]) == pytest.approx(float(true["p"]) * 1.005, abs=2e-8)
    assert float(reply["lastFundingRate"]) == pytest.approx(float(true["r"]) + 0.0001, abs=2e-8)
    assert exchange.call("/fapi/v1/premiumIndex?symbol=ETHUSDT")[0] == 400
    assert "ETHUSDT" not in {row["symbol"] for row in exchange.rest("premiumIndex")}
    assert "ETHUSDT" in by_symbol(main_frame(exchange.connect()))


def test_stale_rest(exchange: Exchange) -> None:
    exchange.faults(rest_stale_seconds=60)
    reply = exchange.rest("premiumIndex?symbol=BTCUSDT")
    assert 59 < time.time() - reply["time"] / 1000 < 60 + DEADLINE
    true = exchange.get(f"/sim/row?symbol=BTCUSDT&event_time={reply['time']}")
    assert reply["markPrice"] == true["p"]


@pytest.mark.parametrize("status", [403, 418, 429, 451, 500, 503])
def test_rest_statuses(exchange: Exchange, status: int) -> None:
    exchange.faults(rest_status=status, rest_retry_after=9)
    got, body, headers = exchange.call("/fapi/v1/premiumIndex")
    assert (got, headers["Retry-After"]) == (status, "9")
    assert isinstance(body, bytes) == (status == 403)
    exchange.faults(rest_retry_after=None)
    assert exchange.call("/fapi/v1/premiumIndex")[2]["Retry-After"] is None


def test_a_ban_says_until_when(exchange: Exchange) -> None:
    exchange.faults(rest_status=418, rest_ban_seconds=300)
    bodies = [exchange.call("/fapi/v1/time")[1] for _ in range(2)]
    assert bodies[0] == bodies[1]
    until_ms = int(re.findall(r"banned until (\d+)", bodies[0]["msg"])[0])
    assert bodies[0]["code"] == -1003
    assert 0 < until_ms / 1000 - time.time() <= 300


def test_rest_calls_are_counted(exchange: Exchange) -> None:
    exchange.faults(rest_status=500)
    before = exchange.state()["rest_calls"].get("openInterest", 0)
    exchange.call("/fapi/v1/openInterest?symbol=BTCUSDT")
    assert exchange.state()["rest_calls"]["openInterest"] == before + 1


def test_rest_hang_garbage_and_drop(exchange: Exchange) -> None:
    exchange.faults(rest_hang=0.3)
    began = time.monotonic()
    exchange.rest("time")
    assert time.monotonic() - began >= 0.3
    exchange.clear()
    exchange.faults(rest_garbage=True)
    replies = [exchange.call("/fapi/v1/premiumIndex?symbol=BTCUSDT") for _ in range(4)]
    assert {status for status, _, _ in replies} == {200}
    assert any(isinstance(body, bytes) for _, body, _ in replies)
    exchange.clear()
    exchange.faults(rest_drop=True)
    with pytest.raises((OSError, urllib.error.URLError)):
        exchange.call("/fapi/v1/time")
