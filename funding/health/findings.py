"""Findings: the sentences of the watchdog's report, each from one check and of one level."""

import enum
from collections.abc import Sequence
from typing import NamedTuple

MAX_NAMES = 5


class Level(enum.StrEnum):
    """How much a finding matters; the values are the report's headings."""

    INFO = "INFO"
    WARNING = "WARNINGS"
    ERROR = "ERRORS"


class Check(enum.StrEnum):
    """The names of the checks."""

    SUPERVISOR = "supervisor"
    INGEST = "ingest"
    PROGRAMS = "programs"
    STORE = "store"
    FEED = "feed"
    STANDBY = "standby"
    SYMBOLS = "symbols"
    STALE = "stale"
    BEHIND = "behind"
    NULLS = "nulls"
    CONTRACTS = "contracts"
    FRAME = "frame"
    API = "api"
    REST = "rest"
    MEMORY = "memory"
    WAL = "wal"
    DISK = "disk"
    CLOCK = "clock"
    VERDICT = "verdict"
    ALERTS = "alerts"
    PUBLISH = "publish"


class Finding(NamedTuple):
    """One sentence of the report, and the check that it comes from. Where a check looks at several
    exchanges or programs, `about` is the name of one; "" is the first exchange, or the machine."""

    level: Level
    check: Check
    text: str
    about: str = ""


def info(check: Check, text: str, about: str = "") -> Finding:
    """A finding that is as it should be."""
    return Finding(Level.INFO, check, text, about)


def warning(check: Check, text: str, about: str = "") -> Finding:
    """A finding to look at; the service is still healthy."""
    return Finding(Level.WARNING, check, text, about)


def error(check: Check, text: str, about: str = "") -> Finding:
    """A finding that makes the service unhealthy."""
    return Finding(Level.ERROR, check, text, about)


def first_names(symbols: Sequence[str]) -> str:
    """The first few of `symbols`, and how many more there are."""
    more = f" and {len(symbols) - MAX_NAMES} more" if len(symbols) > MAX_NAMES else ""
    return ", ".join(symbols[:MAX_NAMES]) + more
