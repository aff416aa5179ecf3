"""Which contenders are asked which question."""

import pytest

from harness.bench.contenders import BEFORE
from harness.bench.figures import OURS
from harness.bench.goals import CONSTANT, OLDER
from harness.bench.rows.lookup import Question, _asked

PORTS = {OURS: 1, BEFORE: 2, CONSTANT: 3, OLDER: 4}


@pytest.mark.parametrize(
    ("question", "names"),
    [
        (Question("one", (), constant_too=True), {OURS, BEFORE, CONSTANT, OLDER}),
        (Question("bulk", ()), {OURS, BEFORE, OLDER}),
        (Question("unchanged", (), ours_alone=True), {OURS, BEFORE}),
    ],
)
def test_only_those_that_can_answer_are_asked(question: Question, names: set[str]) -> None:
    assert set(_asked(question, PORTS)) == names
