"""Where settings come from: the environment first, then a file, then the default.

The file is `funding.env` in the project's folder, or the one that FUNDING_ENV_FILE names: lines of
NAME=value. Every program and every command reads it, so that all of them see the same settings.
While a demonstration runs in this folder (see scripts/run), the file is the demonstration's.
Only this room reads the environment.
"""

import functools
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from funding.errors import SettingError
from funding.runtime import access, process

_NAME = r"([A-Z][A-Z0-9_]*|(?:https?|all|no)_proxy)"
_LINE = re.compile(rf"(?:export\s+)?{_NAME}\s*=\s*(.*)", re.ASCII)
_MAX_BYTES = 64 * 1024
NAME = "FUNDING_ENV_FILE"
DEMO = "a demonstration runs here: its settings are used, and its quotes are invented"

_CHECKOUT = Path(__file__).resolve().parent.parent.parent


class Texts(NamedTuple):
    """The text of each setting that is set, and of those from `file`, the names and its mode."""

    texts: Mapping[str, str]
    from_file: frozenset[str] = frozenset()
    file: Path | None = None
    mode: int = 0


def project_folder() -> Path:
    """The folder that relative defaults are below: this checkout, wherever a program is started.

    A package that pip installed has none: there it is the folder of the file that FUNDING_ENV_FILE
    names, the service's own, or the working folder.
    """
    if (_CHECKOUT / "supervisord.conf").exists():
        return _CHECKOUT
    named = os.environ.get(NAME)
    return Path(named).absolute().parent if named else Path.cwd()


def demo_file() -> str:
    """The settings of the demonstration that runs in this folder; "" where none does."""
    link = project_folder() / "var/supervisor.sock"
    if not os.path.islink(link) or not process.listens(link):
        return ""
    return str(link.resolve().with_name("funding.env"))


def beside_a_demo() -> bool:
    """Whether the settings of this process are those of a demonstration that it is no part of."""
    return not _another_file() and demo_file() != ""


def _another_file() -> str:
    """The file that FUNDING_ENV_FILE names, unless that is the folder's own `funding.env`, which a
    demonstration stands in for; else ""."""
    named = os.environ.get(NAME, "")
    own = os.path.realpath(project_folder() / "funding.env")
    return "" if os.path.realpath(named or own) == own else named


def supervised() -> bool:
    """Whether supervisord has started this process."""
    return "SUPERVISOR_ENABLED" in os.environ


def texts(paths: frozenset[str]) -> Texts:
    """What this process's environment and the file say.

    Settings in `paths` are file paths: a relative one in the file is below the file's own folder.
    Raises `SettingError` for a file that cannot be used; the default one may be missing.
    """
    named = _another_file() or demo_file() or os.environ.get(NAME)
    file = Path(named).absolute() if named else project_folder() / "funding.env"
    if not named and not file.exists():
        return Texts(dict(os.environ))
    found, mode = read_file(file)
    for name in found.keys() & paths:
        if found[name]:
            found[name] = str(file.parent / found[name])
    return Texts({**found, **os.environ}, frozenset(found.keys() - os.environ.keys()), file, mode)


def proxy_texts() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The texts that proxies are named in: the environment's, and those of the settings file, which
    is read once."""
    return os.environ, _texts_in_file(os.environ.get(NAME))


@functools.lru_cache(maxsize=1)
def _texts_in_file(_named: str | None) -> Mapping[str, str]:
    found = texts(frozenset())
    return {name: found.texts[name] for name in found.from_file}


def read_file(file: Path) -> tuple[dict[str, str], int]:
    """The settings in `file`, and its mode.

    Raises `SettingError` unless it is a file that nobody else may write; shows nothing of its text.
    """
    try:
        # A pipe would be waited for, before anybody could see that it is not a file.
        with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
            status = os.fstat(opened.fileno())
            trusted = {0, os.geteuid(), _CHECKOUT.stat().st_uid}
            if not stat.S_ISREG(status.st_mode) or status.st_uid not in trusted:
                raise SettingError(NAME, str(file), "a regular file of our own user or of root")
            mode = stat.S_IMODE(status.st_mode)
            if mode & 0o022:
                raise SettingError(NAME, str(file), "a file that nobody else may write (chmod 600)")
            data = opened.read(_MAX_BYTES + 1)
            text = data.decode()
    except PermissionError:
        raise SettingError(NAME, str(file), f"a file that is not {access.closed(file)}") from None
    except (OSError, ValueError) as error:
        expected = f"a file of NAME=value lines ({type(error).__name__})"
        raise SettingError(NAME, str(file), expected) from None
    if len(data) > _MAX_BYTES:
        raise SettingError(NAME, str(file), f"a file of at most {_MAX_BYTES} bytes")
    return _parsed(text, file), mode


def _parsed(text: str, file: Path) -> dict[str, str]:
    found = {}
    for place, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare and not bare.startswith("#"):
            match = _LINE.fullmatch(bare)
            if match is None:
                raise SettingError(NAME, f"{file}, line {place}", "NAME=value")
            found[match[1]] = _unquoted(match[2].strip())
    return found


def _unquoted(text: str) -> str:
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text
