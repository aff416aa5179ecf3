"""The table of other names of assets, in the file assets.txt."""

import functools

from funding.errors import SettingError
from funding.exchanges.table import EXCHANGES
from funding.model.asset import AliasError, Aliases, read_aliases
from funding.settings.environment import project_folder

FILE = "assets.txt"


@functools.cache
def load() -> Aliases:
    """The table; an empty one where the file is not there. Raises `SettingError`, which names the
    line that cannot be read."""
    try:
        return read_aliases((project_folder() / FILE).read_text("utf-8"), EXCHANGES)
    except FileNotFoundError:
        return Aliases()
    except AliasError as error:
        raise SettingError(f"{FILE}, line {error.line}", error.text, error.expected) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(FILE, type(error).__name__, "a text file in UTF-8") from None
