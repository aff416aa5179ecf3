"""Signals as values."""

from funding.model.signal import Signal, SignalDirection, SignalKind, Zone


def test_words_are_stored_as_they_are() -> None:
    for words in (SignalKind, SignalDirection, Zone):
        assert all(word == word.lower() for word in words)


def test_a_signal_stands_for_one_symbol_unless_it_says_more() -> None:
    one = Signal(
        1.0, "binance", "BTCUSDT", SignalKind.ZONE, Zone.HIGH, SignalDirection.UP, 0.1, 2.5, "x"
    )
    assert one.symbols == 1
