"""The settings that the report needs: the environment first, then `funding.env`, then the default.

The programs read them in the same way, written a second time here because the report imports
nothing of theirs.
"""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from validation.read.database import NoReport

FEWEST_SYMBOLS = 500
"""The default of FUNDING_MIN_SYMBOLS: with fewer the service is not healthy either."""
_LINE = re.compile(r"(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=\s*(?:'(.*)'|\"(.*)\"|(.*))", re.ASCII)


def database_path(root: Path) -> Path:
    """`FUNDING_DB`, or var/funding.db in the project's folder. Raises `NoReport`."""
    file = _file(root)
    if named := os.environ.get("FUNDING_DB"):
        return Path(named).absolute()
    named = _from_file(file).get("FUNDING_DB")
    return file.parent / named if named else root / "var/funding.db"


def minimum_symbols(root: Path) -> int:
    """`FUNDING_MIN_SYMBOLS`. Raises `NoReport`."""
    name = "FUNDING_MIN_SYMBOLS"
    text = os.environ.get(name) or _from_file(_file(root)).get(name) or str(FEWEST_SYMBOLS)
    if not (text.isascii() and text.isdigit()):
        raise NoReport(f"{name}={text!r} is not a whole number")
    return int(text)


def _file(root: Path) -> Path:
    named = os.environ.get("FUNDING_ENV_FILE")
    return Path(named).absolute() if named else root / "funding.env"


def _from_file(file: Path) -> Mapping[str, str]:
    """The settings in the file; none when it does not exist. Nobody else may write it."""
    if not file.exists() and "FUNDING_ENV_FILE" not in os.environ:
        return {}
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
