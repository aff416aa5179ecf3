"""Is this answer right? The checks of a client, and what it remembers for the next answer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.soak.api_connection import NOT_FOUND, OK, UNCHANGED, Reply
from harness.soak.oracle import Oracle

_CLOCK_SECONDS = 0.06
"""Our wall clock against the service's, which counts ages by another clock; with rounding."""
_KEPT = 200


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An answer that is not good, between two moments (monotonic s); `kind` names the outcome."""

    began: float
    ended: float
    kind: str
    detail: str = ""


@dataclass(slots=True)
class AnswerChecker:
    """For one client. `wrong` are answers that no fault excuses."""

    oracle: Oracle
    stale_after: float
    newest: dict[str, int] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    wrong_count: int = 0
    wrong: list[str] = field(default_factory=list)
    anomalies: list[Anomaly] = field(default_factory=list)

    def blame(self, text: str) -> None:
        """A wrong answer."""
        self.wrong_count += 1
        if len(self.wrong) < _KEPT:
            self.wrong.append(text)

    def note(self, reply: Reply, kind: str, detail: str = "") -> None:
        """An answer that only a fault excuses."""
        self.outcomes[kind] += 1
        self.anomalies.append(Anomaly(reply.began, reply.ended, kind, detail))

    def row(self, row: Mapping[str, Any], reply: Reply, unchanged: bool = False) -> None:
        """A row of an answer; `unchanged`: of an earlier one, by a 304."""
        self.rows += 1
        if found := self.oracle.wrong(row, reply.received_at * 1000):
            self.blame(found)
        symbol, at = row["symbol"], row["eventTime"]
        if at < self.newest.get(symbol, 0):
            self.blame(f"{symbol}: event time went back, {self.newest[symbol]} → {at}")
        self.newest[symbol] = max(at, self.newest.get(symbol, 0))
        if not unchanged and (found := untimely(row, reply)):
            self.blame(found)
        if "stale" in row and row["stale"] != (row["ageSeconds"] > self.stale_after):
            self.blame(f"{symbol}: stale {row['stale']} at an age of {row['ageSeconds']} s")

    def one(self, symbol: str, reply: Reply) -> None:
        """GET /funding/<symbol>"""
        if reply.outcome == OK:
            self.outcomes[OK] += 1
            self.row(reply.body, reply)
            self._has_symbol(symbol, reply.body)
            if reply.body["ageSeconds"] > self.stale_after:
                self.blame(f"{symbol}: {reply.body['ageSeconds']} s old, and not called stale")
        elif reply.outcome == "503 stale":
            self.note(reply, reply.outcome, symbol)
            self.row(reply.body["last"], reply)
            if reply.body["ageSeconds"] <= self.stale_after:
                self.blame(f"{symbol}: called stale at {reply.body['ageSeconds']} s")
        else:
            self.note(reply, reply.outcome, symbol)

    def unknown(self, symbol: str, reply: Reply) -> None:
        """A symbol that does not exist: 404 and nothing else."""
        if reply.outcome == OK:
            self.blame(f"{symbol} does not exist, and is served")
        elif reply.outcome == f"{NOT_FOUND} unknown symbol":
            self.outcomes["404 of a symbol that does not exist"] += 1
        else:
            self.note(reply, reply.outcome, symbol)

    def batch(self, asked: Sequence[str], reply: Reply) -> None:
        """GET /funding/batch, of symbols that exist and are asked for once."""
        if reply.outcome != OK:
            self.note(reply, reply.outcome)
            return
        body = reply.body
        for row in body["data"]:
            self.row(row, reply)
        shown, missing = [row["symbol"] for row in body["data"]], set(body["missingSymbols"])
        if shown != [symbol for symbol in asked if symbol not in missing]:
            self.blame("a batch in another order, or with other symbols, than asked")
        if [body["found"], body["missing"], body["total"]] != [
            len(shown),
            len(missing),
            len(asked),
        ]:
            self.blame(f"a batch counts {body['found']} + {body['missing']} = {body['total']}")
        self.complete(reply, len(missing))

    def all(self, rows: Sequence[Mapping[str, Any]], reply: Reply) -> None:
        """GET /funding: its rows; with a 304 those of the answer before."""
        unchanged = reply.outcome == UNCHANGED
        if not unchanged and reply.outcome != OK:
            self.note(reply, reply.outcome)
            return
        for row in rows:
            self.row(row, reply, unchanged)
        if not unchanged and reply.body["total"] != len(rows):
            self.blame(f"{len(rows)} rows, and a total of {reply.body['total']}")
        self.complete(reply, len(set(self.oracle.symbols) - {row["symbol"] for row in rows}))

    def complete(self, reply: Reply, missing: int) -> None:
        """An answer about several symbols that lacks so many of them."""
        if missing:
            self.note(reply, "symbols missing", str(missing))
        else:
            self.outcomes[reply.outcome] += 1

    def health(self, reply: Reply) -> None:
        """GET /funding/health"""
        if reply.outcome != OK:
            reasons = reply.body.get("reasons", []) if isinstance(reply.body, dict) else []
            self.note(reply, reply.outcome, "; ".join(reasons))
            return
        self.outcomes[OK] += 1
        # Degraded: REST stands in for the stream, and the reasons say so.
        expected = "degraded" if reply.body["reasons"] else "healthy"
        if reply.body["status"] != expected:
            self.blame(f"200 and {reply.body['status']}: {reply.body['reasons']}")

    def _has_symbol(self, symbol: str, row: Mapping[str, Any]) -> None:
        if row["symbol"] != symbol:
            self.blame(f"asked for {symbol}, answered {row['symbol']}")


def untimely(row: Mapping[str, Any], reply: Reply) -> str:
    """What is wrong with the moment at which a row was received, and with its age."""
    symbol, updated, age = row["symbol"], row["updatedAt"], row["ageSeconds"]
    if not reply.asked_at - _CLOCK_SECONDS <= updated + age <= reply.received_at + _CLOCK_SECONDS:
        off = updated + age - (reply.asked_at + reply.received_at) / 2
        return f"{symbol}: received at {updated}, {age} s old: that is {off:+.3f} s from now"
    if age < 0 or abs(row["lastUpdateTime"] + 0.5 - updated) > 0.502:
        return f"{symbol}: age {age}, lastUpdateTime {row['lastUpdateTime']} of {updated}"
    if updated < row["eventTime"] / 1000 - 0.25:
        return f"{symbol}: received at {updated}, sent only at {row['eventTime']}"
    return ""


def together(
    parts: Iterable[AnswerChecker],
) -> tuple[Counter[str], list[Anomaly], list[str], int, int]:
    """Outcomes, anomalies by time, wrong answers, and the counts of wrong answers and of rows."""
    outcomes: Counter[str] = Counter()
    anomalies: list[Anomaly] = []
    wrong: list[str] = []
    wrong_count = rows = 0
    for part in parts:
        outcomes += part.outcomes
        anomalies += part.anomalies
        wrong += part.wrong
        wrong_count, rows = wrong_count + part.wrong_count, rows + part.rows
    return outcomes, sorted(anomalies, key=lambda each: each.began), wrong, wrong_count, rows
