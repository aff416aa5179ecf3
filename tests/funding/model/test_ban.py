"""Bans as values."""

from contextlib import closing, suppress

import apsw

from funding.model.ban import LONGEST_BAN_SECONDS, BanKind
from tests.conftest import ROOT


def test_the_database_takes_each_kind_and_no_other() -> None:
    taken = []
    with closing(apsw.Connection(":memory:")) as database:
        database.execute((ROOT / "schema.sql").read_text("utf-8"))
        for kind in (*BanKind, "paused", ""):
            with suppress(apsw.ConstraintError):
                database.execute("INSERT INTO rest_ban VALUES (?1, 0, 0, '', ?1)", (kind,))
                taken.append(kind)
    assert taken == list(BanKind)


def test_longest_ban_is_that_of_the_exchange() -> None:
    """Binance: "IP bans … scale in duration …, from 2 minutes to 3 days"."""
    assert LONGEST_BAN_SECONDS == 3 * 24 * 3_600


def test_kind_is_read_from_its_word() -> None:
    assert BanKind("over-budget") is BanKind.OVER_BUDGET
