"""Which value of a bucket replaces which."""

import msgspec
import pytest

from funding.model.feed import StoredQuote
from funding.nats import messages, subjects
from funding.publish.kept_rules import ContractRules, QuoteRules
from tests.support.store import NOW_MS, contract

NOW = NOW_MS / 1000
KEY = "binance.BTCUSDT"
QUOTES = QuoteRules(lambda: NOW + 10.0)


def body(event_time: int = NOW_MS, taker: str = "one", sent_at: float = NOW) -> bytes:
    """A quote as a taker sends it."""
    quote = StoredQuote("binance", "BTCUSDT", 2.0, 2.0, None, None, event_time, NOW, 1.0)
    return messages.encode_quote(quote, messages.ending(sent_at, taker))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (body(NOW_MS + 1), body(taker="two"), True),
        (body(), body(NOW_MS + 1, taker="two"), False),
        (body(), body(taker="two"), False),
        (body(sent_at=NOW + 1), body(), True),
        (body(), body(sent_at=NOW + 1), False),
        (body(), body(NOW_MS + 86_400_000, taker="two"), True),  # a time that was never true
        (body(), b"rubbish", True),
        (b"rubbish", body(), False),
        (b"rubbish", b"rubbish", False),
    ],
)
def test_a_quote_never_goes_back(ours: bytes, theirs: bytes, expected: bool) -> None:
    assert QUOTES.is_newer(KEY, ours, theirs) is expected


def test_a_quote_is_gone_after_a_day() -> None:
    assert not QUOTES.is_gone(KEY, body())
    assert QuoteRules(lambda: NOW + 86_401.0).is_gone(KEY, body())
    assert QUOTES.is_gone(KEY, b"rubbish")


def test_a_contract_is_as_it_was_told_last() -> None:
    rules = ContractRules()
    one = contract("BTCUSDT")
    key = subjects.key(one.exchange, one.symbol)
    ours = messages.encode_contract(one)
    later = messages.encode_contract(one._replace(checked_at=one.checked_at + 1))
    assert rules.is_newer(key, later, ours)
    assert rules.is_newer(key, ours, ours)
    assert not rules.is_newer(key, ours, later)
    assert rules.is_newer(key, ours, msgspec.json.encode({}))
    assert not rules.is_newer(key, b"rubbish", ours)
    assert rules.is_gone(key, ours)
