"""The other exchanges' catalogue: see `tests.faults.venues`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.stand_in import stand_in
from tests.faults.conftest import Record
from tests.faults.venues import QUICK, SLOW, Feeds, VenueFault


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Feeds]:
    folder: Path = tmp_path_factory.mktemp("feeds")
    with stand_in(folder) as exchange, Feeds(folder, exchange).running() as made:
        yield made


@pytest.mark.parametrize(
    "fault",
    [*QUICK, *(pytest.param(fault, marks=pytest.mark.faults) for fault in SLOW)],
    ids=str,
)
def test_a_feed_heals_by_itself(feeds: Feeds, record: Record, fault: VenueFault) -> None:
    seen = feeds.prove(fault)
    result = ", ".join(f"{feed} {seconds:.1f} s" for feed, seconds in seen.items())
    record(fault.name, f"fresh ≤ {fault.goal:g} s", result)
