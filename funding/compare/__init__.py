"""The stream against REST: two values in, one comparison out; many in, one summary out."""

from funding.compare.pair import (
    ALIGNED_MS,
    FIELDS,
    MATCH_PCT,
    SAME_RATE,
    SIGNIFICANT_PCT,
    SMALLEST_RATE,
    Comparison,
    Pair,
    alarms,
    compare,
    compare_all,
    control,
    difference_pct,
    outcome,
)
from funding.compare.report import Round, as_data, as_text
from funding.compare.summary import Summary, summarise

__all__ = [
    "ALIGNED_MS",
    "FIELDS",
    "MATCH_PCT",
    "SAME_RATE",
    "SIGNIFICANT_PCT",
    "SMALLEST_RATE",
    "Comparison",
    "Pair",
    "Round",
    "Summary",
    "alarms",
    "as_data",
    "as_text",
    "compare",
    "compare_all",
    "control",
    "difference_pct",
    "outcome",
    "summarise",
]
