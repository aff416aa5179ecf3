"""The targets by name: the cases that are made up, and the check of each."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from hypothesis import strategies as st

from harness.fuzz import answers, decoders, recordings, reports, requests, settings, stores, venues

Check = Callable[[Any], None]


class Target(NamedTuple):
    """`world` sets up what is fuzzed and gives the check, which raises AssertionError or any
    undocumented error. `few` cases are enough for the ordinary tests."""

    cases: st.SearchStrategy[Any]
    world: Callable[[], AbstractContextManager[Check]]
    few: int = 100


def pure(check: Check) -> Callable[[], AbstractContextManager[Check]]:
    """The world of a check that needs none."""

    @contextmanager
    def world() -> Iterator[Check]:
        yield check

    return world


TARGETS = {
    "frames": Target(decoders.frames, pure(decoders.check_frame), 200),
    "replies": Target(decoders.replies, pure(decoders.check_reply), 200),
    "venue-frames": Target(venues.frames, pure(venues.check_frame), 200),
    "venue-replies": Target(venues.replies, pure(venues.check_reply), 150),
    "settings": Target(settings.environments, settings.world, 120),
    "report": Target(reports.databases, reports.world, 60),
    "recordings": Target(recordings.recordings, recordings.world, 150),
    "answers": Target(answers.answers, answers.world, 120),
    "requests": Target(requests.requests, requests.world, 120),
    "stores": Target(stores.damages, stores.world, 100),
}
