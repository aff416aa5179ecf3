"""Is this answer right? What a client checks of each, and what it remembers for the next."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.soak.oracle import Oracle
from harness.soak.web import NOT_FOUND, OK, UNCHANGED, Got

_CLOCK_SECONDS = 0.06
"""Between our wall clock and the service's, which counts ages by another clock; with rounding."""
_KEPT = 200


@dataclass(frozen=True, slots=True)
class Oddity:
    """Anything but a good answer, between two moments (monotonic s); `kind` names the outcome."""

    began: float
    ended: float
    kind: str
    detail: str = ""


@dataclass(slots=True)
class Seen:
    """What one client has seen. `wrong` are answers that nothing excuses."""

    oracle: Oracle
    stale_after: float
    newest: dict[str, int] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    wrongs: int = 0
    wrong: list[str] = field(default_factory=list)
    odd: list[Oddity] = field(default_factory=list)

    def blame(self, text: str) -> None:
        """A wrong answer."""
        self.wrongs += 1
        if len(self.wrong) < _KEPT:
            self.wrong.append(text)

    def note(self, got: Got, kind: str, detail: str = "") -> None:
        """An answer that only a fault excuses."""
        self.outcomes[kind] += 1
        self.odd.append(Oddity(got.began, got.ended, kind, detail))

    def row(self, row: Mapping[str, Any], got: Got, held: bool = False) -> None:
        """A row of an answer; `held`: of an earlier one that a 304 says still holds."""
        self.rows += 1
        if found := self.oracle.wrong(row, got.had_at * 1000):
            self.blame(found)
        symbol, at = row["symbol"], row["eventTime"]
        if at < self.newest.get(symbol, 0):
            self.blame(f"{symbol}: event time went back, {self.newest[symbol]} → {at}")
        self.newest[symbol] = max(at, self.newest.get(symbol, 0))
        if not held and (found := untimely(row, got)):
            self.blame(found)
        if "stale" in row and row["stale"] != (row["ageSeconds"] > self.stale_after):
            self.blame(f"{symbol}: stale {row['stale']} at an age of {row['ageSeconds']} s")

    def one(self, symbol: str, got: Got) -> None:
        """GET /funding/<symbol>"""
        if got.outcome == OK:
            self.outcomes[OK] += 1
            self.row(got.body, got)
            self._named(symbol, got.body)
            if got.body["ageSeconds"] > self.stale_after:
                self.blame(f"{symbol}: {got.body['ageSeconds']} s old, and not called stale")
        elif got.outcome == "503 stale":
            self.note(got, got.outcome, symbol)
            self.row(got.body["last"], got)
            if got.body["ageSeconds"] <= self.stale_after:
                self.blame(f"{symbol}: called stale at {got.body['ageSeconds']} s")
        else:
            self.note(got, got.outcome, symbol)

    def nobody(self, symbol: str, got: Got) -> None:
        """A symbol that does not exist: 404 and nothing else."""
        if got.outcome == OK:
            self.blame(f"{symbol} does not exist, and is served")
        elif got.outcome == f"{NOT_FOUND} unknown symbol":
            self.outcomes["404 of a symbol that does not exist"] += 1
        else:
            self.note(got, got.outcome, symbol)

    def batch(self, asked: Sequence[str], got: Got) -> None:
        """GET /funding/batch, of symbols that exist and are asked for once."""
        if got.outcome != OK:
            self.note(got, got.outcome)
            return
        body = got.body
        for row in body["data"]:
            self.row(row, got)
        shown, missing = [row["symbol"] for row in body["data"]], set(body["missingSymbols"])
        if shown != [symbol for symbol in asked if symbol not in missing]:
            self.blame("a batch in another order, or with other symbols, than asked")
        if [body["found"], body["missing"], body["total"]] != [
            len(shown),
            len(missing),
            len(asked),
        ]:
            self.blame(f"a batch counts {body['found']} + {body['missing']} = {body['total']}")
        self.complete(got, len(missing))

    def all(self, rows: Sequence[Mapping[str, Any]], got: Got) -> None:
        """GET /funding: its rows, those of the answer before for a 304."""
        held = got.outcome == UNCHANGED
        if not held and got.outcome != OK:
            self.note(got, got.outcome)
            return
        for row in rows:
            self.row(row, got, held)
        if not held and got.body["total"] != len(rows):
            self.blame(f"{len(rows)} rows, and a total of {got.body['total']}")
        self.complete(got, len(set(self.oracle.symbols) - {row["symbol"] for row in rows}))

    def complete(self, got: Got, missing: int) -> None:
        """An answer of several symbols that lacks so many."""
        if missing:
            self.note(got, "symbols missing", str(missing))
        else:
            self.outcomes[got.outcome] += 1

    def health(self, got: Got) -> None:
        """GET /funding/health"""
        if got.outcome != OK:
            reasons = got.body.get("reasons", []) if isinstance(got.body, dict) else []
            self.note(got, got.outcome, "; ".join(reasons))
            return
        self.outcomes[OK] += 1
        if got.body["status"] != "healthy" or got.body["reasons"]:
            self.blame(f"200 and {got.body['status']}: {got.body['reasons']}")

    def _named(self, symbol: str, row: Mapping[str, Any]) -> None:
        if row["symbol"] != symbol:
            self.blame(f"asked for {symbol}, answered {row['symbol']}")


def untimely(row: Mapping[str, Any], got: Got) -> str:
    """What is wrong with when a row says that it came, and how old it says it is."""
    symbol, updated, age = row["symbol"], row["updatedAt"], row["ageSeconds"]
    if not got.asked_at - _CLOCK_SECONDS <= updated + age <= got.had_at + _CLOCK_SECONDS:
        off = updated + age - (got.asked_at + got.had_at) / 2
        return f"{symbol}: received at {updated}, {age} s old: that is {off:+.3f} s from now"
    if age < 0 or abs(row["lastUpdateTime"] + 0.5 - updated) > 0.502:
        return f"{symbol}: age {age}, lastUpdateTime {row['lastUpdateTime']} of {updated}"
    if updated < row["eventTime"] / 1000 - 0.25:
        return f"{symbol}: received at {updated}, sent only at {row['eventTime']}"
    return ""


def together(parts: Iterable[Seen]) -> tuple[Counter[str], list[Oddity], list[str], int, int]:
    """Outcomes, oddities by time, wrong answers, and how many wrong ones and rows there were."""
    outcomes: Counter[str] = Counter()
    odd: list[Oddity] = []
    wrong: list[str] = []
    wrongs = rows = 0
    for part in parts:
        outcomes += part.outcomes
        odd += part.odd
        wrong += part.wrong
        wrongs, rows = wrongs + part.wrongs, rows + part.rows
    return outcomes, sorted(odd, key=lambda each: each.began), wrong, wrongs, rows
