"""The controls: pairs planted to differ, which the service must have flagged."""

from validation.read.rows import Row, readable
from validation.rules import FIELDS, Outcome, difference_pct, outcome_of, stored_agrees


class PlantedPairs:
    """How many were planted and missed, in which symbols, and how many were edited."""

    def __init__(self) -> None:
        self.planted = self.missed = self.edited = 0
        self.symbols: set[str] = set()

    def add(self, row: Row) -> None:
        """Judge one: it is caught when its values differ as they were planted to, and the stored
        outcome, which is the service's, says so."""
        self.planted += 1
        self.symbols.add(str(row.symbol))
        ours, theirs = row.ws, row.rest
        complete = row.field in FIELDS and ours is not None and theirs is not None
        if not (complete and readable(ours) and readable(theirs)):
            self.missed += 1
            return
        difference = difference_pct(row.field, ours, theirs)
        if outcome_of(difference) is not Outcome.SIGNIFICANT:
            self.missed += 1
        elif not stored_agrees(difference, row.stored, row.stored_pct):
            # A planted pair is judged like any other: an edited outcome proves nothing.
            self.edited += 1
            self.missed += row.stored != Outcome.SIGNIFICANT
