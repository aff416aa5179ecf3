"""There is a sentence for each criterion."""

from pathlib import Path

from tests.support.report_days import run
from validation.criteria.advice import ADVICE, OTHERWISE, advice


def test_each_criterion_has_one_sentence_of_advice(world: Path) -> None:
    names = {each["name"] for each in run(world)[1]["criteria"]}
    assert names <= ADVICE.keys()
    for text in ADVICE.values():
        assert text.endswith(".")
        assert ". " not in text


def test_advice_names_the_program_of_the_exchange() -> None:
    assert "var/log/ingest-kucoin.log" in advice("fresh data", "ingest-kucoin")
    assert advice("a new one", "ingest") == OTHERWISE
