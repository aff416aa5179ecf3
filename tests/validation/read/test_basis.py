"""validation/read/basis.py: how the index price stands to the mark."""

import pytest

from validation.read.basis import Bases


def test_last_and_largest_move() -> None:
    bases = Bases()
    for mark, index in ((100.0, 100.0), (200.0, 202.0), (100.0, 100.5)):
        bases.add("X", mark, index)
    found = bases.get("X")
    assert found is not None
    assert found.last == pytest.approx(1.005)
    assert found.largest_move == pytest.approx(0.01)


@pytest.mark.parametrize(("mark", "index"), [(None, 1.0), (0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
def test_price_that_is_none_has_no_basis(mark: float | None, index: float) -> None:
    bases = Bases()
    bases.add("X", mark, index)
    assert bases.get("X") is None
