"""`pip install .` installs the client, and nothing else of this folder."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from funding import __version__
from tests.conftest import ROOT

SCRIPT = """
import funding
from funding.client import FundingClient, Funding, Rate, rate_or_zero
print(funding.__file__)
"""
WITHOUT_NATS = """
sys.modules["nats"] = None
from funding.client import FundingClient
FundingClient(url="nats://127.0.0.1:4222")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip builds of a copy of the sources: building leaves files beside them."""
    folder = tmp_path_factory.mktemp("package")
    left_out = shutil.ignore_patterns(".git", ".venv", "var", ".*_cache", "__pycache__", "build")
    shutil.copytree(ROOT, folder / "source", ignore=left_out)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet"]
    subprocess.run([*command, "-w", folder, folder / "source"], check=True, timeout=120)
    (found,) = folder.glob("*.whl")
    return found


def test_the_package_holds_the_client_and_names_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
        assert tops == {"funding", f"funding-{__version__}.dist-info"}
        metadata = archive.read(f"funding-{__version__}.dist-info/METADATA").decode()
    lines = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    bare = {line.split()[1].partition(">")[0] for line in lines if "extra" not in line}
    assert bare == {"apsw", "msgspec", "urllib3"}
    extra = [line for line in lines if "extra ==" in line]
    (nats,) = (line for line in extra if 'extra == "nats"' in line)
    assert nats.split()[1].startswith("nats-py>=")
    assert {line.split()[1].partition(">")[0] for line in extra} == {
        *("bottle", "nats-py", "prometheus-client", "rich", "supervisor", "tqdm", "waitress"),
        "websocket-client",
    }


def test_the_client_says_what_it_needs_for_nats(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n{WITHOUT_NATS}"
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].startswith("ImportError: url= needs nats-py: pip install")


def test_the_installed_client_is_imported_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n{SCRIPT}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "site")


def test_runtime_packages_are_those_of_the_requirements() -> None:
    """requirements.in says why each is there; pyproject.toml must not know others."""
    listed = {
        line.split()[0]
        for line in (ROOT / "requirements.in").read_text("utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    }
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert {each for each in listed if f'"{each}"' in text} == listed
