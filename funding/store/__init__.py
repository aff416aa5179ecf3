"""The SQLite file: the only importer of apsw.

One `Writer` at a time writes quotes and the feed row; any number of `Reader`s read beside it, and a
`Ledger` keeps what must not be lost. The names below are loaded when they are first asked for: the
API needs none of the modules that the consumers need, and each costs memory in every process.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from funding.store.alerts import Alerts, Due
    from funding.store.connection import open_writer
    from funding.store.damage import report_damage
    from funding.store.ledger import Ledger
    from funding.store.purse import Purse
    from funding.store.reader import Reader
    from funding.store.salvage import copy_readable, is_damaged, set_aside
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
    "copy_readable",
    "is_damaged",
    "open_writer",
    "report_damage",
    "set_aside",
    "set_aside_if_foreign",
]

_HOMES = {
    "alerts": ("Alerts", "Due"),
    "connection": ("open_writer",),
    "damage": ("report_damage",),
    "ledger": ("Ledger",),
    "purse": ("Purse",),
    "reader": ("Reader",),
    "salvage": ("copy_readable", "is_damaged", "set_aside"),
    "samples": ("Samples",),
    "writer": ("Writer", "set_aside_if_foreign"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"funding.store.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(name)
