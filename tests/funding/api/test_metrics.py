"""Metrics as Prometheus reads them."""

from math import inf

from prometheus_client.parser import text_string_to_metric_families

from funding.api.metrics import CONTENT_TYPE, Buckets, Family, Kind, exposition


def test_every_kind_of_metric() -> None:
    below = Buckets([(0.5, 1), (inf, 3)], 7.5)
    text = exposition(
        [
            Family(Kind.GAUGE, "g", "a state", ["x"], [(["1"], 2.0), (["gone"], None)]),
            Family(Kind.COUNTER, "c", "a count", [], [([], 5)]),
            Family(Kind.HISTOGRAM, "h", "durations", ["x"], [(['say "1"\n'], below)]),
            Family(Kind.GAUGE_HISTOGRAM, "d", "differences", [], [([], below)]),
            Family(Kind.GAUGE, "none", "without samples", ["x"], []),
        ]
    ).decode()
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found == {
        ("g", "1"): 2.0,
        ("c_total",): 5.0,
        ("h_bucket", "0.5", 'say "1"\n'): 1.0,
        ("h_bucket", "+Inf", 'say "1"\n'): 3.0,
        ("h_count", 'say "1"\n'): 3.0,
        ("h_sum", 'say "1"\n'): 7.5,
        ("d_bucket", "0.5"): 1.0,
        ("d_bucket", "+Inf"): 3.0,
        ("d_gcount",): 3.0,
        ("d_gsum",): 7.5,
    }
    assert "# HELP g a state" in text


def test_it_is_text() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=")
