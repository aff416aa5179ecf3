"""The whole service, which must end cleanly: see `harness.group`."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from harness.group import Group, started, tree
from harness.processes import processes_in
from harness.stand_in import FEW, stand_in


@contextmanager
def healthy_service(
    *options: str, count: Sequence[str] = FEW, **settings: object
) -> Iterator[Group]:
    """The service against a stand-in exchange of its own, healthy; ended by Ctrl-C.

    `options` and `count` are the exchange's.
    """
    with tree() as folder, stand_in(folder, *options, count=count) as exchange:
        with started(folder, exchange, **settings) as group:
            yield group
            assert group.stop(signal.SIGINT) == 0, group.log()
        assert not processes_in(folder)
        assert not (folder / "var" / "supervisor.sock").exists()
