"""The catalogue with short settings: see `tests.faults.rows`."""

import pytest

from harness.group import Group
from harness.processes import until
from tests.faults.catalogue import Fault, prove
from tests.faults.conftest import Record
from tests.faults.rows import QUICK, SLOW


@pytest.mark.parametrize(
    "fault",
    [*QUICK, *(pytest.param(fault, marks=pytest.mark.faults) for fault in SLOW)],
    ids=str,
)
def test_a_fault_heals_by_itself(short: Group, record: Record, fault: Fault) -> None:
    fresh, well = prove(short, fault)
    result = f"{fresh:.1f} s" + (f", all well after {well:.1f} s" if fault.replaced else "")
    record(fault.name, f"fresh ≤ {fault.goal:g} s", result)


def test_nothing_is_left_behind(short: Group) -> None:
    """After all of that: no marker, no copy of a socket, one supervisord, six processes."""
    names = {path.name for path in short.database.parent.iterdir()}
    kept = {name for name in names if not name.startswith("funding-damaged-")}
    files = {"funding.db", "funding.db-shm", "funding.db-wal", "funding.db.ingest.lock"}
    sockets = {"api_00.sock", "api_01.sock", "supervisor.sock"}
    assert kept == files | sockets | {"log", "supervisord.pid"}
    until(lambda: short.rows("PRAGMA quick_check") == [("ok",)], "the database is sound")
