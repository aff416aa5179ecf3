"""Observations in, verdicts out: each criterion can fail. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from harness.soak.answer_checks import Anomaly
from harness.soak.fault_courses import LOST, REFUSED, Fault
from harness.soak.observations import Observations
from harness.soak.slopes import MEASURES, SHORTEST_SECONDS
from harness.soak.speed import Speed
from harness.tables import Criterion, Verdict, verdict

WAL_BYTES = 16 * 1024 * 1024
"""Where ingest itself begins to complain; it moves the WAL into the file every ten seconds."""
AFTERWARDS_SECONDS = 1.0
"""For an answer that was on its way when everything had recovered."""
_SHOWN = 5


def verdicts(seen: Observations) -> list[Criterion]:
    """All criteria, each with the first details alone."""
    found = [judge(seen) for judge in CRITERIA]
    return [each._replace(details=each.details[:_SHOWN]) for each in found]


def truth(seen: Observations) -> Criterion:
    """Each value is the one that was sent for its event time."""
    figures = (
        f"{seen.wrong_count} wrong of {seen.rows:,} rows over HTTP"
        f" and {seen.read_rows:,} read by sqlite3"
    )
    measured = seen.rows > 0 and seen.read_rows > 0
    return Criterion("every lookup answered truly", verdict(not seen.wrong_count, measured),
                     figures, tuple(seen.wrong))  # fmt: skip


def excused(anomaly: Anomaly, faults: Iterable[Fault]) -> bool:
    """Whether a fault that may lead to this was active."""
    return any(
        anomaly.kind in each.kind.excuses
        and anomaly.began <= (each.ended or math.inf) + AFTERWARDS_SECONDS
        and anomaly.ended >= each.began
        for each in faults
    )


def errors(seen: Observations) -> Criterion:
    """Each answer that is not good has its fault."""
    bad = [each for each in seen.anomalies if not excused(each, seen.faults)]
    counts = Counter(each.kind for each in seen.anomalies)
    good = sum(count for kind, count in seen.answers.items() if kind not in counts)
    kinds = ", ".join(f"{count} × {kind}" for kind, count in counts.most_common())
    figures = f"{len(bad)} without a fault; {good:,} good answers; during faults: {kinds or 'none'}"
    details = (f"{each.kind} {each.detail} at {each.began:.1f}" for each in bad)
    return Criterion("errors only while a fault excuses them", verdict(not bad, good > 0), figures,
                     tuple(details))  # fmt: skip


def lost(seen: Observations) -> Criterion:
    """A killed API process loses what it had in hand; nobody is refused while supervisord lives."""
    killed = sum(each.killed for each in seen.faults)
    count = Counter(each.kind for each in seen.anomalies)
    figures = (
        f"{count[LOST]} lost with {killed} killed API processes"
        f" (at most {killed * seen.clients} in hand), {count[REFUSED]} refused"
    )
    return Criterion(
        "no request lost except in hand of a killed process",
        verdict(count[LOST] <= killed * seen.clients),
        figures,
    )


def kept(seen: Observations) -> Criterion:
    """No acknowledged comparison is lost, except in a database that was destroyed on purpose."""
    figures = (
        f"{len(seen.missing)} lost of {seen.asked:,} checked before their database was destroyed"
        f" or the run ended; {seen.acknowledged:,} acknowledged, {seen.destroyed:,} of them gone"
        f" with a destroyed database, {seen.refused:,} refused with an error"
    )
    bad = (f"comparison {number} was acknowledged and is not there" for number in seen.missing)
    return Criterion("no acknowledged comparison lost", verdict(not seen.missing, seen.asked > 0),
                     figures, tuple(bad))  # fmt: skip


def salvage(seen: Observations) -> Criterion:
    """What a set-aside database still has is copied over."""
    figures = f"{seen.salvaged:,} copied, {len(seen.unsalvaged)} readable but not copied"
    return Criterion(
        "salvaged what can be read of a damaged database", verdict(not seen.unsalvaged), figures
    )


def growth(seen: Observations) -> Criterion:
    """No program grows."""
    each = {
        f"{program}: {measure}": (found, found.verdict(MEASURES[measure]))
        for program, measures in seen.slopes.items()
        for measure, found in measures.items()
    }
    count = Counter(judged for _, judged in each.values())
    bad = (
        f"{name} {found.per_hour:+.2f} per hour ({found.low:+.2f} to {found.high:+.2f}): {judged}"
        for name, (found, judged) in each.items()
        if judged is Verdict.FAIL or (judged is Verdict.OPEN and found.seconds >= SHORTEST_SECONDS)
    )
    judged = verdict(not count[Verdict.FAIL], measured=bool(each) and not count[Verdict.OPEN])
    figures = (
        f"{count[Verdict.PASS]} series flat, {count[Verdict.FAIL]} growing,"
        f" {count[Verdict.OPEN]} open"
    )
    return Criterion("no growth of descriptors, threads, memory", judged, figures, tuple(bad))


def recovered(seen: Observations) -> Criterion:
    """Each fault, in its time."""
    late = [each for each in seen.faults if not in_time(each, seen.speed)]
    bad = [
        f"{each.kind.name}: {each.seconds:.1f} s of {each.kind.bound(seen.speed):.1f}"
        if each.ended
        else f"{each.kind.name}: not recovered"
        for each in late
    ]
    if seen.given_up:
        bad.insert(0, seen.given_up)
    figures = f"{len(seen.faults) - len(late)} of {len(seen.faults)} within their bounds"
    return Criterion(
        "every fault recovered", verdict(not bad, bool(seen.faults)), figures, tuple(bad)
    )


def in_time(fault: Fault, speed: Speed) -> bool:
    """Whether it recovered within its bound."""
    return bool(fault.ended) and fault.seconds <= fault.kind.bound(speed)


def intact(seen: Observations) -> Criterion:
    """The database is intact, and its WAL small."""
    bad = [each for each in seen.checks if each != "ok"]
    good = not bad and seen.wal_bytes <= WAL_BYTES
    figures = (
        f"{len(seen.checks) - len(bad)} of {len(seen.checks)} checks say ok;"
        f" WAL at most {seen.wal_bytes / 2**20:.1f} MiB of {WAL_BYTES >> 20}"
    )
    return Criterion("integrity_check ok, WAL bounded", verdict(good, bool(seen.checks)), figures,
                     tuple(bad))  # fmt: skip


def consistent(seen: Observations) -> Criterion:
    """No settled rate twice, one crossing one signal, and the stream takes over from REST."""
    found, (rates, signals) = seen.contradictions, seen.told
    figures = f"{len(found)} contradictions in {rates:,} settled rates and {signals:,} signals"
    return Criterion("history, signals and standby agree", verdict(not found, rates > 0),
                     figures, tuple(found))  # fmt: skip


def alive(seen: Observations) -> Criterion:
    """No program ended without a fault, and the stop was clean."""
    bad = [*seen.unexpected_ends, *([seen.stop] if seen.stop else [])]
    figures = f"{len(seen.unexpected_ends)} ended by themselves; stop {seen.stop or 'clean'}"
    return Criterion("no other restarts, a clean stop", verdict(not bad), figures, tuple(bad))


CRITERIA: Sequence[Callable[[Observations], Criterion]] = (
    truth, errors, lost, kept, salvage, growth, recovered, intact, consistent, alive,
)  # fmt: skip
