"""Symbol classes are learned from what arrives together."""

from funding.ingest.symbol_classes import SymbolClasses
from funding.model.quote import MAX_SYMBOLS


def of(classes: SymbolClasses, *symbols: str) -> int:
    """The class of a frame of `symbols`."""
    return classes.learn(symbols)


def test_classes_are_learned() -> None:
    classes = SymbolClasses()
    assert of(classes, "BTC", "ETH", "SOL") == 0
    assert of(classes, "XAU", "TSLA") == 1
    assert of(classes, "SOL", "ETH") == 0
    assert of(classes, "TSLA") == 1
    assert of(classes, "XAU", "NVDA", "MSFT", "AAPL") == 1  # new ones join
    assert of(classes, "AAPL") == 1
    assert of(classes, "BTC", "ETH", "XAU") == 0  # the majority decides


def test_number_of_classes_and_of_known_symbols_is_bounded() -> None:
    classes = SymbolClasses()
    seen = {of(classes, f"S{n}") for n in range(3 * MAX_SYMBOLS)}
    assert seen == set(range(8))
    assert len(classes._class_by_symbol) <= 2 * MAX_SYMBOLS
