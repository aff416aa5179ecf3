"""How each program begins: its arguments, the settings, the log."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from funding.errors import RestError, SettingError, StoreError
from funding.runtime import logs, process
from funding.runtime.logs import LogFormat
from funding.settings import environment, service
from funding.settings.table import Cast, Setting

if TYPE_CHECKING:
    from funding.nats.addresses import Address
    from funding.settings.alerts import AlertSettings
    from funding.settings.consumers import ConsumerSettings
    from funding.settings.machines import MachineSettings
    from funding.statistics.thresholds import Threshold

T = TypeVar("T")


def parser(name: str, about: str, more: Iterable[Setting] = ()) -> argparse.ArgumentParser:
    """A parser whose --help lists the settings, and those of a program of its own in `more`."""
    table = (*more, *service.TABLE)
    width = max(len(s.name) for s in table)
    rows = [f"  {s.name:<{width}} {s.why} (default: {s.default or 'none'})" for s in table]
    heading = "settings, from the environment or the file funding.env:\n"
    return argparse.ArgumentParser(
        prog=name,
        description=about,
        epilog=heading + "\n".join(rows).replace("%", "%%"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def argument(cast: Cast) -> Callable[[str], Any]:
    """The `type` of a command's argument that is what a setting of this `cast` is."""

    def read(text: str) -> Any:
        try:
            return cast.read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {cast.expected}") from None

    return read


def begin(name: str, stream: TextIO | None = None) -> service.Settings:
    """Read the settings and start the log, or end the process: exit 2 and one line on stderr.

    The log goes to `stream`, or to stdout. Files made from here on are readable for their owner
    only.
    """
    loaded, unknown = _read(name, service.load)
    _start(name, loaded, unknown, stream)
    return loaded


def thresholds(name: str, settings: service.Settings) -> "list[Threshold]":
    """The user's thresholds, or the end of the process: exit 2 and one line on stderr."""
    from funding.settings import signals  # here: the other programs do without

    return _read(name, lambda: signals.load(settings))


def alerts(name: str, settings: service.Settings) -> "AlertSettings":
    """The settings of alerts, or the end of the process: exit 2 and one line on stderr."""
    from funding.settings import alerts as room  # here: the other programs do without

    return _read(name, lambda: room.load(settings.rest_host))


def machines(name: str) -> "MachineSettings":
    """The settings of what travels between machines, or the end of the process: exit 2 and one
    line on stderr."""
    from funding.settings import machines as room  # here: the other programs do without

    return _read(name, room.load)


def nats_addresses(name: str, text: str) -> "list[Address]":
    """The NATS servers in the argument `text`, or those of the settings where it is empty; without
    any, the end of the process: exit 2 and one line on stderr."""
    from funding.nats import addresses  # here: the other programs do without
    from funding.settings import machines as room

    expected = "nats:// or tls:// addresses, separated by commas"

    def read() -> "list[Address]":
        if not text:
            found = room.load().servers
            if not found:
                raise SettingError(room.URL, "", f"{expected}, or one after --from")
            return found
        try:
            return addresses.parse(text)
        except ValueError:
            hidden = "(hidden: it may carry credentials)"
            raise SettingError("--from", hidden, expected) from None

    return _read(name, read)


def consumer(
    name: str, about: str, run: "Callable[[service.Settings, ConsumerSettings, bool], None]"
) -> int:
    """A consumer from its start to its end: reads its arguments, its settings and the file of its
    secrets, and begins `run`, whose last argument is --once. Exit codes: 0, 1 when the store or,
    with --once, the exchange fails, 2 a setting is wrong."""
    from funding.settings import consumers  # here: the other programs do without

    arguments = parser(f"{name}.py", about, consumers.TABLE)
    arguments.add_argument("--once", action="store_true", help="do it once, then exit")
    once: bool = arguments.parse_args().once
    loaded, own, unknown = _read(name, consumers.load)
    _start(name, loaded, unknown, None)
    try:
        run(loaded, own, once)
    except (StoreError, RestError) as error:
        logging.getLogger("consumer").error("%s", error)
        return 1
    return 0


def stop_on_signal() -> threading.Event:
    """Set by SIGTERM and SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _read(name: str, load: Callable[[], T]) -> T:
    os.umask(0o077)
    try:
        return load()
    except SettingError as error:
        print(f"{name}: {logs.printable(str(error))}", file=sys.stderr)
        raise SystemExit(2) from None


def _start(
    name: str, loaded: service.Settings, unknown: Iterable[str], stream: TextIO | None
) -> None:
    if environment.supervised():
        # A killed supervisord must leave no program behind: the next one could not start, since
        # that program would hold the port or the store.
        process.end_with_parent("supervisord")
    logs.setup(loaded.log_level, stream, program=name, form=LogFormat(loaded.log_format))
    if environment.beside_a_demo():
        print(f"{name}: {environment.DEMO}", file=sys.stderr)
    for other in unknown:
        logging.getLogger(name).warning("unknown setting %s: nothing reads it", other)
