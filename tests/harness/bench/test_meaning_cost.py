"""What the bench of meanings measures."""

from contextlib import closing
from pathlib import Path

import apsw

from funding.ingest.meaning import Meaning
from harness.bench import meaning_cost
from tests.support.store import feed_of, quote, received, writing


def test_every_rate_of_a_frame_is_another_than_before() -> None:
    names = [f"S{number}USDT" for number in range(60)]
    one, two = meaning_cost.frame_of(names, 1), meaning_cost.frame_of(names, 2)
    assert all(one[name][0].funding_rate != two[name][0].funding_rate for name in names)
    meaning = Meaning("binance")
    for name in names:
        meaning.set_normal(name, meaning_cost.known(), trades=True)
    assert all(score.z_score is not None for score in meaning.take(one, 1 << 60))
    meaning.written()
    meaning.take(two, 1 << 60)
    assert meaning.signals == []


def test_memory_of_1300_contracts_stays_within_two_megabytes() -> None:
    assert meaning_cost.memory(contracts=260, seconds=900) * 5 < 2.0


def test_statistics_for_every_symbol_in_the_store(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    with writing(path) as writer:
        writer.write(feed_of(), received(quote(), quote("XUSDT", rate=None)))
        meaning_cost.add_statistics(path)
        assert meaning_cost.count(path, "SELECT count(*) FROM contract") == 2
        assert meaning_cost.has_rows(path, "SELECT count(*) FROM funding_stats", 1)
        assert not meaning_cost.has_rows(path, "SELECT count(*) FROM funding_stats", 2)
    assert not meaning_cost.has_rows(tmp_path / "none.db", "SELECT 1", 0)
    with closing(apsw.Connection(str(tmp_path / "empty.db"))):
        assert not meaning_cost.has_rows(tmp_path / "empty.db", "SELECT count(*) FROM quote", 0)


def test_scores_of_a_frame() -> None:
    assert min(meaning_cost.scored()) > 0
