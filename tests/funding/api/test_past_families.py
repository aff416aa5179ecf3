"""The metrics of what changes slowly."""

from funding.api.metrics import Buckets, Family
from funding.api.past_families import Past, families
from funding.model.verdict import GO, Verdict
from funding.store.metrics_reader import DIFFERENCE_BOUNDS_PCT, Compared, RestUsed
from funding.store.overview_reader import Saved, Started

NOTHING = Past((), (), (), (), (), (), 0)
NONE_BELOW = (0,) * len(DIFFERENCE_BOUNDS_PCT)


def by_name(past: Past) -> dict[str, Family]:
    return {each.name: each for each in families(past)}


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


def test_programs_rest_and_verdicts_by_name() -> None:
    past = NOTHING._replace(
        starts=[Started("funding:ingest", 7.0)],
        ends=[("funding:ingest", "crash", 2)],
        rest=[RestUsed("binance", 30, 300, 11)],
        saved=[Saved("2026-11-28", "binance", 30, 300, 900, 9_000)],
        verdicts=[Verdict("binance", 5.0, GO, 5.0), Verdict("kucoin", 6.0, "NO-GO")],
        waiting_posts=3,
    )
    found = {name: list(each.samples) for name, each in by_name(past).items()}
    assert found["funding_program_started_timestamp_seconds"] == [(("funding:ingest",), 7.0)]
    assert found["funding_program_ends_last_day"] == [(("funding:ingest", "crash"), 2.0)]
    assert found["funding_rest_weight_last_minute"] == [(("binance",), 11.0)]
    assert found["funding_rest_weight_today"] == [(("binance",), 300.0)]
    assert found["funding_rest_calls_today"] == [(("binance",), 30.0)]
    assert found["funding_rest_weight_saved_today"] == [(("binance",), 9_000.0)]
    assert found["funding_validation_go"] == [(("binance",), 1.0), (("kucoin",), 0.0)]
    assert found["funding_validation_timestamp_seconds"] == [
        (("binance",), 5.0),
        (("kucoin",), 6.0),
    ]
    lapses = found["funding_validation_lapses_timestamp_seconds"]
    assert lapses == [(("binance",), past.verdicts[0].lapses_at), (("kucoin",), None)]
    assert found["funding_posts_waiting"] == [((), 3)]
