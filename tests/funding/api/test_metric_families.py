"""Which metrics there are."""

import re

from funding.api.meter import Meter
from funding.api.metric_families import OfProcess, families
from funding.api.metrics import Family
from funding.api.past_families import Past

NOTHING = Past((), (), (), (), (), (), 0)
PROCESS = OfProcess("api", 5, {"short": Meter()})


def by_name(past: Past = NOTHING) -> dict[str, Family]:
    return {each.name: each for each in families({}, 180.0, past, PROCESS)}


def test_names_are_as_prometheus_has_them() -> None:
    found = families({}, 180.0, NOTHING, PROCESS)
    assert len({each.name for each in found}) == len(found)
    for each in found:
        assert re.fullmatch(r"funding(_[a-z]+)+", each.name)
        assert each.text
        assert "_at" not in each.name[-3:]


def test_without_anything_stored_there_are_no_samples_of_it() -> None:
    found = by_name()
    assert list(found["funding_symbols"].samples) == []
    assert list(found["funding_posts_waiting"].samples) == [((), 0.0)]
    assert list(found["funding_api_memory_bytes"].samples) == [(("api",), 5.0)]
