"""A link that is slower than the stream, behind deep buffers: ingest itself, through a relay."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from funding.errors import StoreError
from funding.model.feed import Feed, StoredQuote
from funding.runtime.clock import SYSTEM
from funding.store.reader import Reader
from harness.processes import ROOT, running, until
from harness.stand_in import StandIn, stand_in
from tests.faults.proxy import Proxy, proxy
from tests.support.clock import rows

pytestmark = pytest.mark.faults


class SlowLink:
    """What ingest has stored of a stream behind `proxy`."""

    def __init__(self, exchange: StandIn, link: Proxy, path: Path) -> None:
        self.exchange, self.link, self.path = exchange, link, path
        self._reader = Reader(path, "binance", SYSTEM)

    def feed(self) -> Feed:
        found = self._reader.feed()
        assert found is not None
        return found

    def quote(self) -> StoredQuote:
        found = self._reader.one("BTCUSDT")
        assert found is not None
        return found

    def flows(self) -> bool:
        try:
            return self._reader.one("BTCUSDT") is not None and self.feed().frames > 20
        except StoreError:
            return False

    def details(self, kind: str) -> str:
        found = rows(self.path, "SELECT detail FROM event WHERE kind = ?", kind)
        return "\n".join(detail for (detail,) in found)


@contextmanager
def slow_link(folder: Path, **settings: object) -> Iterator[SlowLink]:
    """Ingest behind a relay that is as fast as the stream at first."""
    path = folder / "var" / "funding.db"
    with stand_in(folder, "--tick", "0.2") as exchange, proxy(exchange.port) as link:
        url = exchange.ws_url.replace(str(exchange.port), str(link.port))
        environment = {"FUNDING_DB": path, "FUNDING_WS_URL": url, **settings}
        command: list[str | Path] = [sys.executable, ROOT / "ingest.py"]
        with running(command, folder / "ingest.log", settings=environment):
            slow = SlowLink(exchange, link, path)
            until(slow.flows, "quotes")
            yield slow


def test_lag_of_a_backlog_is_told_and_the_backlog_discarded(tmp_path: Path) -> None:
    with slow_link(tmp_path) as slow:
        assert slow.feed().lag_seconds < 1.0
        slow.link.bytes_per_second = 15_000  # of about 60,000
        until(lambda: slow.feed().lag_seconds > 6.0, "lag", 30.0)
        quote = slow.quote()
        late = (slow.exchange.last_sent() - quote.event_time) / 1_000
        assert quote.age_seconds == pytest.approx(late, abs=2.0), "an age includes the lag"
        assert "late" in slow.details("lag")
        until(lambda: slow.feed().reconnects >= 1, "another connection", 30.0)
        assert "the link is slower than the stream" in slow.details("lag")
        slow.link.bytes_per_second = 0
        until(lambda: slow.feed().connected and slow.feed().lag_seconds < 3.0, "no lag", 10.0)
        until(lambda: slow.quote().age_seconds < 4.0, "fresh quotes", 10.0)


def test_link_that_carries_no_frame_is_called_too_slow(tmp_path: Path) -> None:
    with slow_link(tmp_path, FUNDING_STALL_AFTER=2) as slow:
        slow.link.bytes_per_second = 1_000
        until(lambda: "the link is too slow" in slow.details("stall"), "the words", 20.0)
        assert "no whole frame" in slow.details("stall")
        error = slow.feed().last_error
        assert error is not None
        assert "is the address still served?" not in slow.details("stall")
