"""The differences as data: quantiles, the worst pairs and symbols, hours, and skew."""

from typing import Any

from validation.read.differences import Differences, Hour
from validation.read.skews import COARSE_MS
from validation.read.tally import Tally
from validation.rules import FIELDS, INDEX, LARGEST_PCT, MARK, RATE

BUCKETS_PCT = (0.0, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
SYMBOLS_SHOWN = 20


def differences(tally: Tally) -> dict[str, Any]:
    """Quantiles and buckets, of all pairs and of the aligned ones."""
    found: dict[str, Any] = {"limits": list(BUCKETS_PCT)}
    for name, by_field in (("all", tally.everything), ("aligned", tally.aligned)):
        found[name] = {"both": _figures(Differences.of(by_field.values()))}
        found[name] |= {field.value: _figures(by_field[field]) for field in FIELDS}
    return found


def _figures(found: Differences) -> dict[str, Any]:
    return {
        "comparisons": found.many,
        "average": found.average,
        "median": found.quantile(0.5),
        "p95": found.quantile(0.95),
        "p99": found.quantile(0.99),
        "maximum": found.maximum,
        "buckets": found.buckets(BUCKETS_PCT),
    }


def worst(tally: Tally) -> list[dict[str, Any]]:
    return [
        {
            "at": row.at,
            "source": str(row.source),
            "symbol": row.symbol,
            "field": row.field,
            "ws_value": row.ws,
            "rest_value": row.rest,
            "difference": min(difference, LARGEST_PCT),
            "skew_ms": row.skew_ms if isinstance(row.skew_ms, int) else None,
        }
        for difference, _, row in tally.worst.ranked()
    ]


def worst_symbols(tally: Tally) -> list[dict[str, Any]]:
    """The series that differ most on average."""
    differing = [series for series in tally.all_series() if series.unequal]
    differing.sort(key=lambda series: -series.average)
    return [
        {
            "symbol": series.symbol,
            "field": series.field.value,
            "average": series.average,
            "comparisons": series.pairs,
            "unequal": series.unequal,
        }
        for series in differing[:SYMBOLS_SHOWN]
    ]


def hours(tally: Tally) -> list[dict[str, Any]]:
    """Each hour that has comparisons."""
    return [
        {
            "at": tally.calendar.first + number * 3600,
            "price": _hour(tally.hourly.get((number, MARK), Hour())),
            "rate": _hour(tally.hourly.get((number, RATE), Hour())),
            "index": _hour(tally.hourly.get((number, INDEX), Hour())),
        }
        for number in sorted({number for number, _ in tally.hourly})
    ]


def _hour(hour: Hour) -> dict[str, Any]:
    return {
        "comparisons": hour.many,
        "average": hour.average,
        "maximum": hour.maximum,
        "aligned": hour.aligned_many,
        "aligned_maximum": hour.aligned_maximum,
    }


def skew(tally: Tally) -> dict[str, Any]:
    """How far apart the readings are; `different` has the quarter decade of the difference."""
    skews = tally.skews
    return {
        "step_ms": COARSE_MS,
        "median_ms": skews.median_ms(),
        "identical": [list(each) for each in skews.equal()],
        "different": [[step, size, n] for (step, size), n in sorted(skews.different.items())],
    }
