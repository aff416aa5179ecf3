"""What observers saw, judged. Pure: lines in, figures out."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Line = Mapping[str, Any]


def parse(text: str) -> list[Line]:
    """The lines of an observer that still writes: the last may be torn."""
    whole = text[: text.rfind("\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]


class Step(NamedTuple):
    """A quote that is older than the one before."""

    at: float
    name: str
    before: int
    event_time: int


def steps_back(lines: Iterable[Line]) -> list[Step]:
    """Where a symbol's event time went back."""
    newest: dict[str, int] = {}
    found = []
    for line in lines:
        if line["kind"] == "quote":
            name, event_time = line["name"], line["event_time"]
            if event_time < newest.get(name, 0):
                found.append(Step(line["at"], name, newest[name], event_time))
            newest[name] = max(event_time, newest.get(name, 0))
    return found


def values_back(lines: Iterable[Line]) -> list[Step]:
    """Where a later revision of a key has an older quote. An earlier revision with an older quote
    is the answer of a server that is behind, and no step of the bucket; with a newer quote, that
    of a bucket that was made again, whose revisions begin at 1."""
    last: dict[str, tuple[int, int]] = {}
    found = []
    for line in lines:
        if line["kind"] != "value":
            continue
        name, event_time, revision = line["name"], line["event_time"], line["revision"]
        known, newest = last.get(name, (0, 0))
        if event_time >= newest:
            last[name] = revision, event_time
        elif revision > known:
            found.append(Step(line["at"], name, newest, event_time))
    return found


def recovered_after(lines: Iterable[Line], fault_at: float) -> float | None:
    """Seconds from the fault to the first quote of an event after it; None: there was none."""
    fault_ms = 1_000 * fault_at
    for line in lines:
        if line["kind"] == "quote" and line["at"] > fault_at and line["event_time"] > fault_ms:
            return float(line["at"] - fault_at)
    return None


def longest_gap(lines: Iterable[Line], since: float, until: float) -> float:
    """The longest time between two quotes of growing event time, of whichever symbol."""
    last, newest, longest = since, 0, 0.0
    for line in lines:
        if line["kind"] == "quote" and since <= line["at"] <= until and line["event_time"] > newest:
            newest = line["event_time"]
            longest = max(longest, line["at"] - last)
            last = line["at"]
    return max(longest, until - last)


def oldest_newest(lines: Iterable[Line], since: float, until: float) -> float | None:
    """How old the newest quote was at most, in seconds; None where none was told."""
    ages = [
        float(line["newest"])
        for line in lines
        if line["kind"] == "poll" and since <= line["at"] <= until and line["newest"] is not None
    ]
    return max(ages, default=None)


def without_quotes(lines: Iterable[Line], since: float, until: float) -> tuple[int, int]:
    """Of how many polls how many got no quote at all."""
    polls = [
        line["count"] for line in lines if line["kind"] == "poll" and since <= line["at"] <= until
    ]
    return len(polls), polls.count(0)


def takers(lines: Iterable[Line], since: float, until: float) -> dict[str, int]:
    """How many plain messages came of each."""
    return dict(
        Counter(
            line["taker"]
            for line in lines
            if line["kind"] == "quote" and since <= line["at"] <= until
        )
    )


def both_at_once(lines: Iterable[Line]) -> int:
    """Plain messages of quotes that another taker had sent already."""
    first: dict[tuple[str, int], str] = {}
    twice = 0
    for line in lines:
        if line["kind"] == "quote":
            key = line["name"], line["event_time"]
            twice += first.setdefault(key, line["taker"]) != line["taker"]
    return twice


def sent_twice(lines: Iterable[Line]) -> int:
    """Plain messages of quotes that the same taker had sent already."""
    count = Counter(
        (line["name"], line["event_time"], line["taker"])
        for line in lines
        if line["kind"] == "quote"
    )
    return sum(count.values()) - len(count)


class Kept(NamedTuple):
    """One message of the stream."""

    table: str
    taker: str
    id: int
    body: Mapping[str, Any]


def kept(subject: str, body: Mapping[str, Any]) -> Kept:
    """The message of the stream under `subject`."""
    return Kept(subject.split(".")[1], body["taker"], int(body["id"]), body)


SIGNAL = ("exchange", "symbol", "kind", "zone", "direction", "eventTime", "detail")
"""What the rows of one signal have alike on every taker; of the detail what is before its figures:
which threshold was crossed."""


class Trail(NamedTuple):
    """What became of the rows of one table of one taker."""

    acknowledged: int
    missing: tuple[int, ...]
    twice: int
    ended: int = 0
    """Events that were sent once more with their end, as they are meant to be."""

    def __str__(self) -> str:
        lost = f"{len(self.missing)} missing {list(self.missing[:5])}" if self.missing else "0 lost"
        again = f", {self.ended} again with their end" if self.ended else ""
        return f"{self.acknowledged} acknowledged, {lost}, {self.twice} twice{again}"


def trail(
    stream: Sequence[Kept], table: str, taker: str, rows: Iterable[tuple[int, object]]
) -> Trail:
    """Of `rows` (id, and what tells it from a row of another store with the same id), all of which
    were acknowledged, how many are not in `stream`, and how many are there more than once."""
    count = Counter(
        ((each.id, _mark(each)), each.body.get("durationSeconds"))
        for each in stream
        if (each.table, each.taker) == (table, taker)
    )
    versions = Counter(row for row, _ in count)
    asked = set(rows)
    missing = tuple(sorted(number for number, mark in asked if (number, mark) not in versions))
    twice = sum(many - 1 for (row, _), many in count.items() if row in asked)
    ended = sum(versions[row] - 1 for row in asked & versions.keys())
    return Trail(len(asked), missing, twice, ended)


def _mark(each: Kept) -> object:
    return each.body.get("at", each.body.get("comparedAt"))


def signals(stream: Sequence[Kept], rows: Iterable[tuple[int, tuple[object, ...]]]) -> Trail:
    """The same of signals, which two takers have alike: `rows` have the values of SIGNAL."""
    count = Counter(
        _cause([each.body[name] for name in SIGNAL]) for each in stream if each.table == "signal"
    )
    asked = [(number, _cause(values)) for number, values in rows]
    missing = tuple(number for number, values in asked if values not in count)
    return Trail(
        len(asked), missing, sum(count[v] - 1 for v in {v for _, v in asked} & count.keys())
    )


def _cause(values: Sequence[object]) -> tuple[object, ...]:
    *rest, detail = values
    return (*rest, str(detail).partition(": ")[0])


def delays(lines: Iterable[Line]) -> Iterator[float]:
    """Seconds from sending to receipt of the plain messages: all machines have one clock here."""
    return (line["at"] - line["sent_at"] for line in lines if line["kind"] == "quote")
