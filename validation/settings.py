"""The settings that the report needs: the environment first, then `funding.env`, then the default.

The programs read them in the same way, written a second time here because the report imports
nothing of theirs.
"""

import os
import re
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from validation.errors import NoReport
from validation.read import access

FEWEST_SYMBOLS = 500
"""The default of FUNDING_MIN_SYMBOLS: with fewer the service is not healthy either."""
_NAME = r"([A-Z][A-Z0-9_]*|(?:https?|all|no)_proxy)"
_LINE = re.compile(rf"(?:export\s+)?{_NAME}\s*=\s*(?:'(.*)'|\"(.*)\"|(.*))", re.ASCII)


def database_path(root: Path) -> Path:
    """`FUNDING_DB`, or var/funding.db in the project's folder. Raises `NoReport`."""
    named = _settings(root).get("FUNDING_DB")
    return Path(named).absolute() if named else root / "var/funding.db"


def minimum_symbols(root: Path) -> int:
    """`FUNDING_MIN_SYMBOLS`. Raises `NoReport`."""
    text = _settings(root).get("FUNDING_MIN_SYMBOLS") or str(FEWEST_SYMBOLS)
    if not (text.isascii() and text.isdigit()):
        raise NoReport(f"FUNDING_MIN_SYMBOLS={text!r} is not a whole number")
    return int(text)


def _settings(root: Path) -> Mapping[str, str]:
    """A relative path in the file is below the file's folder."""
    named = another_file(root) or demo_file(root) or os.environ.get("FUNDING_ENV_FILE")
    file = Path(named).absolute() if named else root / "funding.env"
    found = _read(file) if named or file.exists() else {}
    if found.get("FUNDING_DB"):
        found["FUNDING_DB"] = str(file.parent / found["FUNDING_DB"])
    return {**found, **os.environ}


def another_file(root: Path) -> str:
    """The file that FUNDING_ENV_FILE names, unless that is `funding.env` in the project's folder,
    which a demonstration stands in for; else ""."""
    named = os.environ.get("FUNDING_ENV_FILE", "")
    own = os.path.realpath(root / "funding.env")
    return "" if os.path.realpath(named or own) == own else named


def demo_file(root: Path) -> str:
    """The settings of a demonstration that runs in the project's folder; "" where none does."""
    link = root / "var/supervisor.sock"
    try:
        with socket.socket(socket.AF_UNIX) as client:
            if os.path.islink(link):
                client.settimeout(1.0)
                client.connect(str(link))
                return str(link.resolve().with_name("funding.env"))
    except OSError:
        pass
    return ""


def _read(file: Path) -> dict[str, str]:
    closed = access.closed(file)
    if closed:
        raise NoReport(f"{file}: {closed}")
    try:
        status, owners = file.stat(), {0, os.geteuid(), Path(__file__).stat().st_uid}
        # A pipe would be waited for.
        if (
            not stat.S_ISREG(status.st_mode)
            or status.st_mode & 0o022
            or status.st_uid not in owners
        ):
            raise NoReport(f"{file} must be our own, and nobody else may write it (chmod 600)")
        text = file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise NoReport(f"{file} cannot be read: {error}") from None
    found = {}
    for place, line in enumerate(text.splitlines(), 1):
        if (bare := line.strip()) and not bare.startswith("#"):
            match = _LINE.fullmatch(bare)
            if match is None:
                raise NoReport(f"{file}, line {place}: expected NAME=value")
            name, *values = match.groups("")
            found[name] = "".join(values)
    return found
