"""The one error of the report."""

from validation.errors import NoReport


def test_its_text_is_the_sentence_to_print() -> None:
    assert str(NoReport("there is no database at x")) == "there is no database at x"
