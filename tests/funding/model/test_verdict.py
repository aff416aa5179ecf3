"""What a verdict is worth as it grows older."""

import pytest

from funding.model.verdict import DAY_SECONDS, GO_SECONDS, Standing, Verdict

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("days", "standing", "warning"),
    [
        (0.0, Standing.GO, ""),
        (4.9, Standing.GO, ""),
        (5.0, Standing.LAPSING, "the GO of binance lapses in 2.0 days"),
        (6.9, Standing.LAPSING, "the GO of binance lapses in 0.1 days"),
        (7.0, Standing.LAPSED, "the GO of binance lapsed at 2027-01-15T08:00:00Z"),
    ],
)
def test_a_go_ends_by_its_age(days: float, standing: Standing, warning: str) -> None:
    at = NOW - days * DAY_SECONDS
    verdict = Verdict("binance", at, "GO", at)
    assert verdict.standing(NOW) is standing
    assert verdict.warning(NOW).startswith(warning)
    assert bool(verdict.warning(NOW)) == bool(warning)
    assert verdict.lapses_at == at + GO_SECONDS


def test_a_go_is_lost_once_whatever_follows() -> None:
    assert Verdict("binance", NOW, "NO-GO").lost_at(NOW) is None, "there never was one"
    assert Verdict("binance", NOW, "GO", NOW).lost_at(NOW) is None
    assert Verdict("binance", NOW, "GO", NOW).lost_at(NOW + GO_SECONDS) == NOW + GO_SECONDS
    assert Verdict("binance", NOW + 5, "NO-GO", NOW).lost_at(NOW + 9) == NOW + 5
    late = Verdict("binance", NOW + GO_SECONDS + 5, "NO-GO", NOW)
    assert late.lost_at(late.at) == NOW + GO_SECONDS, "it had lapsed before"
    assert late.standing(late.at) is Standing.NO_GO
    assert late.warning(late.at) == ""
