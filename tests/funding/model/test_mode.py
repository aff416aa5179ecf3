"""The modes of a client."""

from funding.model.mode import Mode


def test_modes_are_the_words_of_the_setting() -> None:
    assert {f"{mode}" for mode in Mode} == {"rest", "parallel", "websocket", "websocket-only"}
