"""The page's files, without a server and without a browser."""

from pathlib import Path

import pytest

from funding.api.pages import SECURITY, Pages
from tests.conftest import ROOT
from tests.support.api_world import World, refused
from tests.support.wsgi import ask

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder with files to serve, and with others."""
    folder = tmp_path / "web"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>t</title>")
    (folder / "js" / "a.js").write_text("export {};")
    (folder / "page.css").write_text("b {}")
    (folder / "notes.py").write_text("secret")
    (folder / ".hidden").write_text("secret")
    (tmp_path / "outside.js").write_text("secret")
    (folder / "link.js").symlink_to(tmp_path / "outside.js")
    return folder


def test_browsers_get_the_page_and_others_json(world: World, pages: Path) -> None:
    world.pages = pages
    app = world.app()
    page = ask(app, "/", accept=BROWSER)
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.body.startswith(b"<!doctype html>")
    for asked in ({}, {"accept": "*/*"}, {"accept": "application/json"}):
        answer = ask(app, "/", **asked)
        assert answer.json["service"] == "funding"
        assert answer.headers["vary"] == page.headers["vary"] == "Accept"


def test_files_have_their_type_and_the_policy(world: World, pages: Path) -> None:
    world.pages = pages
    app = world.app()
    for path, kind in (("js/a.js", "text/javascript"), ("page.css", "text/css")):
        answer = ask(app, f"/web/{path}")
        assert answer.status == 200
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        for name, value in SECURITY.items():
            assert answer.headers[name.lower()] == value
    policy = SECURITY["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_browser_that_has_a_file_gets_no_other(world: World, pages: Path) -> None:
    world.pages = pages
    app = world.app()
    tag = ask(app, "/web/page.css").headers["etag"]
    again = ask(app, "/web/page.css", if_none_match=tag)
    assert (again.status, again.body) == (304, b"")
    assert ask(app, "/web/js/a.js", if_none_match=tag).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "../outside.js",
        "..%2foutside.js",
        "js/../../outside.js",
        "link.js",
        "notes.py",
        ".hidden",
        "js",
        "js/",
        "/etc/passwd",
        "page.css%00",
        "PAGE.css",
    ],
)
def test_nothing_else_is_served(world: World, pages: Path, path: str) -> None:
    world.pages = pages
    refused(ask(world.app(), f"/web/{path}"), 404, "not found")


def test_without_a_folder_browsers_get_json_too(world: World, tmp_path: Path) -> None:
    world.pages = tmp_path / "missing"
    assert ask(world.app(), "/", accept=BROWSER).json["service"] == "funding"


def test_the_real_page_is_there_and_names_only_files_that_are_served() -> None:
    files = Pages(ROOT / "web")
    index = files.file({"REQUEST_METHOD": "GET"}, "index.html").body.decode()
    named = [part.split('"')[0] for part in index.split('"/web/')[1:]]
    assert named
    for name in named:
        assert files.file({"REQUEST_METHOD": "GET"}, name).status == 200
