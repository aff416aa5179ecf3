"""How much of a stream is silent."""

from funding.model.silence import Silence


def test_silence_has_the_columns_of_its_query() -> None:
    assert Silence(600, 1, 2, None)._asdict() == {
        "symbols": 600,
        "silent": 1,
        "unknown": 2,
        "newest": None,
    }
