"""Asset names and rough prices for the built-in world. Pure data and its continuation."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import count

# Prices in USDT, of the order seen in autumn 2026; only their magnitude matters.
MAJORS: tuple[tuple[str, float], ...] = (
    ("BTC", 90000.0), ("ETH", 2900.0), ("SOL", 138.0), ("BNB", 880.0), ("XRP", 2.11),
    ("币安人生", 0.4762), ("龙虾", 0.0231), ("牛来", 0.0874), ("我踏马来了", 0.01935),
    ("DOGE", 0.1512), ("ADA", 0.4321), ("TRX", 0.2781), ("LINK", 12.93), ("AVAX", 13.87),
    ("SUI", 1.534), ("LTC", 84.6), ("BCH", 512.4), ("DOT", 2.318), ("UNI", 6.204),
    ("AAVE", 171.2), ("NEAR", 1.912), ("APT", 2.871), ("ARB", 0.2143), ("OP", 0.3178),
    ("FIL", 1.648), ("ATOM", 2.563), ("ETC", 13.82), ("XLM", 0.2507), ("HBAR", 0.1391),
    ("INJ", 5.712), ("TIA", 0.6218), ("SEI", 0.1379), ("WLD", 0.6431), ("ENA", 0.2719),
    ("JUP", 0.2384), ("PYTH", 0.0782), ("ORDI", 4.127), ("TON", 1.593), ("TAO", 291.4),
    ("WIF", 0.3917), ("ONDO", 0.4926), ("CRV", 0.4163), ("LDO", 0.6327), ("GMX", 8.914),
    ("RUNE", 0.7216), ("STX", 0.3148), ("IMX", 0.2893), ("GALA", 0.00794), ("SAND", 0.1538),
    ("MANA", 0.1603), ("AXS", 0.9412), ("CHZ", 0.0311), ("ALGO", 0.1419), ("ICP", 4.217),
    ("VET", 0.01421), ("EGLD", 9.127), ("KAVA", 0.1094), ("ZEC", 512.7), ("DASH", 61.3),
    ("1000PEPE", 0.004723), ("1000SHIB", 0.008612), ("1000BONK", 0.009817),
    ("1000SATS", 0.00001741), ("1000000MOG", 0.3129), ("BROCCOLI714", 0.01938),
)  # fmt: skip
EIGHT_HOURS = frozenset(("BTC", "ETH", "SOL", "BNB", "XRP", "DOGE", "ADA", "LTC"))
DATED: tuple[tuple[str, str], ...] = (
    ("BTCUSDT_261225", "BTC"), ("ETHUSDT_261225", "ETH"),
    ("BTCUSDT_270326", "BTC"), ("ETHUSDT_270326", "ETH"),
)  # fmt: skip
TRADFI: tuple[tuple[str, float, str], ...] = (
    ("XAU", 4103.9, "COMMODITY"), ("XAG", 59.63, "COMMODITY"), ("TSLA", 401.2, "EQUITY"),
    ("XPT", 1632.4, "COMMODITY"), ("XPD", 1411.0, "COMMODITY"), ("COPPER", 5.021, "COMMODITY"),
    ("CL", 58.91, "COMMODITY"), ("NATGAS", 4.312, "COMMODITY"), ("AAPL", 268.4, "EQUITY"),
    ("NVDA", 186.7, "EQUITY"), ("MSFT", 487.1, "EQUITY"), ("AMZN", 222.6, "EQUITY"),
    ("GOOGL", 289.4, "EQUITY"), ("META", 597.3, "EQUITY"), ("COIN", 258.9, "EQUITY"),
    ("MSTR", 186.4, "EQUITY"), ("HOOD", 113.6, "EQUITY"), ("CRCL", 69.8, "EQUITY"),
    ("PLTR", 165.2, "EQUITY"), ("INTC", 34.8, "EQUITY"), ("AMD", 223.4, "EQUITY"),
    ("SPY", 662.8, "INDEX"), ("QQQ", 599.1, "INDEX"), ("BABA", 153.9, "HK_EQUITY"),
    ("SAMSUNG", 71.4, "KR_EQUITY"), ("OPENAI", 812.5, "PREMARKET"), ("EUR", 1.1534, "FX"),
)  # fmt: skip
COIN_BASES = (
    "BTC", "ETH", "SOL", "BNB", "XRP", "DOGE", "ADA", "TRX", "LINK", "AVAX", "SUI", "LTC", "BCH",
    "DOT", "UNI", "AAVE", "NEAR", "APT", "ARB", "OP", "FIL", "ATOM", "ETC", "XLM", "INJ", "WLD",
)  # fmt: skip
_CONSONANTS, _VOWELS = "BCDFGHJKLMNPQRSTVWXYZ", "AEIOU"
_NAMES = 21 * 5 * 21 * 5 * 21
# Coprime to _NAMES, so that multiplying walks through every name once.
_STRIDE = 104_729


def invented_price(seed: int, base: str) -> float:
    """A fixed price between 0.0001 and 100, evenly spread over its logarithm."""
    draw = zlib.crc32(f"{seed}/{base}/price".encode()) / 4294967296.0
    return float(f"{10 ** (6 * draw - 4):.4g}")


def base_assets(seed: int) -> Iterator[tuple[str, float]]:
    """(base asset, price): the majors, then as many pronounceable inventions as are asked for."""
    yield from MAJORS
    for name in _inventions(seed):
        yield name, invented_price(seed, name)


def tradfi_assets(seed: int) -> Iterator[tuple[str, float, str]]:
    """(base asset, price, underlying type) of the TradFi class, without end."""
    yield from TRADFI
    for name in _inventions(seed + 100_003):
        ticker = f"{name}X"
        yield ticker, round(20 + 10 * invented_price(seed, ticker), 2), "EQUITY"


def coin_margined() -> list[tuple[str, str, float]]:
    """(symbol, base asset, price) of the COIN-M contracts seen on the USD-M host."""
    prices = dict(MAJORS)
    perpetual = [(f"{base}USD_PERP", base, prices[base]) for base in COIN_BASES]
    dates = [(f"{base}USD_{date}", base) for date in (261225, 270326) for base in ("BTC", "ETH")]
    # The dated ones second, so that a small world has them too.
    dated = [(symbol, base, prices[base] * 1.006) for symbol, base in dates]
    return perpetual[:2] + dated + perpetual[2:]


def _inventions(seed: int) -> Iterator[str]:
    taken = {base for base, _ in MAJORS} | {base for base, _, _ in TRADFI}
    for number in count():
        place = (number * _STRIDE + seed * 7_919) % _NAMES
        letters = []
        for alphabet in (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS, _CONSONANTS):
            place, letter = divmod(place, len(alphabet))
            letters.append(alphabet[letter])
        name = "".join(letters)
        if name not in taken:
            yield name
