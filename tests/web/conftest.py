"""A browser that looks at the page: the system's Chromium, one for each file of tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.page_scene import Scene, served, written

CHROMIUM = shutil.which("chromium")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 60_000
"""For what takes a moment on an idle machine: only what never comes takes so long."""

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium: .ci/run installs it")
        pytest.skip("no chromium (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Two exchanges whose quotes come, and the API over them."""
    folder = Path(tempfile.mkdtemp(prefix="fr-page-"))
    with written(folder / "funding.db") as made, served(made):
        yield made
    shutil.rmtree(folder)


class Watched:
    """What a page has told of itself: errors, and whom it has asked."""

    def __init__(self, context: BrowserContext) -> None:
        self.errors: list[str] = []
        self.addresses: set[str] = set()
        context.on("console", lambda message: self._note(message.type, message.text))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", lambda request: self.addresses.add(request.url))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.errors.append(text)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
    made.set_default_timeout(WAIT_MS)
    yield made
    made.close()


@pytest.fixture
def watched(context: BrowserContext) -> Watched:
    return Watched(context)


@pytest.fixture
def page(context: BrowserContext, watched: Watched, scene: Scene) -> Iterator[Page]:
    """The page, once all is well. It reports no error, and asks nobody but its own service."""
    made = context.new_page()
    made.goto(scene.address)
    expect(made.locator("#pill-word")).to_have_text("All is well")
    yield made
    assert watched.errors == []
    foreign = {each for each in watched.addresses if not each.startswith(scene.address)}
    assert {each for each in foreign if not each.startswith(f"blob:{scene.address}")} == set()
