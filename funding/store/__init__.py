"""The SQLite file: the only importer of apsw.

One `Writer` at a time writes quotes and the feed row; any number of `Reader`s read beside it.
"""

from funding.store.alerts import Alerts, Due
from funding.store.connection import open_reader, open_writer
from funding.store.damage import report_damage
from funding.store.ledger import Ledger
from funding.store.purse import Purse
from funding.store.reader import Reader
from funding.store.salvage import is_damaged, salvage, set_aside
from funding.store.samples import Samples
from funding.store.writer import Writer, set_aside_if_foreign

__all__ = [
    "Alerts",
    "Due",
    "Ledger",
    "Purse",
    "Reader",
    "Samples",
    "Writer",
    "is_damaged",
    "open_reader",
    "open_writer",
    "report_damage",
    "salvage",
    "set_aside",
    "set_aside_if_foreign",
]
