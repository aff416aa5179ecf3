"""The world of the stand-in, which is pure."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.sim import poison
from harness.sim.contracts import default_contracts
from harness.sim.faults import FAULTS, FaultError, FaultState
from harness.sim.limits import Budget
from harness.sim.subscription import Subscription, parse
from harness.sim.ticks import Clock, TickSource
from harness.sim.world import World
from harness.sim.world_file import WorldError, load_contracts
from tests.harness.sim.exchange import KEYS, by_symbol, recorded_reply

# The world


def test_world_is_a_function_of_seed_symbol_and_time() -> None:
    first, second, other = (
        World(default_contracts(seed=seed, main=745, tradfi=217), seed=seed) for seed in (1, 1, 2)
    )
    at = 1_790_000_000_000
    assert list(first.motions) == list(second.motions)
    assert all(first.mark_row(one, at) == second.mark_row(one, at) for one in first.motions)
    assert first.mark_row("BTCUSDT", at) != first.mark_row("BTCUSDT", at + 1000)
    assert first.mark_row("BTCUSDT", at) != other.mark_row("BTCUSDT", at)


def test_default_world_has_the_measured_shape() -> None:
    world = World(default_contracts(seed=1, main=745, tradfi=217), seed=1)
    rows = [json.loads(one.row(1_790_000_000_000)) for one in world.of_class("main")]
    tradfi = [json.loads(one.row(1_790_000_000_684)) for one in world.of_class("tradfi")]
    assert (len(rows), len(tradfi)) == (745, 217)
    assert all(list(row) == KEYS for row in rows + tradfi)
    assert sum(row["st"] == 2 for row in rows) == 30
    assert sum(row["T"] == 0 and row["st"] == 1 for row in rows) == 51
    assert {row["r"] for row in rows if row["T"] == 0} == {"0.00000000", ""}
    assert all(row["T"] == 0 and row["st"] == 2 for row in rows if row["r"] == "")
    found = by_symbol(rows + tradfi)
    assert len(found) == 962
    assert {"币安人生USDT", "龙虾USDT", "牛来USDT", "我踏马来了USDT"} <= found.keys()
    assert {"BTCUSDT_261225", "BTCUSD_PERP", "BTCUSDC", "XAUUSDT", "TSLAUSDT"} <= found.keys()
    decimal = re.compile(r"-?\d+\.\d{8}")
    for row in found.values():
        assert all(decimal.fullmatch(row[key]) for key in ("p", "ap", "P", "i"))
        assert row["ap"] == row["p"]
    assert {one.contract.interval_hours for one in world.motions.values()} == {0, 1, 4, 8}


def test_prices_stay_near_their_base_and_rates_move_slowly() -> None:
    world = World(default_contracts(seed=3, main=100, tradfi=20), seed=3)
    for motion in world.motions.values():
        before = motion.figures(1_790_000_000_000)
        for second in range(1, 400, 7):
            now = motion.figures(1_790_000_000_000 + second * 1000)
            assert abs(now.mark_price / motion.contract.mark_base - 1) < 0.005
            assert abs(now.funding_rate - before.funding_rate) < 2.5e-7
            assert now.next_funding_time >= before.next_funding_time
            before = now


@pytest.mark.parametrize(
    ("rows", "tradfi"), [(0, 0), (1, 0), (3, 2), (50, 1), (1000, 300), (20000, 0)]
)
def test_world_has_as_many_rows_as_asked(rows: int, tradfi: int) -> None:
    world = World(default_contracts(seed=1, main=rows, tradfi=tradfi), seed=1)
    assert (len(world.of_class("main")), len(world.of_class("tradfi"))) == (rows, tradfi)
    assert len(world.motions) == rows + tradfi


def test_next_funding_time_is_the_next_boundary_of_the_interval() -> None:
    world = World(default_contracts(seed=1, main=745, tradfi=0), seed=1)
    bitcoin = world.motions["BTCUSDT"]
    boundary = 1_790_006_400_000
    assert bitcoin.period_ms == 8 * 3_600_000
    assert bitcoin.figures(boundary - 1).next_funding_time == boundary
    assert bitcoin.figures(boundary).next_funding_time == boundary + 8 * 3_600_000


def test_world_of_a_recorded_reply() -> None:
    path = recorded_reply()
    reply = json.loads(path.read_text(encoding="utf-8"))
    world = World(load_contracts(path, seed=1, tradfi=217), seed=1)
    assert {row["symbol"] for row in reply} <= set(world.motions)
    assert len(world.of_class("tradfi")) == 217
    for row in reply:
        motion = world.motions[row["symbol"]]
        figures = motion.figures(row["time"])
        assert figures.next_funding_time == row["nextFundingTime"]
        assert figures.mark_price == pytest.approx(float(row["markPrice"]), rel=0.005)
        assert figures.funding_rate == pytest.approx(float(row["lastFundingRate"]), abs=2.1e-5)
    hours = {one.contract.interval_hours for one in world.of_class("main")}
    assert hours == {0, 1, 2, 4, 8}


def test_tradfi_rows_of_a_recorded_reply_are_known_by_their_phase(tmp_path: Path) -> None:
    row = {
        "symbol": "XAUUSDT", "markPrice": "4102.86", "indexPrice": "4099.2", "interestRate": "0",
        "lastFundingRate": "0.0002", "nextFundingTime": 1791388800000, "time": 1791382984684,
    }  # fmt: skip
    path = tmp_path / "world.json"
    path.write_text(json.dumps([row, row | {"symbol": "BTCUSDT", "time": 1791382985000}]))
    world = World(load_contracts(path, seed=1, tradfi=0), seed=1)
    assert [one.contract.symbol for one in world.of_class("tradfi")] == ["XAUUSDT"]
    assert world.of_class("main")[0].contract.symbol == "BTCUSDT"


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "[1]", '[{"symbol":"X"}]', '[{"symbol":"","markPrice":"1"}]',
     '[{"symbol":"X","markPrice":"nan","indexPrice":"1","lastFundingRate":"0",'
     '"nextFundingTime":0,"time":1}]'],
)  # fmt: skip
def test_bad_world_files_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "world.json"
    path.write_text(text)
    with pytest.raises(WorldError, match=r"--world .*world\.json"):
        load_contracts(path, seed=1, tradfi=0)


# Small pure parts


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("!markPrice@arr@1s", Subscription("all")),
        ("!markPrice@arr", Subscription("all", every=3)),
        ("!ticker@arr", Subscription("tickers")),
        ("btcusdt@markPrice@1s", Subscription("one", 1, "BTCUSDT")),
        ("币安人生usdt@markPrice", Subscription("one", 3, "币安人生USDT")),
        ("BTCUSDT@markPrice@1s", None), ("btcusdt@markprice", None), ("btcusdt@depth", None),
        ("!markprice@arr", None), ("", None),
    ],
)  # fmt: skip
def test_stream_names(name: str, wanted: Subscription | None) -> None:
    assert parse(name) == wanted


def test_budget_counts_by_clock_minute() -> None:
    budget = Budget(limit=3, minutes=1)
    assert [budget.spend(2, at) for at in (60_000, 119_999, 120_000)] == [True, False, True]
    assert (budget.used(121_000), budget.used(180_000)) == (2, 0)
    assert (budget.seconds_left(120_000), budget.seconds_left(179_500)) == (60, 1)


def test_latest_tick_of_each_class() -> None:
    source = TickSource(Clock(), step_ms=1000)
    assert source.latest_ms("main", 85_600) == 85_000
    assert source.latest_ms("tradfi", 85_600) == 84_684
    assert source.latest_ms("tradfi", 85_684) == 85_684


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nonsense", True), ("freeze", 1), ("freeze", "yes"), ("freeze_symbols", "ETHUSDT"),
        ("freeze_symbols", [1]), ("silence_classes", ["spot"]), ("skew_ms", "1"),
        ("skew_ms", True), ("skew_ms", float("nan")), ("life_seconds", -1), ("drift", [0.1]),
        ("drift", {"X": "1"}), ("rest_status", 200), ("rest_status", True), ("close", {}),
        ("close", {"code": 99}), ("handshake_status", {"status": 429, "retry_after": -1}),
        ("volume_spike", {"X": {"factor": 1}}),
    ],
)  # fmt: skip
def test_wrong_faults_are_refused_whole(name: str, value: object) -> None:
    state = FaultState()
    with pytest.raises(FaultError, match=name):
        state.merge({"silence": True, name: value})
    assert state.active == {}


def test_every_fault_says_what_it_does() -> None:
    assert all(fault.effect for fault in FAULTS)


def test_bad_rows_are_json_and_spare_the_good_ones() -> None:
    world = World(default_contracts(seed=1, main=5, tradfi=0), seed=1)
    good = world.mark_row("BTCUSDT", 1_790_000_000_000)
    before, after = poison.bad_rows([good], 1_790_000_000_000)
    rows = [json.loads(text) for text in before + after]
    assert json.loads(good) not in rows
    assert len(rows) > 60
    assert any(isinstance(row, dict) and "p" not in row for row in rows)
    last = rows[-1]
    assert (last["s"], last["E"]) == ("BTCUSDT", 1_790_000_000_000)
    assert last["p"] != json.loads(good)["p"]
