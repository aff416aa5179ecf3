"""watchdog.py as a program: against ingest.py, api.py, the stand-in exchange and supervisord."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.http_client import ask
from harness.processes import WAIT_SECONDS, finished, running, until
from harness.stand_in import StandIn, stand_in
from tests.conftest import ROOT, free_port
from tests.support.clock import ManualClock, rows, write
from tests.support.compared_service import quote
from tests.support.http_script import reply, scripted, sends
from tests.support.supervised import ENDS, FATAL, SLEEPS, supervisord

WATCHDOG: list[str | Path] = [sys.executable, ROOT / "watchdog.py"]


def watchdog(settings: Mapping[str, object], *options: str) -> subprocess.CompletedProcess[str]:
    """watchdog.py, run to its end."""
    return finished([*WATCHDOG, *options], ROOT, **settings)


@dataclass
class Service:
    """ingest.py and api.py, without a supervisor; `settings` are theirs and the watchdog's."""

    folder: Path
    exchange: StandIn
    port: int
    stack: ExitStack
    settings: dict[str, object]
    ingest: subprocess.Popen[bytes] = field(init=False)
    api: subprocess.Popen[bytes] = field(init=False)

    def begin(self, name: str) -> subprocess.Popen[bytes]:
        """`name`.py until the service ends."""
        command: list[str | Path] = [sys.executable, ROOT / f"{name}.py"]
        log = self.folder / f"{name}.log"
        return self.stack.enter_context(running(command, log, settings=self.settings))

    def healthy(self) -> bool:
        try:
            return ask(self.port, "/funding/health").status == 200
        except ConnectionRefusedError:
            return False

    def stale(self) -> bool:
        """Whether the API says that it has no fresh quote."""
        with suppress(ConnectionRefusedError):
            return "0 fresh symbols" in str(ask(self.port, "/funding/health").json["reasons"])
        return False

    def once(self, *options: str) -> subprocess.CompletedProcess[str]:
        return watchdog(self.settings, "--once", *options)

    def report(self) -> tuple[int, Any]:
        """Exit code and report of `--once --json`."""
        done = self.once("--json")
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def service(short_path: Path) -> Iterator[Service]:
    with ExitStack() as stack:
        exchange = stack.enter_context(stand_in(short_path, "--tick", "0.2"))
        made = Service(
            short_path,
            exchange,
            free_port(),
            stack,
            {
                "FUNDING_DB": short_path / "funding.db",
                "FUNDING_WS_URL": exchange.ws_url,
                "FUNDING_REST_URL": exchange.rest_url,
                "FUNDING_SUPERVISOR": short_path / "s",
                "FUNDING_MIN_SYMBOLS": 20,
                "FUNDING_STALE_AFTER": 60,
                "FUNDING_CHECK_INTERVAL": 0.2,
                "FUNDING_COMPARE_INTERVAL": 0.2,
            },
        )
        made.settings["FUNDING_API_PORT"] = made.port
        made.ingest = made.begin("ingest")
        made.api = made.begin("api")
        until(made.healthy, "the service is healthy")
        yield made


@contextmanager
def watchdog_running(service: Service) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """watchdog.py while the service runs, and its log."""
    log = service.folder / "watchdog.log"
    with running(WATCHDOG, log, settings=service.settings) as process:
        yield process, log


def test_one_report(service: Service) -> None:
    done = service.once()
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Funding service, 20")
    assert lines[-1] == "STATUS: HEALTHY"
    assert [line for line in lines if line in ("INFO", "WARNINGS", "ERRORS")] == [
        "INFO", "WARNINGS", "ERRORS"
    ]  # fmt: skip
    assert "  - BTCUSDT mark_price: stream" in done.stdout
    assert "supervisord does not answer" in done.stdout  # there is none
    code, report = service.report()
    assert (code, report["healthy"], report["status"]) == (0, True, "HEALTHY")
    assert {each["check"] for each in report["info"]} >= {"feed", "symbols", "frame", "api", "rest"}
    assert [each["check"] for each in report["warnings"]] == ["supervisor"]
    assert report["errors"] == []
    sources = {
        source for (source,) in rows(service.folder / "funding.db", "SELECT source FROM comparison")
    }
    assert sources == {"watchdog"}


def test_report_of_an_unhealthy_service(service: Service) -> None:
    with service.exchange.faults(drift={"BTCUSDT": 0.005}, rate_drift={"BTCUSDT": 0.001}):
        code, report = service.report()
        assert code == 0
        assert [each["check"] for each in report["warnings"]] == ["supervisor", "rest", "rest"]
    with service.exchange.faults(drift={"BTCUSDT": 0.02}):
        code, report = service.report()
        assert code == 1
        assert [each["check"] for each in report["errors"]] == ["rest"]
    with service.exchange.faults(rest_status=451):
        code, report = service.report()
        assert code == 0
        assert "restricted location" in report["warnings"][-1]["text"]
    service.ingest.kill()
    service.ingest.wait()
    service.api.kill()
    service.api.wait()
    service.settings["FUNDING_STALE_AFTER"] = 1
    service.begin("api")
    until(service.stale, "the API finds all quotes stale")
    done = service.once()
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "STATUS: UNHEALTHY - ACTION REQUIRED"
    assert "  - 0 fresh symbols, at least 20 expected\n" in done.stdout.partition("ERRORS")[2]


def test_hung_rest_delays_no_local_check(service: Service) -> None:
    """It looks at the API again and again while one call of REST is under way."""
    with service.exchange.faults(rest_hang=30):
        calls = service.exchange.calls()
        with scripted(sends(reply(200, b"{}"))) as api:
            service.settings["FUNDING_API_PORT"] = api.port
            with watchdog_running(service) as (process, log):

                def many_looks() -> bool:
                    asked = service.exchange.calls() - calls
                    return asked > 0 and len(api.asked) > 3 * asked + 6

                until(many_looks, "more looks than calls of REST")
                assert "the API does not answer" not in log.read_text()
                assert process.poll() is None


def test_report_without_any_service(short_path: Path) -> None:
    settings = {
        "FUNDING_DB": short_path / "none.db",
        "FUNDING_SUPERVISOR": short_path / "s",
        "FUNDING_API_PORT": free_port(),
        "FUNDING_REST_URL": f"http://127.0.0.1:{free_port()}",
    }
    done = watchdog(settings, "--once")
    assert done.returncode == 1
    assert "no quotes are stored yet" in done.stdout
    assert "no comparison with REST" in done.stdout
    assert not (short_path / "none.db").exists()


@pytest.mark.parametrize("options", [("--restart",), ("--json",), ("--nonsense",)])
def test_contradictory_arguments_are_refused(options: tuple[str, ...]) -> None:
    done = watchdog({}, *options)
    assert done.returncode == 2
    assert "usage: watchdog.py" in done.stderr


def test_sigterm_ends_it(short_path: Path) -> None:
    settings: dict[str, object] = {
        "FUNDING_DB": short_path / "none.db",
        "FUNDING_SUPERVISOR": short_path / "s",
        "FUNDING_REST_URL": "http://127.0.0.1:1",
        "FUNDING_CHECK_INTERVAL": 600,
    }
    log = short_path / "log"
    with running(WATCHDOG, log, settings=settings) as process:
        until(lambda: "no quotes are stored" in log.read_text(), "the first look")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0


# With a supervisord


def settings_of(folder: Path) -> dict[str, object]:
    """A watchdog of the supervisord in `folder`, with a store that nobody writes to any more."""
    write(folder / "funding.db", ManualClock().clock(), [quote()])
    return {
        "FUNDING_DB": folder / "funding.db",
        "FUNDING_SUPERVISOR": folder / "s",
        "FUNDING_API_PORT": free_port(),
        "FUNDING_REST_URL": f"http://127.0.0.1:{free_port()}",
        "FUNDING_CHECK_INTERVAL": 0.2,
    }


def events(folder: Path, kind: str) -> list[str]:
    select = "SELECT detail FROM event WHERE source = 'watchdog' AND kind = ?"
    return [detail for (detail,) in rows(folder / "funding.db", select, kind)]


def wait_until_waiting(folder: Path, times: int) -> None:
    """Until it is recorded so many times that the budget is used up."""
    until(lambda: len(events(folder, "waiting")) == times, "the budget is used up")


def test_restart_budget_survives_kill_9_of_the_watchdog(short_path: Path) -> None:
    settings = settings_of(short_path)
    with supervisord(short_path, {"consumer": ENDS}, consumer=FATAL):
        for life in (1, 2):
            with running(WATCHDOG, short_path / f"{life}.log", settings=settings) as process:
                wait_until_waiting(short_path, life)
                process.send_signal(signal.SIGKILL)
                process.wait()
            starts = events(short_path, "start")
            assert len(starts) == 3, starts
    assert all(start.startswith("funding:consumer (fatal): FATAL") for start in starts)


def test_once_restarts_nothing_without_restart(short_path: Path) -> None:
    settings = settings_of(short_path)
    idle = {"autostart": "false"}
    with supervisord(short_path, {"consumer": ENDS, "idle": SLEEPS}, consumer=FATAL, idle=idle):
        until(lambda: "FATAL" in (short_path / "supervisord.log").read_text(), "the end")
        watchdog(settings, "--once")
        assert events(short_path, "start") == []
        watchdog(settings, "--once", "--restart")
        assert len(events(short_path, "start")) == 1
        log = (short_path / "supervisord.log").read_text()
        assert "spawned: 'idle'" not in log, "an operator has STOPPED it"


def test_it_survives_the_end_of_supervisord(short_path: Path) -> None:
    """It looks while there is none, while something else is at its socket, and finds the next."""
    settings = settings_of(short_path)
    log, path = short_path / "watchdog.log", short_path / "s"
    with running(WATCHDOG, log, settings=settings) as process:
        until(lambda: "getAllProcessInfo" in log.read_text(), "no supervisord")
        with supervisord(short_path, {"ingest": SLEEPS}) as supervisor:
            until(lambda: "supervisord has no program api" in log.read_text(), "it is found")
            supervisor.send_signal(signal.SIGTERM)
            supervisor.wait()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            other.settimeout(WAIT_SECONDS)
            other.accept()[0].close()
        path.unlink()
        with supervisord(short_path, {"consumer": ENDS}, consumer=FATAL):
            until(lambda: events(short_path, "start"), "what is FATAL is started")
        assert process.poll() is None
