"""The user's thresholds, from the file that FUNDING_SIGNALS_FILE names."""

from funding.errors import SettingError, ThresholdError
from funding.exchanges.table import EXCHANGES
from funding.settings.service import TABLE, Settings
from funding.statistics.thresholds import Threshold, thresholds

_NAME = "FUNDING_SIGNALS_FILE"
_DEFAULT = next(setting.default for setting in TABLE if setting.name == _NAME)


def load(settings: Settings) -> list[Threshold]:
    """All thresholds; none where there is no file of the usual name.

    Raises `SettingError` where a file that was asked for cannot be read, and `ThresholdError` for
    the first line that is wrong.
    """
    path = settings.signals_file
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if str(path) == _DEFAULT:
            return []
        raise SettingError(_NAME, str(path), "a file that is there") from None
    except (OSError, UnicodeDecodeError):
        raise SettingError(_NAME, str(path), "a file in UTF-8 that may be read") from None
    try:
        return thresholds(text, EXCHANGES)
    except ThresholdError as error:
        raise ThresholdError(error.line, error.expected, path.name) from None
