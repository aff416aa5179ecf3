"""Whoever kills a writer loses nothing that was told of: some deaths here, all in tests/faults/."""

import random
from pathlib import Path

import pytest

from tests.durability import held, kill_writers
from tests.durability_disk import Disk, laid_out, losing_power
from tests.durability_writer import EVENT_EVERY, ROLES
from tests.support.clock import rows


def test_killed_writers_lose_nothing_they_told_of(tmp_path: Path) -> None:
    toll = kill_writers(tmp_path / "funding.db", 15, seed=1)
    assert min(toll.told.values()) > 0


def test_telling_before_the_commit_would_be_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="told of"):
        kill_writers(tmp_path / "funding.db", 100, 2, "ack-first")


class Cuts:
    """Three writers of one process on a disk whose power goes at random moments: what is left on
    it then, and how many commits of each role had been told of."""

    def __init__(self, seed: int, often: float) -> None:
        self.draw, self.often = random.Random(seed), often
        self.told = dict.fromkeys(ROLES, 0)
        self.left: list[tuple[dict[str, int], dict[str, bytes]]] = []
        self.disk: Disk | None = None

    def moment(self) -> None:
        if self.disk is not None and self.draw.random() < self.often:
            self.left.append((dict(self.told), self.disk.after_a_cut(self.draw)))

    def run(self, path: Path, commits: int) -> None:
        with losing_power(self.moment) as disk:
            writers = {role: begin(path) for role, begin in ROLES.items()}
            self.disk = disk
            for _ in range(commits):
                role = self.draw.choice(list(ROLES))
                writers[role](self.told[role] + 1)
                self.told[role] += 1
                self.moment()


@pytest.mark.parametrize("seed", range(3))
def test_a_power_cut_loses_quotes_alone(tmp_path: Path, seed: int) -> None:
    cuts = Cuts(seed, 0.05)
    cuts.run(tmp_path / "funding.db", 80)
    assert len(cuts.left) > 20
    for number, (told, files) in enumerate(cuts.left):
        left = laid_out(files, tmp_path / str(number))
        assert rows(left, "PRAGMA integrity_check") == [("ok",)]
        told["ingest"] -= told["ingest"] % EVENT_EVERY  # what has come since are quotes alone
        for role, last in told.items():
            found = held(left, role, 1)
            assert found == set(range(1, len(found) + 1))
            assert len(found) >= last, f"{role}: {last} were told of, {len(found)} are left"


def test_quotes_do_not_wait_for_the_disk(tmp_path: Path) -> None:
    with losing_power(lambda: None) as disk:
        path = tmp_path / "funding.db"
        commits = {role: begin(path) for role, begin in ROLES.items()}
        for role in ROLES:
            commits[role](EVENT_EVERY)
        synced = disk.syncs
        commits["ingest"](EVENT_EVERY + 1)
        assert disk.syncs == synced
        for number, (role, last) in enumerate(zip(ROLES, (2 * EVENT_EVERY, 1, 1), strict=True)):
            commits[role](last)
            assert disk.syncs == synced + number + 1
