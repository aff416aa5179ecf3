"""Bans as values."""

from funding.model.ban import LONGEST_BAN_SECONDS, Ban, BanKind


def test_kinds_are_stored_as_their_words() -> None:
    assert [f"{kind}" for kind in BanKind] == ["banned", "over-budget"]
    assert BanKind("over-budget") is BanKind.OVER_BUDGET


def test_ban_is_a_value() -> None:
    ban = Ban(1_000.0, BanKind.BANNED, 1, "status 418")
    assert ban == Ban(until=1_000.0, kind=BanKind.BANNED, pauses=1, reason="status 418")
    assert ban._replace(until=2_000.0) != ban


def test_longest_ban_is_that_of_the_exchange() -> None:
    """Binance: "IP bans … scale in duration …, from 2 minutes to 3 days"."""
    assert LONGEST_BAN_SECONDS == 3 * 24 * 3_600
