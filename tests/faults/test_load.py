"""Faults of the API's processes under load: no client is refused, few lose an answer."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

import pytest

from funding.runtime.clock import SYSTEM
from harness.group import Group
from harness.http_client import ask
from harness.processes import until
from tests.faults.catalogue import SHORT, SHORT_TICK, changed
from tests.faults.conftest import Record
from tests.support.service import healthy_service

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def service() -> Iterator[Group]:
    """A service with short settings."""
    with healthy_service(*SHORT_TICK, **SHORT) as service:
        yield service


class Load:
    """Clients that ask without a pause, each on a connection of its own; what they got."""

    def __init__(self, port: int, clients: int) -> None:
        self.clients = clients
        self.got: Counter[str] = Counter()
        self._port = port
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in self._threads:
                thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                outcome = str(ask(self._port, "/funding/BTCUSDT").status)
            except ConnectionRefusedError:
                outcome = "refused"
            except (OSError, HTTPException):
                outcome = "lost"
            with self._lock:
                self.got[outcome] += 1


def answers(load: Load) -> int:
    """So many requests were answered."""
    return load.got["200"]


def test_kill_9_of_an_api_process_under_load(service: Group, record: Record) -> None:
    load = Load(service.port, 8)
    with load.running():
        for victim in sorted(service.pids("api.py")):
            pids, before = service.pids("api.py"), answers(load)
            until(lambda: answers(load) > before + 500, "load")  # noqa: B023
            os.kill(victim, signal.SIGKILL)
            until(lambda: changed(pids, service.pids("api.py")), "it is replaced")  # noqa: B023
            before = answers(load)
            until(lambda: answers(load) > before + 500, "load after it")  # noqa: B023
    result = f"{load.got['refused']} refused, {load.got['lost']} lost of {answers(load)}"
    record("API kill -9 under load, twice", "0 refused, lost ≤ in hand (8)", result)
    assert load.got["refused"] == 0
    assert load.got["lost"] <= 2 * load.clients
    assert set(load.got) <= {"200", "lost"}


def test_a_rolling_restart_under_load(service: Group, record: Record) -> None:
    load = Load(service.port, 8)
    with load.running():
        for name in ("api:api_00", "api:api_01") * 3:
            assert service.supervisorctl("restart", name).returncode == 0
            before = answers(load)
            until(lambda: answers(load) > before + 200, "load")  # noqa: B023
    result = f"{load.got['refused']} refused, {load.got['lost']} lost of {answers(load)}"
    record("rolling restart of the API under load", "0 refused", result)
    assert set(load.got) == {"200"}


def test_a_hung_api_process_under_load(service: Group, record: Record) -> None:
    load = Load(service.port, 8)
    with load.running():
        pids = service.pids("api.py")
        os.kill(min(pids), signal.SIGSTOP)
        began, before = SYSTEM.uptime(), answers(load)
        until(lambda: answers(load) > before + 500, "requests go on")
        until(lambda: changed(pids, service.pids("api.py")), "it is replaced")
        seen = SYSTEM.uptime() - began
    result = f"replaced after {seen:.1f} s, {load.got['refused']} refused, {load.got['lost']} lost"
    record("hung API process under load", "requests go on, replaced ≤ 15 s", result)
    assert load.got["refused"] == 0
    assert load.got["lost"] <= load.clients
    assert seen <= 15
