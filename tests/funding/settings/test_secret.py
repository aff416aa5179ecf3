"""A secret stays secret."""

import pickle

import pytest

from funding.settings.secret import Secret

SECRET = Secret("hunter2")


def test_secret_shows_its_text_only_when_asked_by_name() -> None:
    shown = [repr([SECRET]), str(SECRET), f"{SECRET}", f"{SECRET!r:>40}", "%s" % SECRET]  # noqa: UP031
    assert not any("hunter2" in text for text in shown)
    assert SECRET.reveal() == "hunter2"
    with pytest.raises(TypeError):
        pickle.dumps(SECRET)


def test_equal_texts_are_equal_secrets() -> None:
    assert SECRET == Secret("hunter2") != Secret("other")
    assert SECRET != "hunter2"
    assert hash(SECRET) == hash(Secret("hunter2"))


def test_empty_secret_is_false_and_says_so() -> None:
    assert SECRET
    assert not Secret("")
    assert repr(Secret("")) != repr(SECRET)
