"""Progress on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress(total: int) -> Iterator[Callable[[], object]]:
    """A bar of `total` symbols; within the block, call what it yields after each of them. It is
    shown where standard error is a terminal, and nowhere else."""
    hidden = sys.stderr is None or None  # None: tqdm looks whether it is a terminal
    with tqdm(total=total, unit="symbol", disable=hidden, leave=False, file=sys.stderr) as bar:
        yield bar.update
