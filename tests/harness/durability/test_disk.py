"""A power cut loses nothing that was acknowledged, except quotes."""

import random
from pathlib import Path

import pytest

from harness.durability.disk import SECTOR, Disk, losing_power, write_files
from harness.durability.killing import stored_commits
from harness.durability.writers import EVENT_EVERY, ROLES
from tests.support.clock import rows


class Cuts:
    """Three writers of one process on a disk whose power goes at random moments: what is left on
    it then, and how many commits of each role had been acknowledged."""

    def __init__(self, seed: int, often: float) -> None:
        self.draw, self.often = random.Random(seed), often
        self.acknowledged = dict.fromkeys(ROLES, 0)
        self.left: list[tuple[dict[str, int], dict[str, bytes]]] = []
        self.disk: Disk | None = None

    def moment(self) -> None:
        if self.disk is not None and self.draw.random() < self.often:
            self.left.append((dict(self.acknowledged), self.disk.after_power_cut(self.draw)))

    def run(self, path: Path, commits: int) -> None:
        with losing_power(self.moment) as disk:
            writers = {role: begin(path) for role, begin in ROLES.items()}
            self.disk = disk
            for _ in range(commits):
                role = self.draw.choice(list(ROLES))
                writers[role](self.acknowledged[role] + 1)
                self.acknowledged[role] += 1
                self.moment()


def test_a_cut_may_lose_what_was_not_synced_and_nothing_else(tmp_path: Path) -> None:
    with losing_power(lambda: None) as disk:
        path = str(tmp_path / "file")
        disk.wrote(path, 0, b"a" * 2 * SECTOR)
        disk.sync(path)
        disk.wrote(path, 2 * SECTOR, b"b" * 2 * SECTOR)
        draw = random.Random(1)
        left = {disk.after_power_cut(draw)[path] for _ in range(50)}
    a, b, lost = b"a" * SECTOR, b"b" * SECTOR, bytes(SECTOR)
    assert left == {a + a, a + a + b, a + a + b + b, a + a + lost + b}


@pytest.mark.parametrize("seed", range(3))
def test_a_power_cut_loses_quotes_alone(tmp_path: Path, seed: int) -> None:
    cuts = Cuts(seed, 0.05)
    cuts.run(tmp_path / "funding.db", 80)
    assert len(cuts.left) > 20
    for number, (acknowledged, files) in enumerate(cuts.left):
        left = write_files(files, tmp_path / str(number))
        assert rows(left, "PRAGMA integrity_check") == [("ok",)]
        acknowledged["ingest"] -= (
            acknowledged["ingest"] % EVENT_EVERY
        )  # what has come since are quotes alone
        for role, last in acknowledged.items():
            found = stored_commits(left, role, 1)
            assert found == set(range(1, len(found) + 1))
            assert len(found) >= last, f"{role}: {last} were acknowledged, {len(found)} are left"


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
