"""Signals and levels, with the quotes that caused them."""

from contextlib import closing
from pathlib import Path

from funding.model.signal import Signal, SignalDirection, SignalKind, Zone
from funding.statistics.score import Score
from funding.store.durable import DurableConnection
from funding.store.signal_table import Findings, SignalReader
from tests.support.clock import rows
from tests.support.store import NOW_MS, feed_of, quote, received, writing

SIGNAL = Signal(
    1.5, "binance", "BTCUSDT", SignalKind.ZONE, Zone.HIGH, SignalDirection.UP, 0.1, 2.5, "why"
)


def test_signals_are_stored_in_order_with_their_columns(path: Path) -> None:
    with writing(path) as writer:
        feed = feed_of()
        two = SIGNAL._replace(symbol="*", symbols=30, target="telegram", zone=None, event_time=7)
        writer.write(feed, findings=Findings((), (SIGNAL, two), {}))
        assert rows(path, "SELECT * FROM signal") == [(1, *SIGNAL), (2, *two)]


def test_levels_and_scores_go_to_their_symbols(path: Path) -> None:
    with writing(path) as writer:
        feed = feed_of()
        scores = (Score(2.5, None, 99.0, Zone.HIGH), Score(None, "why not", None, None))
        held = received(quote(), quote("ETHUSDT"))
        writer.write(feed, held, findings=Findings(scores, (), {"BTCUSDT": 1}))
        select = "SELECT z_score, z_reason, percentile, zone, signal_level, source FROM quote"
        assert rows(path, select) == [
            (2.5, None, 99.0, "high", 1, "websocket"),
            (None, "why not", None, None, None, "websocket"),
        ]
        later = received(quote(event_time=NOW_MS + 1))
        writer.write(feed, later, findings=Findings(scores[1:], (), {}))
        assert rows(path, select)[0] == (None, "why not", None, None, 1, "websocket")


def test_old_signals_go_with_old_events(path: Path) -> None:
    with writing(path) as writer:
        writer.write(feed_of(), findings=Findings((), (SIGNAL, SIGNAL._replace(at=9.0)), {}))
        writer.prune_events(5.0)
        assert rows(path, "SELECT at FROM signal") == [(9.0,)]


def test_signals_are_read_in_the_order_in_which_they_came(path: Path) -> None:
    with writing(path) as writer, closing(DurableConnection(path)) as store:
        reader = SignalReader(store)
        assert (reader.newest(), reader.after(0)) == (0, [])
        writer.write(feed_of(), findings=Findings((), [SIGNAL._replace(at=9.0), SIGNAL], {}))
        assert reader.newest() == 2
        assert reader.after(0) == [(1, SIGNAL._replace(at=9.0)), (2, SIGNAL)]
        assert reader.after(1) == [(2, SIGNAL)]
