"""Installing what the peers need."""

from pathlib import Path

import pytest

from harness.bench import peer_packages


def test_one_package_without_a_build_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needed, stamp = tmp_path / "requirements.txt", tmp_path / "installed.txt"
    needed.write_text("# head\na==1 \\\n    --hash=sha256:1\nb==2 \\\n    --hash=sha256:2\n")
    tried: list[str] = []

    def installed(arguments: list[str]) -> bool:
        tried.append(Path(arguments[-1]).read_text())
        return "b==2" in tried[-1] and "a==1" not in tried[-1]

    monkeypatch.setattr(peer_packages, "_REQUIREMENTS", needed)
    monkeypatch.setattr(peer_packages, "_STAMP", stamp)
    monkeypatch.setattr(peer_packages, "PEERS_PYTHON", tmp_path)
    monkeypatch.setattr(peer_packages, "_installed", installed)
    peer_packages.install()
    assert tried[1:] == [
        "a==1 \\\n    --hash=sha256:1\n",
        "b==2 \\\n    --hash=sha256:2\n",
    ]
    assert "left out: a==1" in capsys.readouterr().err
    peer_packages.install()
    assert len(tried) == 3, "installed once"
