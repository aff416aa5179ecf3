"""A day of the exchange as it was recorded: contracts that settle, marks that stand still, symbols
that it does not list."""

import json
import math
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.report_days import Report, failed, run
from tests.support.report_world import HOUR, Row, store, tamper

Reply = dict[str, Any]
BEFORE, AFTER = "premiumIndex_full_2026-07-03T0511Z", "premiumIndex_full_2026-07-04T1556Z"
EVERY = 1_200.0
SPAN = 24.5 * HOUR


class Universe:
    """The recorded replies, and prices that walk from the earlier of them to the later."""

    def __init__(self, folder: Path) -> None:
        def read(name: str) -> Any:
            return json.loads((folder / f"{name}.json").read_text("utf-8"))

        self.before: dict[str, Reply] = {each["symbol"]: each for each in read(BEFORE)}
        self.after: dict[str, Reply] = {each["symbol"]: each for each in read(AFTER)}
        self.contracts: list[Reply] = read("exchangeInfo_full_2026-07-08")["symbols"]
        self.hours = {
            each["symbol"]: each["fundingIntervalHours"]
            for each in read("fundingInfo_full_2026-07-04")
        }
        self.end: float = max(each["time"] for each in self.after.values()) // 1000 + 1.0
        self.draw = random.Random(1)

    def value(self, symbol: str, name: str, at: float) -> float:
        """Between the two replies in the logarithm, with noise where it moved."""
        last = float(self.after[symbol][name])
        first = float(self.before.get(symbol, self.after[symbol])[name])
        if first == last:
            return last
        share = (self.end - at) / (35 * HOUR)
        noise = self.draw.gauss(0, 2e-3) * math.sqrt(share)
        return round(last * math.exp(share * math.log(first / last) + noise), 8)

    def rate(self, symbol: str, at: float) -> float | None:
        """On the line between the two replies."""
        reply = self.after[symbol]
        if not reply["nextFundingTime"]:
            return None
        last = float(reply["lastFundingRate"])
        first = float(self.before.get(symbol, reply)["lastFundingRate"])
        return round(last + (first - last) * (self.end - at) / (35 * HOUR), 8)

    def rows(self, symbol: str, at: float, source: str = "watchdog") -> list[Row]:
        mark, index = (self.value(symbol, name, at) for name in ("markPrice", "indexPrice"))
        rate, factor = self.rate(symbol, at), 1.02 if source == "control" else 1.0
        theirs = None if rate is None else rate + (factor - 1) / 40
        time = int(at - 1) * 1000 + self.after[symbol]["time"] % 1000
        head, tail = (at, source, "binance", symbol), (0, time, 0)
        return [
            (*head, "mark_price", mark, mark * factor, *tail),
            (*head, "funding_rate", rate, theirs, *tail),
            (*head, "index_price", index, index * factor, *tail),
        ]

    def build(self, path: Path) -> None:
        begin, rows = self.end - SPAN, []
        jobs = [(begin + n * 60, "one") for n in range(int(SPAN / 60))]
        jobs += [(begin + 5 + n * EVERY, "all") for n in range(int(SPAN / EVERY))]
        jobs += [(begin + 900 + n * HOUR, "control") for n in range(24)]
        for at, kind in sorted(jobs):
            source = "control" if kind == "control" else "watchdog"
            for symbol in self.after if kind == "all" else ["BTCUSDT"]:
                rows += self.rows(symbol, at, source)
        store(path, rows, list(map(self.quote, self.after)), begin, self.end)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DELETE FROM contract")
            connection.executemany(
                "INSERT INTO contract (exchange, symbol, status, contract_type, base_asset,"
                " quote_asset, multiplier, checked_at) VALUES ('binance', ?, ?, ?, '', '', 1, ?)",
                [
                    (c["symbol"], c["status"].split("_")[0], c["contractType"], self.end - 60)
                    for c in self.contracts
                ],
            )

    def quote(self, symbol: str) -> tuple[object, ...]:
        reply = self.after[symbol]
        mark, index = float(reply["markPrice"]), float(reply["indexPrice"])
        settles = reply["nextFundingTime"] or None
        hours = self.hours.get(symbol, 8) if settles else None
        rate = self.rate(symbol, self.end)
        return (symbol, mark, index, rate, settles, hours, reply["time"], self.end - 0.5)


@pytest.fixture(scope="module")
def built(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Universe]:
    path = tmp_path_factory.mktemp("recorded") / "funding.db"
    universe = Universe(recorded / "binance")
    universe.build(path)
    return path, universe


def judged(path: Path, universe: Universe) -> Report:
    return run(path, "--no-store", now=universe.end)[1]


def test_recorded_universe_is_as_mixed_as_it_is_said_to_be(recorded: Path) -> None:
    universe = Universe(recorded / "binance")
    settling = {c["symbol"] for c in universe.contracts if c["status"] == "SETTLING"}
    listed = {c["symbol"] for c in universe.contracts}
    still = {
        symbol
        for symbol in settling
        if universe.before[symbol]["markPrice"] == universe.after[symbol]["markPrice"]
    }
    rolling = [s for s in settling if universe.after[s]["nextFundingTime"] > universe.end * 1000]
    assert (len(settling), len(still), len(rolling)) == (123, 85, 97)
    assert len(universe.after.keys() - listed) == 3


def test_recorded_universe_says_go(built: tuple[Path, Universe]) -> None:
    report = judged(*built)
    assert failed(report) == set()
    text = "compared, but not in the exchange's list of contracts: 3: EOSUSDT, FRONTUSDT, MATICUSDT"
    assert text in report["warnings"]


def test_settling_contracts_are_not_those_that_are_missing(built: tuple[Path, Universe]) -> None:
    path, universe = built
    spoilt = path.with_name("spoilt.db")
    spoilt.write_bytes(path.read_bytes())
    tamper(
        spoilt,
        "UPDATE comparison SET rest_value = NULL WHERE symbol = 'ARBUSDC' AND source <> 'control';",
    )
    assert "on one side only" in failed(judged(spoilt, universe))


def test_recorded_universe_without_the_list_is_judged_by_what_was_seen(
    built: tuple[Path, Universe],
) -> None:
    path, universe = built
    older = path.with_name("older.db")
    older.write_bytes(path.read_bytes())
    tamper(older, "DELETE FROM contract;")
    report = judged(older, universe)
    assert failed(report) == set()
    assert any("list of contracts is not known" in each for each in report["warnings"])
