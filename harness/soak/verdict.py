"""What was seen in, verdicts out: each criterion can fail. Pure."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from harness.soak.answers import Oddity
from harness.soak.faults import LOST, REFUSED, Injury
from harness.soak.growth import MEASURES, SHORTEST_SECONDS
from harness.soak.pace import Pace
from harness.soak.seen import Seen

WAL_BYTES = 16 * 1024 * 1024
"""Where ingest itself begins to complain; it moves the WAL into the file every ten seconds."""
AFTERWARDS_SECONDS = 1.0
"""For an answer that was on its way when all was well again."""
_SHOWN = 5


class Criterion(NamedTuple):
    """`verdict` is PASS, FAIL or OPEN (the run was too short to tell)."""

    name: str
    verdict: str
    figures: str
    details: tuple[str, ...] = ()


def verdicts(seen: Seen) -> list[Criterion]:
    """All criteria."""
    return [judge(seen) for judge in CRITERIA]


def _told(bad: Iterable[str]) -> tuple[str, ...]:
    return tuple(bad)[:_SHOWN]


def _verdict(good: bool, some: bool = True) -> str:
    return ("PASS" if some else "OPEN") if good else "FAIL"


def truth(seen: Seen) -> Criterion:
    """Each value is the one that was sent for its event time."""
    figures = (
        f"{seen.wrongs} wrong of {seen.rows:,} rows over HTTP"
        f" and {seen.read_rows:,} read by sqlite3"
    )
    some = seen.rows > 0 and seen.read_rows > 0
    return Criterion(
        "every lookup answered truly", _verdict(not seen.wrongs, some), figures, _told(seen.wrong)
    )


def excused(odd: Oddity, injuries: Iterable[Injury]) -> bool:
    """Whether a fault that may lead to this was going on."""
    return any(
        odd.kind in each.kind.excuses
        and odd.began <= (each.ended or math.inf) + AFTERWARDS_SECONDS
        and odd.ended >= each.began
        for each in injuries
    )


def errors(seen: Seen) -> Criterion:
    """Whatever is no good answer has its fault."""
    bad = [each for each in seen.odd if not excused(each, seen.injuries)]
    counts = Counter(each.kind for each in seen.odd)
    good = sum(seen.answers.values()) - sum(
        count for kind, count in seen.answers.items() if kind in counts
    )
    told = ", ".join(f"{count} × {kind}" for kind, count in counts.most_common())
    figures = f"{len(bad)} without a fault; {good:,} good answers; during faults: {told or 'none'}"
    details = (f"{each.kind} {each.detail} at {each.began:.1f}" for each in bad)
    return Criterion("errors only while a fault excuses them", _verdict(not bad, good > 0), figures,
                     _told(details))  # fmt: skip


def lost(seen: Seen) -> Criterion:
    """A killed API process loses what it had in hand; refused is nobody while supervisord lives."""
    killed = sum(each.killed for each in seen.injuries)
    count = Counter(each.kind for each in seen.odd)
    figures = (
        f"{count[LOST]} lost with {killed} killed API processes"
        f" (at most {killed * seen.clients} in hand), {count[REFUSED]} refused"
    )
    return Criterion(
        "no request lost but in hand of a killed process",
        _verdict(count[LOST] <= killed * seen.clients),
        figures,
    )


def kept(seen: Seen) -> Criterion:
    """No acknowledged comparison is lost but in a database that was destroyed on purpose."""
    figures = (
        f"{len(seen.missing)} lost of {seen.asked:,} asked for before their database was destroyed"
        f" or the run ended; {seen.acknowledged:,} acknowledged, {seen.destroyed:,} of them gone"
        f" with a destroyed database, {seen.refused:,} refused with an error"
    )
    bad = (f"comparison {number} was acknowledged and is not there" for number in seen.missing)
    return Criterion(
        "no acknowledged comparison lost", _verdict(not seen.missing, seen.asked > 0), figures,
        _told(bad),
    )  # fmt: skip


def salvage(seen: Seen) -> Criterion:
    """What a set-aside database still has is copied over."""
    figures = f"{seen.salvaged:,} copied, {len(seen.unsalvaged)} readable but not copied"
    return Criterion(
        "salvaged what can be read of a damaged database", _verdict(not seen.unsalvaged), figures
    )


def growth(seen: Seen) -> Criterion:
    """No program grows."""
    each = {
        f"{program}: {measure}": (found, found.verdict(MEASURES[measure]))
        for program, measures in seen.slopes.items()
        for measure, found in measures.items()
    }
    results = [verdict for _, verdict in each.values()]
    verdict = "FAIL" if "FAIL" in results else "OPEN" if "OPEN" in results or not each else "PASS"
    bad = (
        f"{name} {found.per_hour:+.2f} per hour ({found.low:+.2f} to {found.high:+.2f}): {verdict}"
        for name, (found, verdict) in each.items()
        if verdict == "FAIL" or (verdict == "OPEN" and found.seconds >= SHORTEST_SECONDS)
    )
    count = Counter(results)
    figures = f"{count['PASS']} series flat, {count['FAIL']} growing, {count['OPEN']} open"
    return Criterion("no growth of descriptors, threads, memory", verdict, figures, tuple(bad))


def recovered(seen: Seen) -> Criterion:
    """Each fault, in its time."""
    late = [each for each in seen.injuries if not in_time(each, seen.pace)]
    bad = [
        f"{each.kind.name}: {each.seconds:.1f} s of {each.kind.bound(seen.pace):.1f}"
        if each.ended
        else f"{each.kind.name}: not recovered"
        for each in late
    ]
    if seen.given_up:
        bad.insert(0, seen.given_up)
    figures = f"{len(seen.injuries) - len(late)} of {len(seen.injuries)} within their bounds"
    return Criterion(
        "every fault recovered", _verdict(not bad, bool(seen.injuries)), figures, _told(bad)
    )


def in_time(injury: Injury, pace: Pace) -> bool:
    """Whether it recovered within its bound."""
    return bool(injury.ended) and injury.seconds <= injury.kind.bound(pace)


def sound(seen: Seen) -> Criterion:
    """The database is intact, and its WAL small."""
    bad = [each for each in seen.checks if each != "ok"]
    good = not bad and seen.wal_bytes <= WAL_BYTES
    figures = (
        f"{len(seen.checks) - len(bad)} of {len(seen.checks)} checks say ok;"
        f" WAL at most {seen.wal_bytes / 2**20:.1f} MiB of {WAL_BYTES >> 20}"
    )
    return Criterion("integrity_check ok, WAL bounded", _verdict(good, bool(seen.checks)), figures,
                     _told(bad))  # fmt: skip


def alive(seen: Seen) -> Criterion:
    """No program ended that no fault had ended, and the stop was clean."""
    bad = [*seen.ended_by_itself, *([seen.stop] if seen.stop else [])]
    figures = f"{len(seen.ended_by_itself)} ended by themselves; stop {seen.stop or 'clean'}"
    return Criterion("no other restarts, a clean stop", _verdict(not bad), figures, _told(bad))


CRITERIA: Sequence[Callable[[Seen], Criterion]] = (
    truth, errors, lost, kept, salvage, growth, recovered, sound, alive,
)  # fmt: skip


class Row(NamedTuple):
    """One kind of fault: how often, seconds until recovered, and the bound."""

    name: str
    times: int
    median: float
    most: float
    bound: float
    late: int


def table(seen: Seen) -> list[Row]:
    """By kind, in the order of the catalogue."""
    by: dict[str, list[Injury]] = defaultdict(list)
    for each in seen.injuries:
        by[each.kind.name].append(each)
    rows = []
    for name, injuries in by.items():
        seconds = [each.seconds for each in injuries if each.ended] or [math.nan]
        late = sum(not in_time(each, seen.pace) for each in injuries)
        bound = injuries[0].kind.bound(seen.pace)
        rows.append(Row(name, len(injuries), statistics.median(seconds), max(seconds), bound, late))
    return sorted(rows)
