"""A script that uses FundingClient, forks, and uses it on in both processes.

python -m tests.support.forking_script MODE CALLS FORKS SYMBOL…: prints how many of CALLS answers
each process got, and how many were another symbol's; then forks FORKS times more while its threads
ask, each child asking once.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Sequence

from funding.client import FundingClient

SECONDS = 20.0


def asked(client: FundingClient, symbols: Sequence[str], calls: int, offset: int) -> str:
    """`calls` questions, and what came of them."""
    right = wrong = 0
    for number in range(calls):
        symbol = symbols[(number + offset) % len(symbols)]
        found = client.get(symbol)
        if found is not None:
            right, wrong = right + (found.symbol == symbol), wrong + (found.symbol != symbol)
    return f"{right} right, {wrong} wrong"


def forked(work: Callable[[], bool]) -> int:
    """The process that does `work` and ends, 0 where that went well."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            os._exit(not work())
        finally:
            os._exit(2)
    return child


def main(mode: str, calls: int, forks: int, symbols: Sequence[str]) -> None:
    client = FundingClient(mode, caller="forks", timeout=SECONDS)
    asked(client, symbols, 5, 0)

    def many(name: str) -> bool:
        print(name, asked(client, symbols, calls, 11 * len(name)), flush=True)
        client.close()
        return True

    child = forked(lambda: many("child"))
    other = multiprocessing.get_context("fork").Process(target=many, args=("multiprocessing",))
    other.start()
    many("parent")
    assert os.waitpid(child, 0)[1] == 0
    other.join()
    stopping = threading.Event()

    def ask() -> None:
        while not stopping.is_set():
            asked(client, symbols, 1, 7)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(forks):
        child = forked(lambda: asked(client, symbols, 1, number) == "1 right, 0 wrong")  # noqa: B023
        assert os.waitpid(child, 0)[1] == 0, f"child {number}"
    stopping.set()
    for thread in threads:
        thread.join()
    client.close()
    print("done")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
