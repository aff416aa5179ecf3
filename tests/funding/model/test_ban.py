"""The kinds of a ban are those that the database takes."""

from contextlib import closing, suppress

import apsw

from funding.model.ban import BanKind
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
