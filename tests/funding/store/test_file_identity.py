"""A file that was replaced is another file, whatever its name."""

from pathlib import Path

from funding.store.file_identity import identify


def test_a_file_is_known_by_itself_and_not_by_its_name(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    assert identify(path) is None
    path.touch()
    link.symlink_to(path)
    first = identify(path)
    assert first == identify(str(link)) is not None
    path.rename(tmp_path / "moved")
    path.touch()
    assert identify(path) != first == identify(tmp_path / "moved")


def test_the_text_of_the_lock_file_is_device_and_inode(tmp_path: Path) -> None:
    status = tmp_path.stat()
    assert str(identify(tmp_path)) == f"{status.st_dev}:{status.st_ino}"
