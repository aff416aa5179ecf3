"""The history program killed before each of its transactions, from the first contracts to a gap
that stays: another one goes on, and in the end nothing is wrong, twice or lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding.history.worker import Turns
from funding.model.contract import ContractStatus
from funding.store.durable import DurableConnection
from tests.support.history_world import HistoryWorld, hour

NAMES = "BTCUSDT", "ETHUSDT", "OLDUSDT"
GONE = -24
TABLES = (
    "SELECT symbol, funding_time, rate_type, rate, interval_hours FROM funding_rate ORDER BY 1, 2",
    "SELECT symbol, count, mean, deviation, round(coverage, 2) FROM funding_stats ORDER BY symbol",
    "SELECT symbol, after_time, before_time, missing FROM funding_gap ORDER BY 1, 2",
    "SELECT symbol, from_time / 3600000, until_time FROM backfill ORDER BY 1",
    "SELECT symbol, status, funding_interval_hours FROM contract ORDER BY 1",
    "SELECT kind, detail, count FROM event WHERE source = 'history' ORDER BY 1, 2",
)


class Killed(BaseException):
    """The process is gone."""


class Life:
    """Transactions are counted; before number `until` the process is killed, 0 for never."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.until = self.count = 0
        depth = 0
        really = DurableConnection.transaction

        @contextmanager
        def counted(store: DurableConnection) -> Iterator[apsw.Connection]:
            nonlocal depth
            with really(store) as connection:
                depth += 1
                try:
                    yield connection
                finally:
                    depth -= 1
                self.count += not depth
                if self.count == self.until and not depth:
                    raise Killed  # what the transaction has begun is undone, as in a real death

        monkeypatch.setattr(DurableConnection, "transaction", counted)


def a_day(path: Path, life: Life, at_once: bool, until: int = 0) -> tuple[list[list[Any]], int]:
    """What is stored in the end, and how many calls that took."""
    path.parent.mkdir()
    life.until = 0
    with HistoryWorld(path, at_once=at_once, days=3.0) as world:
        world.trade(*NAMES)
        for name in NAMES:
            world.far.settle(name, *(hour(-8 * n) for n in range(9) if -8 * n != GONE))
        world.store.rows("PRAGMA synchronous = off")  # processes die here, machines do not
        with world.store.transaction() as connection:
            connection.execute("DELETE FROM contract")
        life.count, life.until = 0, until
        turns = Turns(world.parts, world.days, world.hand.clock())

        def go(seconds: int, step: float = 1.0) -> None:
            nonlocal turns
            for _ in range(int(seconds / step)):
                try:
                    turns.turn()
                except Killed:
                    turns = Turns(world.parts, world.days, world.hand.clock())
                world.hand.advance(step)

        go(20)
        world.hand.advance(8 * 3_600.0 - 120)
        for name in NAMES[:2]:
            world.far.settle(name, hour(8, 12))
        world.far.listed[2] = world.far.listed[2]._replace(status=ContractStatus.SETTLING)
        world.quote(16, *NAMES)
        go(80, 2.0)
        go(3_700, 60.0)
        assert life.count >= until, "it was killed"
        return [world.rows(statement) for statement in TABLES], len(world.far.calls)


@pytest.mark.parametrize("at_once", [True, False])
def test_killed_before_each_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    """Where the exchange tells of all contracts `at_once`, and where of one at a time."""
    monkeypatch.setattr("funding.history.backfill.FEW", 1)
    life = Life(monkeypatch)
    expected, calls = a_day(tmp_path / "whole" / "funding.db", life, at_once)
    count = life.count
    rates, stats, gaps, *_, events = expected
    assert len(rates) == 2 * 9 + 8
    assert [symbol for symbol, *_ in stats] == list(NAMES)
    assert [missing for *_, missing in gaps] == [1, 1, 1]
    assert [kind for kind, *_ in events] == ["contract", "missed-settlement"]
    assert count > 20
    for number in range(1, count + 1):
        found, more = a_day(tmp_path / str(number) / "funding.db", life, at_once, number)
        assert found == expected, f"killed in transaction {number} of {count}"
        assert more <= 2 * calls
