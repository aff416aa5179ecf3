"""A program of the group that asks REST for BTCUSDT once per line on its standard input and says
what came of it: python -m tests.support.rest_caller DATABASE ADDRESS CALLER"""

import sys
from pathlib import Path

from funding import errors
from funding.rest.client import RestClient
from funding.runtime.clock import SYSTEM
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage


def main(database: str, address: str, caller: str) -> None:
    usage = RestUsage(DurableConnection(Path(database)))
    rest = RestClient(address, caller, usage=usage, budget=1_200, clock=SYSTEM)
    for _ in sys.stdin:
        try:
            said = rest.premium_index("BTCUSDT").symbol
        except errors.RestError as error:
            said = f"{type(error).__name__} {error.retry_after_seconds:.1f} {error}"
        print(said, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
