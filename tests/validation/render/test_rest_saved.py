"""REST calls as data."""

from pathlib import Path

from scripts import validate_report
from tests.support.report_days import run
from tests.support.report_world import END, tamper


def test_saved_calls_are_a_sum(world: Path) -> None:
    _, report = run(world)
    span, rest = report["coverage"]["span"], report["rest"]
    assert rest["calls"] == rest["weight"] == 1450
    assert rest["instead_of_five_minutes"]["calls"] == round(30 * span / 300)
    polls = rest["instead_of_polls"]
    assert (polls["saved"], polls["counted"]) == (round(30 * span / 10) - 1450, False)


def test_saved_weight_is_a_sum_and_polls_are_counted_where_they_were_made(world: Path) -> None:
    minute = int(END // 60) - 60
    tamper(
        world,
        "INSERT INTO rest_usage VALUES"
        f" ({minute}, 'watchdog', 'premiumIndex all', 6, 60, 'binance'),"
        f" ({minute}, 'oi_poller', 'openInterest', 5000, 5000, 'binance');",
    )
    _, report = run(world)
    span, rest = report["coverage"]["span"], report["rest"]
    used = 1450 + 60
    assert (rest["price_calls"], rest["price_weight"], rest["weight"]) == (1456, used, used + 5000)
    five = round(30 * span / 300)
    assert rest["instead_of_five_minutes"] == {
        "calls": five, "weight": five, "saved": five - 1456, "saved_weight": five - used,
    }  # fmt: skip
    assert rest["instead_of_polls"] == {
        "calls": 5000, "weight": 5000, "saved": 5000 - 1456, "saved_weight": 5000 - used,
        "counted": True,
    }  # fmt: skip
    for form in ("text", "html"):
        out = world.with_suffix(f".{form}")
        validate_report.main(
            ["--db", str(world), "--format", form, "--out", str(out)], clock=lambda: END
        )
        assert f"{5000 - used:,}" in out.read_text("utf-8")
