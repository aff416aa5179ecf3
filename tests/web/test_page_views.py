"""The page for other eyes and at other times: in the dark, on a phone, one symbol, no service."""

import urllib.request
from contextlib import ExitStack

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from funding.api.broadcaster import MAX_READERS
from tests.support.page_scene import FILLER, NAMED, Scene, served


def serious(page: Page, *rules: str) -> list[str]:
    """What axe-core finds that is serious, by all its rules or by these."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    context = {"exclude": [["tbody tr:nth-child(n+4)"]]}  # further rows are like the first ones
    found = Axe().run(page, context, options).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(
    ("dark", "rules"), [(False, ()), (True, ("color-contrast",))], ids=["light", "dark"]
)
def test_nothing_serious_for_those_who_cannot_see_it(
    browser: Browser, scene: Scene, dark: bool, rules: tuple[str, ...]
) -> None:
    scene.signal("TINYUSDT")
    page = browser.new_page(color_scheme="dark" if dark else "light")
    page.goto(scene.address)
    expect(page.locator("#signal-rows tr").first).to_contain_text("TINYUSDT")
    expect(page.locator("#spread-rows tr").first).to_contain_text("XBT_USDC_PERP")
    assert serious(page, *rules) == []
    page.goto(f"{scene.address}#/binance/BTCUSDT")
    expect(page.locator("#comparisons tr")).to_have_count(5)
    assert serious(page, *rules) == []
    page.close()


def test_phone(browser: Browser, scene: Scene) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(scene.address)
    expect(page.locator("#pill-word")).to_have_text("All is well")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{scene.address}#/binance/BTCUSDT")
    expect(page.locator("#comparisons tr")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_table_fits_on_a_phone(browser: Browser, scene: Scene) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(scene.address)
    expect(page.locator("#pill-word")).to_have_text("All is well")
    many = sum(FILLER.values()) + sum(map(len, NAMED.values()))
    expect(page.locator("#shown")).to_have_text(f"{many:,}")
    first = page.locator("#table tbody tr:not(.spacer)").first
    expect(first.locator("th, td").filter(visible=True)).to_have_count(4)
    expect(first.locator("th")).to_contain_text("Binance")
    grid = page.locator("#grid")
    assert grid.evaluate("each => each.scrollWidth - each.clientWidth") == 0
    assert first.evaluate("each => each.offsetHeight") == 42
    grid.evaluate("each => each.scrollTop = each.scrollHeight")
    last = page.locator("#table tbody tr:not(.spacer)").last
    expect(last).to_have_attribute("aria-rowindex", str(many + 1))
    grid.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()
    page.set_viewport_size({"width": 1440, "height": 1000})
    expect(last.locator("th, td").filter(visible=True)).to_have_count(14)
    page.close()


def test_one_symbol(page: Page) -> None:
    page.locator("#filters [name=search]").fill("btcusdt")
    page.locator("#table").get_by_role("link", name="BTCUSDT", exact=True).click()
    expect(page.locator("#symbol h1")).to_have_text("BTCUSDT")
    expect(page.locator("#now")).to_contain_text("91,897.50")
    for at, (days, number, total) in enumerate(
        ((1, 3, "0.0300"), (3, 9, "0.0900"), (7, 21, "0.2100"), (30, 90, "0.9000"))
    ):
        place = page.locator("#cumulative div").nth(at)
        expect(place).to_contain_text(f"{days} day")
        expect(place).to_contain_text(f"{total} %")
        expect(place).to_contain_text(f"{number} settled")
    expect(page.locator("#rate-chart canvas")).to_be_visible()
    expect(page.locator("#bar-chart canvas")).to_be_visible()
    expect(page.locator("#last-bar")).to_contain_text("open 1.0000")
    expect(page.locator("#compared-line")).to_contain_text("5 match")
    page.get_by_role("link", name="All symbols").click()
    expect(page.locator("#table")).to_be_visible()


def test_service_that_ends_and_comes_back(browser: Browser, scene: Scene) -> None:
    page, own = browser.new_page(), Scene(scene.path)
    with served(own):
        page.goto(own.address)
        expect(page.locator("#pill-word")).to_have_text("All is well")
    expect(page.locator("#pill-word")).to_have_text("No answer")
    expect(page.locator("#symbols .badge")).to_contain_text("no answer")
    expect(page.locator("#status-line")).not_to_contain_text("fresh")
    assert "live" not in page.locator("#overview .badge").all_inner_texts()
    with served(own):
        expect(page.locator("#pill-word")).to_have_text("All is well")
    page.close()


def test_page_without_a_place_in_the_stream_asks_instead(browser: Browser, scene: Scene) -> None:
    page, own = browser.new_page(), Scene(scene.path)
    with served(own), ExitStack() as readers:
        for _ in range(MAX_READERS):
            stream = urllib.request.urlopen(f"{own.address}funding/stream?symbols=NONE", timeout=60)
            readers.enter_context(stream)
        with page.expect_response(lambda each: "/funding/stream?" in each.url) as refused:
            page.goto(own.address)
        assert refused.value.status == 503
        expect(page.locator("#pill-word")).to_have_text("All is well")
        page.locator("#filters [name=search]").fill("btcusdt")
        expect(page.locator("#table")).to_contain_text("91,897.50")
        try:
            scene.marks["BTCUSDT"] = 93_003.75
            expect(page.locator("#table")).to_contain_text("93,003.75")
        finally:
            del scene.marks["BTCUSDT"]
    page.close()


def test_what_takers_alone_know_is_not_promised(page: Page, scene: Scene) -> None:
    """The page of an API on another host: `/funding/overview` has nothing of these there."""
    found = page.request.get(f"{scene.address}/funding/overview").json()
    lacking = dict.fromkeys(("availability", "restSaved", "validations"))
    page.route("**/funding/overview", lambda route: route.fulfill(json={**found, **lacking}))
    page.goto(scene.address)
    facts = page.locator("#facts > div")
    for name in ("Quotes available", "API available", "REST weight saved today", "Validation"):
        expect(facts.filter(has_text=name)).to_contain_text("on a taker's own page")
    expect(page.locator("#feeds li").first).to_contain_text("up ")
    expect(page.locator("#status")).not_to_contain_text("not known yet")
    page.unroute_all(behavior="wait")  # the page asks again and again, also while it is closed
