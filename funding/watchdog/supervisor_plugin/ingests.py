"""Programs that settings ask for, which supervisord.conf cannot read: one ingest for each exchange
of FUNDING_EXCHANGES, and publish where FUNDING_NATS_URL is set.

# Facts
(supervisor 4.3.0, each seen happening)
- A group makes its processes from its configuration once, before any factory is called; what is
  added to `processes` then is started, listed and stopped as the others are.
- `supervisorctl update` compares configurations. They stay as the file has them, or every update
  would restart the whole group.
"""

import copy
from collections.abc import Iterable
from typing import Any

INGEST, PUBLISH = "ingest", "publish"
FIRST = "binance"
"""The exchange of the program that stands in supervisord.conf."""


def program(exchange: str) -> str:
    """What the ingest of `exchange` is called within the group."""
    return INGEST if exchange == FIRST else f"{INGEST}-{exchange}"


def add_ingests(group: Any, exchanges: Iterable[str]) -> None:
    """Give `group` an ingest program for each of `exchanges`, after the model of Binance's, which
    it has, and loses where Binance is not among them; a group without one stays as it is."""
    model = group.processes.get(INGEST)
    if model is None:
        return
    followed = list(exchanges)
    for exchange in followed:
        name = program(exchange)
        if name in group.processes:
            continue
        _add(group, model, name, f"{model.config.command} --exchange {exchange}")
    if followed and FIRST not in followed:
        del group.processes[INGEST]  # nothing has started yet


def add_publish(group: Any) -> None:
    """Give `group` publish.py, after the model of an ingest, which it has; a group without one
    stays as it is."""
    model = group.processes.get(INGEST)
    if model is not None and PUBLISH not in group.processes:
        folder, _, end = str(model.config.command).rpartition("ingest.py")
        _add(group, model, PUBLISH, f"{folder}publish.py{end}")


def _add(group: Any, model: Any, name: str, command: str) -> None:
    config = copy.copy(model.config)
    config.name, config.command = name, command
    config.stdout_logfile = _beside(config.stdout_logfile, name)
    group.processes[name] = config.make_process(group)


def _beside(path: Any, name: str) -> Any:
    """The log of `name`, beside that of Binance's ingest."""
    folder, slash, _ = str(path).rpartition("/")
    return f"{folder}/{name}.log" if slash else path
