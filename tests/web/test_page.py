"""The page in a browser, over a real API and a store that goes on being written."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.page_scene import FILLER, NAMED, Scene

COUNTS = {name: FILLER[name] + len(NAMED[name]) for name in NAMED}
SYMBOLS = sum(COUNTS.values())
FILLERS = sum(FILLER.values())


def column(page: Page, name: str) -> int:
    """The place of the column whose header contains `name`."""
    headers = page.locator("#table thead th").all_inner_texts()
    return next(at for at, text in enumerate(headers) if name in text)


def link(page: Page, symbol: str) -> Locator:
    """The symbol's name in the table of all symbols."""
    return page.locator("#table").get_by_role("link", name=symbol, exact=True)


def cell(page: Page, symbol: str, name: str) -> Locator:
    row = page.locator("#table tbody tr", has=page.get_by_role("link", name=symbol, exact=True))
    return row.locator("th, td").nth(column(page, name))


def search(page: Page, text: str) -> None:
    page.locator("#filters [name=search]").fill(text)


def test_status_feeds_and_every_symbol(page: Page) -> None:
    expect(page.locator("#status-word")).to_have_text("All is well")
    expect(page.locator("#feeds li")).to_have_count(2)
    expect(page.locator("#feeds li").first).to_contain_text(f"{COUNTS['binance']:,} trading")
    expect(page.locator("#shown")).to_have_text(f"{SYMBOLS:,}")
    expect(page.locator("#table")).to_have_attribute("aria-rowcount", str(SYMBOLS + 1))
    for badge in page.locator("#overview [data-badge]").all():
        expect(badge).to_have_text("live")
    assert page.locator("#table tbody tr").count() < 100  # only those in sight exist


WATCH = """() => {
    window.flashes = [];
    const note = changes => flashes.push(...changes.map(each => each.target.className));
    new MutationObserver(note).observe(document.getElementById("table"),
        { subtree: true, attributeFilter: ["class"] });
}"""
"""A flash is over sooner than a test on a busy machine may look."""


def test_values_change_and_flash(page: Page, scene: Scene) -> None:
    search(page, "BTCUSDT")
    mark = cell(page, "BTCUSDT", "Mark price")
    expect(mark).to_contain_text("91,897.50")
    page.evaluate(WATCH)
    try:
        for price, text, direction in (
            (92_001.25, "92,001.25", "flash-up"),
            (91_000.5, "91,000.50", "flash-down"),
        ):
            scene.marks["BTCUSDT"] = price
            expect(mark).to_contain_text(text)
            assert any(direction in each for each in page.evaluate("flashes"))
    finally:
        del scene.marks["BTCUSDT"]


def test_sorting_by_mouse_and_keyboard(page: Page) -> None:
    header = page.locator("#table thead th").nth(column(page, "Rate, %"))
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#table tbody a.symbol").first).to_have_text("TINYUSDT")
    header.get_by_role("button").press("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("#table tbody a.symbol").first).to_have_text("ETHUSDT")
    # What is not known comes last, whatever the order.
    page.locator("#grid").evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
    expect(link(page, "NORATEUSDT")).to_be_visible()


def test_scrolling_shows_the_last_rows(page: Page) -> None:
    page.locator("#table thead button", has_text="Symbol").click()
    expect(page.locator("#table tbody a.symbol").first).to_have_text("BTCUSDT")
    page.locator("#grid").evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
    last = page.locator(
        "#table tbody tr", has=page.get_by_role("link", name="XBT_USDC_PERP", exact=True)
    )
    expect(last).to_have_attribute("aria-rowindex", str(SYMBOLS + 1))


def test_search_and_filters(page: Page) -> None:
    search(page, "btc")
    expect(page.locator("#shown")).to_have_text(f"2 of {SYMBOLS:,}")  # XBT_USDC_PERP by its asset
    page.locator("#filters [name=exchange]").select_option("backpack")
    expect(page.locator("#shown")).to_have_text(f"1 of {SYMBOLS:,}")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#shown")).to_have_text(f"{SYMBOLS:,}")
    for name, value, wanted in (
        ("quote", "USDC", f"{FILLERS:,} of {SYMBOLS:,}"),
        ("kind", "dated", f"1 of {SYMBOLS:,}"),
        ("zone", "extreme", f"1 of {SYMBOLS:,}"),
        ("zone", "none", f"2 of {SYMBOLS:,}"),
    ):
        page.locator(f"#filters [name={name}]").select_option(value)
        expect(page.locator("#shown")).to_have_text(wanted)
        page.get_by_role("button", name="Clear").click()


def test_one_unit_for_the_whole_page_named_in_each_header(page: Page) -> None:
    search(page, "BTCUSDT")
    rate = cell(page, "BTCUSDT", "Rate, %")
    expect(rate).to_contain_text("0.0100")
    for label, shown in (("per hour", "0.00125"), ("per 8 h", "0.0100"), ("per year", "10.95")):
        page.get_by_role("radio", name=label).check()
        expect(page.locator("#table thead")).to_contain_text(f"Rate, % {label}")
        expect(page.locator("#extremes thead").first).to_contain_text(f"% {label}")
        expect(page.locator("#signals thead")).to_contain_text(f"% {label}")
        expect(page.locator("#spreads thead")).to_contain_text(f"Spread, % {label}")
        expect(rate).to_contain_text(shown)
    page.reload()
    expect(page.locator("#table thead")).to_contain_text("Rate, % per year")
    calendar = page.locator("#calendar")
    expect(calendar.locator("thead")).to_contain_text("Longs pay most, % per year")
    highest = calendar.locator("tbody tr").first.locator("td").nth(4)
    expect(highest).to_have_attribute("title", re.compile("charged .* % of the position"))


def test_unknown_is_no_zero_and_small_rates_are_not_zero(page: Page) -> None:
    search(page, "norate")
    for name in ("Rate, %", "Annualised", "Z-score"):
        unknown = cell(page, "NORATEUSDT", name)
        expect(unknown).to_have_text("–")
        assert "no funding" in (unknown.get_attribute("title") or "")
    search(page, "eth")
    expect(cell(page, "ETHUSDT", "Rate, %")).to_contain_text("−0.00000123")


def test_what_is_shown_is_saved_as_csv(page: Page, tmp_path: Path) -> None:
    search(page, "btc")
    expect(page.locator("#shown")).to_contain_text("2 of")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert {row["symbol"] for row in rows} == {"BTCUSDT", "XBT_USDC_PERP"}
    (one,) = (row for row in rows if row["symbol"] == "BTCUSDT")
    assert float(one["fundingRatePct per interval"]) == pytest.approx(0.01)
    assert (one["baseAsset"], one["quoteAsset"], one["class"]) == ("BTC", "USDT", "perpetual")


def test_signals_events_and_settlements_come_by_themselves(page: Page, scene: Scene) -> None:
    scene.signal("TINYUSDT")
    expect(page.locator("#signal-rows tr").first).to_contain_text("TINYUSDT")
    scene.event("watchdog", "restart", "the page was looked at")
    expect(page.locator("#event-rows tr").first).to_contain_text("the page was looked at")
    scene.event("ingest", "stall", "another thing")
    page.locator("#event-filters [name=kind]").select_option("stall")
    expect(page.locator("#event-rows tr")).to_have_count(1)
    first = page.locator("#settlements tr").first
    expect(first).to_contain_text("TINYUSDT")
    expect(first).to_contain_text(f"{COUNTS['binance'] - 2:,}")


def test_spreads_break_even_at_the_users_cost_which_is_remembered(page: Page) -> None:
    row = page.locator("#spread-rows tr").first
    expect(row).to_contain_text("XBT_USDC_PERP")
    cost = page.locator("#cost-form input")
    cost.fill("9")
    # 0.03 % per 8 hours between the two: 9 bp are earned in one day.
    expect(row).to_contain_text("1.0 days")
    cost.fill("18")
    expect(row).to_contain_text("2.0 days")
    page.reload()
    expect(page.locator("#cost-form input")).to_have_value("18")
    expect(row).to_contain_text("2.0 days")
    cost.fill("")  # no cost was entered, which is not a cost of zero
    expect(row).not_to_contain_text("days")
    page.reload()
    expect(row).to_contain_text("XBT_USDC_PERP")
    expect(row).not_to_contain_text("days")


def test_silent_feed_is_told_and_its_return_too(page: Page, scene: Scene) -> None:
    scene.silent.add("backpack")
    try:
        expect(page.locator("#pill-word")).to_have_text("Degraded")
        expect(page.locator("#reasons")).to_contain_text("Backpack")
        expect(page.locator("#symbols .badge")).to_contain_text("Backpack")
        page.locator("#filters [name=exchange]").select_option("binance")
        expect(page.locator("#symbols .badge")).to_have_text("live")  # Backpack is not in it
    finally:
        scene.silent.clear()
    expect(page.locator("#pill-word")).to_have_text("All is well")
