"""The report as data: the keys that others read."""

import json
from pathlib import Path

from tests.support.report_days import run

KEYS = {
    "coverage": "since until first last span gaps gaps_total longest_gap known expected compared"
    " not_compared only_rest only_stream cells cells_compared settlements",
    "totals": "all by_field by_source unequal beyond_lag controls controls_missed",
    "differences": "limits all aligned",
    "skew": "step_ms median_ms identical different",
    "availability": "recorded seconds unobserved data api",
    "events": "counts crashes shown",
    "rest": "calls weight used price_calls price_weight instead_of_five_minutes instead_of_polls",
}
LISTS = {
    "criteria": "group name figure wanted passed too_early",
    "worst": "at source symbol field ws_value rest_value difference skew_ms",
    "worst_symbols": "symbol field average comparisons unequal",
    "hours": "at price rate index",
}


def test_report_has_the_keys_that_others_read(world: Path) -> None:
    _, report = run(world)
    assert list(report) == [
        *("verdict", "at", "exchange", "criteria", "failures", "go_possible", "warnings"),
        *(
            "coverage",
            "totals",
            "differences",
            "worst",
            "worst_symbols",
            "hours",
            "skew",
            "availability",
            "events",
            "rest",
        ),
    ]
    for name, keys in KEYS.items():
        assert list(report[name]) == keys.split(), name
    for name, keys in LISTS.items():
        if name == "worst_symbols":
            continue  # nothing differs on a fair day
        assert list(report[name][0]) == keys.split(), name
    assert set(report["totals"]["by_field"]) == {"mark_price", "funding_rate", "index_price"}
    assert list(report["totals"]["all"]) == ["total", "match", "mismatch", "significant"]


def test_parts_add_up(world: Path) -> None:
    _, report = run(world)
    totals = report["totals"]
    for parts in (totals["by_field"], totals["by_source"]):
        for kind, many in totals["all"].items():
            assert sum(part[kind] for part in parts.values()) == many
    for which in ("all", "aligned"):
        for found in report["differences"][which].values():
            assert sum(found["buckets"]) == found["comparisons"]
    pairs = sum(
        hour[kind]["comparisons"] for hour in report["hours"] for kind in ("price", "rate", "index")
    )
    assert pairs == report["differences"]["all"]["both"]["comparisons"]
    skew = report["skew"]
    assert sum(each[-1] for each in skew["identical"] + skew["different"]) == pairs


def test_hostile_values_are_still_json(hostile: Path) -> None:
    code, report = run(hostile)
    assert code == 1
    json.dumps(report, allow_nan=False)
    keys = "text advice criteria begin end goes_on times last"
    assert list(report["failures"][0]) == keys.split()
    assert any("<script>" in each["symbol"] for each in report["worst"])
