"""The file of other names of assets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from funding.errors import SettingError
from funding.settings import assets


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(assets, "project_folder", lambda: tmp_path)
    assets.load.cache_clear()
    yield tmp_path
    assets.load.cache_clear()


def test_without_a_file_there_are_no_other_names() -> None:
    assert assets.load().names == {}


def test_wrong_line_is_named(folder: Path) -> None:
    (folder / "assets.txt").write_text("XBT = BTC\nGOLD\n")
    with pytest.raises(SettingError, match=r"assets.txt, line 2='GOLD': expected NAME = ASSET"):
        assets.load()


def test_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "assets.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match="expected a text file in UTF-8"):
        assets.load()


def test_file_of_this_project_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assets.load.cache_clear()
    assert assets.load().asset("kucoin", "XBT").name == "BTC"
