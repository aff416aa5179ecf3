"""The settings of the running group, for a command that a person starts in another terminal.

Such a command has an environment of its own. What it reports is about the group, so the group's
settings decide, and the command says where its own differ.
"""

import sys

from funding.errors import SupervisorError
from funding.runtime.logs import printable
from funding.settings import service
from funding.settings.environment import supervised
from funding.settings.service import Settings
from funding.watchdog.supervisor import SupervisorClient


def adopted(settings: Settings, command: str) -> Settings:
    """The settings that `command` goes by: those of the group at `settings.supervisor`, with one
    line on stderr for each that differs; `settings` where none runs, or inside the group."""
    if supervised():
        return settings
    try:
        group = SupervisorClient(settings.supervisor).settings()
    except SupervisorError:
        return settings
    found, differences = service.adopt(group)
    for each in differences:
        text = printable(str(each))
        print(f"{command}: {text}: the group's is used", file=sys.stderr)
    return found
