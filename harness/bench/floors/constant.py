"""waitress answering constant bytes on fd 0: `python -m harness.bench.floors.constant`."""

import socket
import sys
from collections.abc import Callable, Iterable
from typing import Any

import waitress

_BODY = (
    b'{"symbol":"BTCUSDT","markPrice":91897.67414493,"fundingRate":0.00001864,'
    b'"nextFundingTime":1764748800000,"indexPrice":91930.87652174,"updatedAt":1764725610.163,'
    b'"ageSeconds":1.9,"lastUpdateTime":1764725610,"eventTime":1764725610000,'
    b'"exchange":"binance"}'
)
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(_BODY)))]


def answer(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Always the same."""
    start_response("200 OK", _HEADERS)
    return [_BODY]


if __name__ == "__main__":
    given = socket.socket(fileno=0)
    sys.exit(waitress.serve(answer, sockets=[given], threads=4, ident=None, _quiet=True))
