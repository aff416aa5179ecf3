"""The rooms of validation/: standard library only, and each leans on the ones before it."""

import ast
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAM = ROOT / "scripts" / "validate_report.py"
MODULES = [path for path in (ROOT / "validation").rglob("*.py") if path.name != "__init__.py"]
ORDER = ("errors", "exchanges", "rules", "read", "settings", "criteria", "render")


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "validation":
            names |= {f"validation.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", [PROGRAM, *MODULES], ids=lambda path: path.stem)
def test_only_the_standard_library_is_imported(path: Path) -> None:
    tops = {name.partition(".")[0] for name in imports(path)}
    assert tops <= sys.stdlib_module_names | {"validation"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_room_imports_only_itself_and_the_rooms_before_it(path: Path) -> None:
    room = path.relative_to(ROOT / "validation").parts[0].removesuffix(".py")
    others = {name.split(".")[1] for name in imports(path) if name.startswith("validation.")}
    assert others <= set(ORDER[: ORDER.index(room) + 1])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_has_a_test_file(path: Path) -> None:
    place = path.relative_to(ROOT).with_name(f"test_{path.name}")
    assert (ROOT / "tests" / place).exists()
