"""What a run measures, and the load that it measures with."""

from pathlib import Path

from harness.bench.contenders import shared
from harness.bench.measuring import Run
from harness.processes import module


def test_a_checkout_beside_ours_has_its_own_programs(tmp_path: Path) -> None:
    (ours,) = Run(tmp_path, True, peers=False).checkouts
    same, before = Run(tmp_path, True, peers=False, beside=tmp_path).checkouts
    assert ours == same
    assert before.name == "before"
    assert before.program("api.py") == [tmp_path / ".venv/bin/python", tmp_path / "api.py"]


def test_the_load_counts_answers_and_errors(tmp_path: Path) -> None:
    run = Run(tmp_path, True, peers=False)
    with shared(module("harness.bench.floors.constant"), tmp_path / "floor.log") as port:
        seen = run.load(port, ["/funding/BTCUSDT"], 2, 0.1)
        fresh = run.load(port, ["/funding/BTCUSDT"], 2, 0.1, "--fresh")
        once = run.load(port, ["/funding/BTCUSDT"], 1, 0.0)
    assert seen.errors == fresh.errors == once.errors == 0
    assert min(seen.ms + fresh.ms) > 0
    assert len(once.ms) == 1
    assert seen.per_second > 0
    assert 0 < run.busiest_load < 1.5
