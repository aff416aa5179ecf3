"""A contract against the columns of the schema, and the words of its status."""

from contextlib import closing

import apsw
import pytest

from funding.model.contract import Contract, ContractStatus
from tests.conftest import ROOT
from tests.support.store import contract


def test_a_contract_has_the_columns_of_its_table_in_order() -> None:
    with closing(apsw.Connection(":memory:")) as database:
        database.execute((ROOT / "schema.sql").read_text("utf-8"))
        columns = [
            row[0] for row in database.execute("SELECT name FROM pragma_table_info('contract')")
        ]
        assert list(Contract._fields) == columns
        for status in ContractStatus:
            row = contract(str(status), status=status)
            database.execute(f"INSERT INTO contract VALUES ({', '.join('?' * len(row))})", row)
        with pytest.raises(apsw.ConstraintError):
            database.execute("UPDATE contract SET status = 'BREAK'")
