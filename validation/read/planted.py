"""The controls: pairs planted to differ, which must have been flagged."""

from validation.read.rows import Row, readable
from validation.rules import FIELDS, difference_pct, outcome_of, stored_agrees


class Controls:
    """How many were planted and missed, in which symbols, and how many were edited."""

    def __init__(self) -> None:
        self.planted = self.missed = self.edited = 0
        self.symbols: set[str] = set()

    def add(self, row: Row) -> None:
        """Judge one: it is caught when its values differ as they were planted to, and the stored
        outcome, that of the service, says so."""
        self.planted += 1
        self.symbols.add(str(row.symbol))
        ours, theirs = row.ws, row.rest
        if row.field not in FIELDS or ours is None or theirs is None:
            self.missed += 1
            return
        if not (readable(ours) and readable(theirs)):
            self.missed += 1
            return
        difference = difference_pct(row.field, ours, theirs)
        if outcome_of(difference) != "significant":
            self.missed += 1
        elif not stored_agrees(difference, row.stored, row.stored_pct):
            # A planted pair is judged like any other: an edited outcome is no proof of sight.
            self.edited += 1
            self.missed += row.stored != "significant"
