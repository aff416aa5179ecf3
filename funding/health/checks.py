"""The watchdog's checks as a table, and those of the programs and the machine.

Those of the data are in data_checks.
"""

from collections.abc import Collection, Iterator

from funding.health import data_checks, feed_checks
from funding.health.facts import (
    API_GROUP,
    PUBLISH,
    WATCHDOG,
    Facts,
    Probe,
    ProcessState,
)
from funding.health.findings import Check, Finding, error, info, warning

NOT_STARTED = "Not started"
"""supervisord's description of a program that it has never started."""
MEGABYTE = 1024 * 1024
MEMORY_WARNING_BYTES = 384 * MEGABYTE
WAL_WARNING_BYTES = 64 * MEGABYTE
DISK_WARNING_BYTES = 500 * MEGABYTE
DISK_ERROR_BYTES = 50 * MEGABYTE
CLOCK_STEP_SECONDS = 2.0
CLOCK_ERROR_SECONDS = 10.0
"""REST's answer may be a second old, and takes up to 5 s."""


def check_programs(facts: Facts) -> Iterator[Finding]:
    """Each ingest and the API's processes are RUNNING, and consumers that were started."""
    if facts.processes is None or facts.supervisor_problem:
        text = facts.supervisor_problem or "supervisord does not answer"
        yield warning(Check.SUPERVISOR, text)
        return
    ingests = [facts.ingest, *(other.program for other in facts.others if other.program)]
    needed = [each for each in facts.processes if each.name in ingests or each.is_api]
    for name in (*ingests, API_GROUP):
        if not any(each.name == name or (each.is_api and name == API_GROUP) for each in needed):
            text = f"supervisord has no program {name.rstrip(':')}"
            yield error(_check_of(name, ingests), text, name)
    others = [each for each in facts.processes if each not in needed and each.name != WATCHDOG]
    for each in (*needed, *others):
        bad = error if each in needed else warning
        of = _check_of(each.name, ingests)
        if each.is_running:
            text = f"{each.name} RUNNING for {each.age_seconds:.0f} s"
            yield info(of, f"{text}, {each.memory_bytes / MEGABYTE:.0f} MB", each.name)
        elif each.state is ProcessState.STOPPED and each.description == NOT_STARTED:
            # A consumer waits for a person; one that was started runs again by itself.
            not_started = error if each in needed else info
            yield not_started(of, f"{each.name} was not started yet", each.name)
        elif each.state is ProcessState.STOPPED:
            text = f"{each.name} is STOPPED: stopped by an operator; not restarted"
            yield bad(of, text, each.name)
        else:
            yield bad(of, f"{each.name} is {each.state}: {each.description}", each.name)


def _check_of(program: str, ingests: Collection[str]) -> Check:
    """Ingest has one of its own: without it data may be fresh, while REST stands in."""
    return Check.INGEST if program in ingests else Check.PROGRAMS


def check_api(facts: Facts) -> Iterator[Finding]:
    """The API answers in time, and with what the store holds."""
    if facts.port_probe is not None:
        problem = probe_problem(facts.port_probe)
        if problem:
            yield error(Check.API, f"the API {problem}")
        else:
            yield info(Check.API, f"the API answers: {facts.port_probe.detail}")
    for name, probe in facts.process_probes.items():
        if problem := probe_problem(probe):
            yield error(Check.API, f"{name} {problem}", name)


def probe_problem(probe: Probe) -> str:
    """What is wrong with an answer of the API, "" for nothing."""
    if not probe.answered:
        return f"does not answer: {probe.detail}"
    return "" if probe.serves else f"does not answer with what the store holds: {probe.detail}"


def check_machine(facts: Facts) -> Iterator[Finding]:
    """Memory, WAL, disk and clock are within their limits."""
    for each in facts.processes or ():
        if each.memory_bytes > MEMORY_WARNING_BYTES:
            size = f"{each.memory_bytes / MEGABYTE:.0f} MB resident"
            yield warning(Check.MEMORY, f"{each.name} has {size}", each.name)
    if facts.wal_bytes > WAL_WARNING_BYTES:
        size = f"{facts.wal_bytes / MEGABYTE:.0f} MB"
        yield warning(Check.WAL, f"the WAL has {size}: does a reader hold an old snapshot?")
    free = facts.disk_free_bytes
    if free is not None and free < DISK_WARNING_BYTES:
        finding = error if free < DISK_ERROR_BYTES else warning
        yield finding(Check.DISK, f"{free / MEGABYTE:.0f} MB left on the disk")
    if clock_stepped(facts):
        text = f"the wall clock stepped by {facts.clock_step:+.0f} s"
        yield warning(Check.CLOCK, text)
    if clock_wrong(facts):
        text = f"this machine's clock is wrong by {facts.clock_error:+.0f} s: set it, or start NTP"
        yield warning(Check.CLOCK, text)


def check_people(facts: Facts) -> Iterator[Finding]:
    """What people are to be told: of a GO that ends, and by alerts that are not accepted."""
    for verdict in facts.verdicts:
        text = verdict.warning(facts.at)
        if text:
            yield warning(Check.VERDICT, text, verdict.exchange)
    for text in facts.undelivered:
        yield warning(Check.ALERTS, text)
    if facts.unpublished and facts.process(PUBLISH) is not None:
        yield warning(Check.PUBLISH, facts.unpublished)


def clock_stepped(facts: Facts) -> bool:
    """Whether the wall clock was set between this look and the one before."""
    return abs(facts.clock_step) > CLOCK_STEP_SECONDS


def clock_wrong(facts: Facts) -> bool:
    """Whether the wall clock differs from the exchange's."""
    return abs(facts.clock_error or 0.0) > CLOCK_ERROR_SECONDS


CHECKS = (
    check_programs,
    data_checks.check_connection,
    data_checks.check_symbols,
    data_checks.check_rates,
    data_checks.check_contracts,
    data_checks.check_last_frame,
    feed_checks.check_other_feeds,
    check_api,
    data_checks.check_rest,
    check_machine,
    check_people,
)
"""In the order of the report."""


def check(facts: Facts) -> list[Finding]:
    """The findings of all checks."""
    return [finding for each in CHECKS for finding in each(facts)]
