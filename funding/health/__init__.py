"""Is the service well, and what is to be done? Facts in, verdict out; verdict and history in,
actions out. No I/O and no clock."""

from funding.health.actions import RULES, Action, Deed, decide, escalate
from funding.health.checks import (
    API,
    CLOCK_STEP_SECONDS,
    INGEST,
    Comparing,
    Facts,
    Finding,
    Level,
    Probe,
    Process,
    check,
    named,
    symbols_behind,
)
from funding.health.report import as_data, as_text, healthy
from funding.health.verdict import Health, Limits, heartbeat_age, judge

__all__ = [
    "API",
    "CLOCK_STEP_SECONDS",
    "INGEST",
    "RULES",
    "Action",
    "Comparing",
    "Deed",
    "Facts",
    "Finding",
    "Health",
    "Level",
    "Limits",
    "Probe",
    "Process",
    "as_data",
    "as_text",
    "check",
    "decide",
    "escalate",
    "healthy",
    "heartbeat_age",
    "judge",
    "named",
    "symbols_behind",
]
