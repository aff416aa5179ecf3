"""The feed row and a stored quote against the columns of the schema."""

import sqlite3
from dataclasses import fields

import msgspec

from funding.model.feed import Feed, StoredQuote
from tests.conftest import ROOT


def columns(table: str) -> set[str]:
    """The columns of `table` in schema.sql."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript((ROOT / "schema.sql").read_text("utf-8"))
        return {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
    finally:
        connection.close()


def test_feed_has_the_columns_of_its_row() -> None:
    others = {"exchange_offset", "store_locked_since"}  # the watchdog's, and one that is not used
    assert {field.name for field in fields(Feed)} == columns("feed") - others


def test_stored_quote_has_columns_an_age_and_the_status_of_its_contract() -> None:
    names = {field.name for field in msgspec.structs.fields(StoredQuote)}
    assert names - columns("quote") == {"age_seconds", "status", "interval_source"}
