"""Which metrics there are."""

import re

from funding.api.meter import Meter
from funding.api.metric_families import OfProcess, Past, families
from funding.api.metrics import Buckets, Family
from funding.store.metrics_reader import DIFFERENCE_BOUNDS_PCT, Compared

NOTHING = Past((), (), (), (), (), (), 0)
PROCESS = OfProcess("api", 5, {"short": Meter()})
NONE_BELOW = (0,) * len(DIFFERENCE_BOUNDS_PCT)


def by_name(past: Past = NOTHING) -> dict[str, Family]:
    return {each.name: each for each in families({}, 180.0, past, PROCESS)}


def test_names_are_as_prometheus_has_them() -> None:
    found = families({}, 180.0, NOTHING, PROCESS)
    assert len({each.name for each in found}) == len(found)
    for each in found:
        assert re.fullmatch(r"funding(_[a-z]+)+", each.name)
        assert each.text
        assert "_at" not in each.name[-3:]


def test_outcomes_and_differences_of_several_rows_are_one() -> None:
    some = Compared("binance", "mark_price", "match", 3, 2, 0.5, (1, *NONE_BELOW[1:]))
    past = NOTHING._replace(
        compared=[some, some._replace(outcome="mismatch"), some._replace(field="funding_rate")]
    )
    found = by_name(past)
    assert found["funding_comparisons_last_hour"].samples == [
        (("binance", "match"), 6.0),
        (("binance", "mismatch"), 3.0),
    ]
    (_, (key, buckets)) = found["funding_difference_percent"].samples
    assert key == ("binance", "mark_price")
    assert isinstance(buckets, Buckets)
    assert (buckets.below[0], buckets.below[-1]) == ((0.0, 2), (float("inf"), 4))
    assert buckets.total == 1.0


def test_without_anything_stored_there_are_no_samples_of_it() -> None:
    found = by_name()
    assert list(found["funding_symbols"].samples) == []
    assert list(found["funding_posts_waiting"].samples) == [((), 0.0)]
    assert list(found["funding_api_memory_bytes"].samples) == [(("api",), 5.0)]
