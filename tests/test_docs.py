"""The README against the code: what exists is described, and what is described exists."""

import re

import pytest

from funding.api.routes import ENDPOINTS
from funding.settings import service
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
SCHEMA = (ROOT / "schema.sql").read_text("utf-8")
ROWS = {
    match[1]: match[2]
    for match in re.finditer(r"^\| `([A-Z][A-Z_0-9]+)` \| (.*?) \|", README, re.MULTILINE)
}


@pytest.mark.parametrize("setting", service.TABLE, ids=lambda setting: setting.name)
def test_every_setting_is_in_the_readme_with_its_default(setting: service.Setting) -> None:
    default = setting.default.removeprefix(f"{service.ROOT}/")
    assert ROWS.get(setting.name) == (f"`{default}`" if default else "")


def test_every_setting_in_the_readme_exists() -> None:
    from funding.settings import consumers

    known = {setting.name for setting in service.TABLE}
    known |= {setting.name for setting in consumers.TABLE}
    assert set(ROWS) <= known


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_is_in_the_readme(endpoint: str) -> None:
    assert f"`{endpoint}`" in README


@pytest.mark.parametrize(
    "name",
    re.findall(r"^CREATE (?:TABLE|VIEW) (\w+)", (ROOT / "schema.sql").read_text(), re.MULTILINE),
)
def test_every_table_and_view_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize(
    "path", re.findall(r"(?<![\w/])((?:scripts|consumers|deploy)/[\w.]+)", README)
)
def test_every_script_in_the_readme_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    "path", [p for p in ROOT.glob("scripts/*") if p.is_file()], ids=lambda p: p.name
)
def test_every_script_is_in_the_readme(path: object) -> None:
    name = str(path).rpartition("/")[2]
    assert name in ("setup.sh", "__init__.py") or f"scripts/{name}" in README


def test_every_program_of_the_group_is_in_the_readme() -> None:
    files = (ROOT / "supervisord.conf", ROOT / "consumers/supervisord.conf")
    conf = "".join(path.read_text("utf-8") for path in files)
    for name in re.findall(r"^\[(?:fcgi-)?program:(\w+)\]", conf, re.MULTILINE):
        assert f"{name}`" in README or f":{name}_00`" in README, name
