"""The kinds of endings, and what is said of each."""

import pytest

from funding.ingest.connection_events import ENDINGS, ConnectionEventKind, EndingKind
from funding.model.event import EventKind


def test_every_kind_of_ending_has_its_words() -> None:
    assert set(ENDINGS) == set(EndingKind)
    words = [ending.words for ending in ENDINGS.values()]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("kind", [EndingKind.RATE_LIMITED, EndingKind.RESTRICTED])
def test_refusals_that_a_retry_would_worsen_have_a_wait(kind: EndingKind) -> None:
    assert ENDINGS[kind].wait_seconds >= 30.0
    assert sum(ending.wait_seconds > 0 for ending in ENDINGS.values()) == 2


@pytest.mark.parametrize("kind", [ConnectionEventKind.NOTICE, ConnectionEventKind.ENDING])
def test_what_the_exchange_announces_is_a_kind_of_event(kind: ConnectionEventKind) -> None:
    assert EventKind(kind).value == kind.value
