"""The page's rules, without a clock of their own: its modules are called in the browser."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.page_scene import Scene

FEED = {"exchange": "kucoin", "status": "healthy", "reasons": []}


@pytest.fixture(scope="module")
def page(browser: Browser, scene: Scene) -> Page:
    """The page, loaded once."""
    made = browser.new_page()
    made.goto(scene.address)
    return made


def call(page: Page, module: str, expression: str, *values: Any) -> Any:
    """What `expression` gives, which knows what `module` exports as `m`, and `values` as `v`."""
    script = f"async v => {{ const m = await import('/web/js/{module}.js'); return {expression}; }}"
    return page.evaluate(script, list(values))


def judged(page: Page, answer: object, silence: float, **ages: float | None) -> Any:
    return call(page, "freshness", "m.verdict(v[0], v[1], v[2])", answer, silence, ages)


def test_a_gap_shows_after_three_seconds_and_recovery_at_once(page: Page) -> None:
    answer = {"exchanges": [FEED]}
    assert judged(page, answer, 0.2, kucoin=2.9)["word"] == "All is well"
    late = judged(page, answer, 0.2, kucoin=3.0)
    assert (late["word"], late["level"]) == ("Degraded", "warning")
    assert late["reasons"] == ["KuCoin: no new quote for 3 s"]
    assert judged(page, answer, 0.2, kucoin=0.1)["word"] == "All is well"


def test_disconnection_shows_within_five_seconds_whatever_was_said_last(page: Page) -> None:
    answer = {"exchanges": [FEED]}
    assert judged(page, answer, 2.9, kucoin=2.9)["word"] == "All is well"
    gone = judged(page, answer, 3.0, kucoin=3.0)
    assert (gone["word"], gone["level"]) == ("No answer", "bad")
    assert "3 s" in gone["reasons"][0]


def test_a_service_without_a_store_says_so_itself(page: Page) -> None:
    refusal = {"error": "not ready", "reasons": ["no quotes are stored yet"]}
    found = call(page, "freshness", "m.verdict(null, 4, {}, v[0])", refusal)
    assert (found["word"], found["reasons"]) == ("Not ready", ["no quotes are stored yet"])


def test_the_verdict_of_the_service_is_told_with_its_reasons(page: Page) -> None:
    sick = {"exchange": "binance", "status": "unhealthy", "reasons": ["no frame for 7 s"]}
    both = judged(page, {"exchanges": [sick, FEED]}, 0.1, binance=1, kucoin=1)
    assert (both["word"], both["reasons"]) == ("Degraded", ["Binance: no frame for 7 s"])
    assert judged(page, {"exchanges": [sick]}, 0.1, binance=1)["word"] == "Unhealthy"
    assert judged(page, None, 0.1)["word"] == "Loading"
    assert judged(page, {"exchanges": [FEED]}, 0.1, kucoin=None)["word"] == "Degraded"


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"silence": 0.1, "answer": 0.1, "feed": ["binance", 0.5]}, "live"),
        ({"silence": 0.1, "answer": 0.1, "feed": ["binance", 2.9]}, "live"),
        ({"silence": 0.1, "answer": 0.1, "feed": ["binance", 3.0]}, "Binance: 3.0 s old"),
        ({"silence": 0.1, "answer": 0.1, "feed": ["binance", None]}, "Binance: no data"),
        ({"silence": 4.0, "answer": 4.0, "feed": ["binance", 4.0]}, "no answer for 4.0 s"),
        ({"silence": 0.1, "answer": 9.0, "every": 5}, "9.0 s old"),
        ({"silence": 0.1, "answer": 7.0, "every": 5}, "live"),
    ],
)
def test_badge_is_live_over_new_numbers_alone(page: Page, facts: object, text: str) -> None:
    assert call(page, "blocks/parts", "m.badgeOf(v[0])", facts)["text"] == text
    waiting = call(page, "blocks/parts", "m.badgeOf({silence: 0.1})")
    assert waiting["text"] == "loading"


def test_clock_knows_that_the_machine_slept(page: Page) -> None:
    script = """(() => {
        let [mono, wall] = [100, 5000];
        const clock = new m.Clock(() => mono, () => wall);
        const begun = clock.now();
        mono += 1; wall += 61;
        const slept = clock.now() - begun;
        mono += 1; wall += 1;
        return [slept, clock.now() - begun];
    })()"""
    assert call(page, "clock", script) == [61, 62]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("m.percent(0.0001)", "0.000100"),
        ("m.percent(0.01)", "0.0100"),
        ("m.percent(-1.23e-6)", "−0.00000123"),
        ("m.percent(3e-10)", "3.0e−10"),
        ("m.percent(0)", "0.0000"),
        ("m.percent(null)", "–"),
        ("m.price(91897.674)", "91,897.67"),
        ("m.price(0.00004466)", "0.000044660"),
        ("m.price(null)", "–"),
        ("m.age(0.84)", "0.8 s"),
        ("m.age(75)", "75 s"),
        ("m.age(7200)", "2.0 h"),
        ("m.age(null)", "–"),
        ("m.countdown(3599.9)", "59:59"),
        ("m.countdown(90061)", "1 d 01:01"),
        ("m.countdown(-1)", "now"),
        ("m.instant(1764725610)", "2025-12-03 01:33:30"),
    ],
)
def test_numbers_and_times_as_people_read_them(page: Page, expression: str, text: str) -> None:
    assert call(page, "format", expression) == text


def test_rates_in_each_unit(page: Page) -> None:
    for unit, wanted in (("interval", 0.08), ("hour", 0.01), ("eight", 0.08), ("year", 87.6)):
        assert call(page, "units", f"m.inUnit(0.0008, 8, '{unit}')") == pytest.approx(wanted)
    assert call(page, "units", "m.inUnit(0.0008, null, 'interval')") == pytest.approx(0.08)
    assert call(page, "units", "m.inUnit(0.0008, null, 'hour')") is None
    assert call(page, "units", "m.inUnit(null, 8, 'interval')") is None


def test_settlement_has_its_ends_in_the_unit_of_the_page(page: Page) -> None:
    def row(symbol: str, rate: float, hours: int | None) -> dict[str, Any]:
        return {
            "symbol": symbol, "exchange": "binance", "status": "TRADING", "fundingRate": rate,
            "fundingIntervalHours": hours, "nextFundingTime": 7_200_000,
        }  # fmt: skip

    rows = [row("A", 0.0008, 8), row("B", 0.0003, 1), row("C", 0.009, None), row("D", -0.0001, 8)]
    groups = call(page, "blocks/calendar", "m.settlements(v[0], 60)", rows)
    assert [(each["at"], len(each["rows"])) for each in groups] == [(7_200, 4)]

    def ends(unit: str, *of: dict[str, Any]) -> str:
        found = call(page, "blocks/calendar", "m.ends(v[0], v[1])", list(of) or rows, unit)
        return "".join(each["symbol"] for each in found)

    assert [ends("interval"), ends("year")] == ["CD", "BD"]
    assert ends("hour", rows[2]) == "CC"


def test_unknown_values_sort_last_in_both_directions(page: Page) -> None:
    rows = [{"key": key, "z": z} for key, z in (("a", None), ("b", 1), ("c", -2), ("d", 1))]
    for descending, wanted in ((True, "bdca"), (False, "cbda")):
        ordered = call(page, "rows", "m.sorted(v[0], row => row.z, v[1])", rows, descending)
        assert "".join(row["key"] for row in ordered) == wanted


def test_csv_quotes_and_starts_no_formula(page: Page) -> None:
    rows = [['x,"y', None], ["=1+1", -0.5]]
    text = call(page, "csv", "m.csv(['a', 'b'], v[0])", rows)
    assert text == 'a,b\r\n"x,""y",\r\n\'=1+1,-0.5\r\n'


def test_days_until_a_spread_has_paid_its_cost(page: Page) -> None:
    days = "m.breakEvenDays(v[0], v[1])"
    assert call(page, "blocks/spreads", days, 0.0001, 24) == pytest.approx(1.0)
    assert call(page, "blocks/spreads", days, -0.0001, 24) is None
    assert call(page, "blocks/spreads", days, 0, 24) is None


def test_sum_of_settled_rates_says_when_it_is_not_whole(page: Page) -> None:
    now = 1_764_725_610
    data = [{"fundingTime": (now - hours * 3600) * 1000, "fundingRate": 0.001} for hours in (30, 2)]
    history = {"data": data, "gaps": [], "askedFrom": (now - 2 * 86_400) * 1000}
    found = call(page, "settled", "m.cumulative(v[0], v[1])", history, now)
    assert [each["count"] for each in found] == [1, 2, 2, 2]
    assert [each["whole"] for each in found] == [True, False, False, False]
    assert found[1]["rate"] == pytest.approx(0.002)
    for hours, passed, whole in ((1, 3599, False), (1, 60, True), (2, 3599, True)):
        row = {"nextFundingTime": (now + 3600 - passed) * 1000, "fundingIntervalHours": hours}
        (day, *_) = call(page, "settled", "m.cumulative(v[0], v[1], v[2])", history, now, row)
        assert day["whole"] == whole, (hours, passed)
    history["gaps"] = [{"beforeTime": (now - 3600) * 1000, "missing": 1}]
    assert not call(page, "settled", "m.cumulative(v[0], v[1])", history, now)[0]["whole"]


def test_missing_bars_break_the_line(page: Page) -> None:
    bars = [{"start": 0, "close": 1}, {"start": 60, "close": 2}, {"start": 300, "close": 3}]
    found = call(page, "settled", "m.withGaps(v[0], 60)", bars)
    assert [(each["start"], each["close"]) for each in found][2] == (120, None)
    assert len(found) == 4


def test_rate_beyond_the_caps_has_no_rank(page: Page) -> None:
    by = "m.COLUMNS.find((each) => each.name === 'annualizedPct').by(v[0])"
    for rate, interval, is_ranked in ((0.32, 8, True), (0.33, 8, False), (-0.05, 1, False)):
        row = {"fundingRate": rate, "fundingIntervalHours": interval}
        assert (call(page, "columns", by, row) is not None) == is_ranked
