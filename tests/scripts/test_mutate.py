"""scripts/mutate.py: which tests hold a module, and what it says of a mutant that they miss.

Cosmic Ray, which makes the mutants, is installed for the command alone.
"""

from pathlib import Path

import pytest

from scripts import mutate
from tests.conftest import ROOT

SOURCE = "LIMIT = 3\nOTHER = 4\n"
TEST = "from rules import LIMIT\n\n\ndef test_limit() -> None:\n    assert LIMIT == 3\n"


@pytest.mark.parametrize("module", mutate.MODULES)
def test_every_listed_module_has_its_tests(module: str) -> None:
    assert (ROOT / module).is_file()
    assert mutate.tests_of(ROOT, module)


def test_tests_of_a_module_may_be_several_files(tmp_path: Path) -> None:
    for name in ("test_rules.py", "test_rules_limits.py", "test_other_rules.py", "rules.py"):
        (tmp_path / "tests").mkdir(exist_ok=True)
        (tmp_path / "tests" / name).touch()
    found = mutate.tests_of(tmp_path, "rules.py")
    assert [Path(each).name for each in found] == ["test_rules.py", "test_rules_limits.py"]


def test_missed_mutant_is_printed_and_the_noticed_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules.py").write_text(SOURCE)
    (tmp_path / "tests/test_rules.py").write_text(TEST)
    changed = {(1, 8): ["LIMIT = 9\nOTHER = 4\n"], (2, 8): ["LIMIT = 3\nOTHER = 9\n"]}
    monkeypatch.setattr(mutate, "mutants", lambda _: changed)
    assert mutate.judge(tmp_path, "rules.py", 15, "seed") == 1
    assert capsys.readouterr().out == (
        "rules.py:2:8\n  - OTHER = 4\n  + OTHER = 9\nrules.py: 1 of 2 noticed\n"
    )
    assert (tmp_path / "rules.py").read_text() == SOURCE


def test_tests_that_fail_as_they_are_judge_nothing(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules.py").write_text("LIMIT = 4\n")
    (tmp_path / "tests/test_rules.py").write_text(TEST)
    with pytest.raises(SystemExit, match=r"the tests of rules\.py fail as it is"):
        mutate.judge(tmp_path, "rules.py", 15, "seed")
