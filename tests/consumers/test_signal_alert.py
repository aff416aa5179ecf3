"""The signal alert as a program: a signal in the store reaches a webhook and Telegram, once."""

import signal as signals
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from funding.model.signal import Signal
from funding.store.signal_table import Findings
from funding.store.writer import Writer
from harness.processes import WAIT_SECONDS, finished, running, until
from tests.support.clock import rows
from tests.support.fake_backend import CHAT, TOKEN, FakeBackend, serving
from tests.support.signals import extreme
from tests.support.store import feed_of, writing

PROGRAM = "consumers/signal_alert.py"
HOOK = f"/bot{TOKEN}/hook"
MESSAGES = f"/bot{TOKEN}/sendMessage"


@pytest.fixture(autouse=True)
def clean() -> None:
    """In place of the package's: this program needs no exchange."""


def settings(path: Path, far: FakeBackend, **changes: object) -> dict[str, Any]:
    return {
        "FUNDING_DB": path,
        "FUNDING_REST_URL": "http://127.0.0.1:1",
        "FUNDING_SIGNALS_FILE": path.parent / "signals.toml",
        "FUNDING_SIGNAL_WEBHOOK_URL": f"{far.address}{HOOK}",
        "TELEGRAM_URL": far.address,
        "TELEGRAM_TOKEN": TOKEN,
        "CHAT_ID": CHAT,
    } | changes


def write(writer: Writer, signal: Signal) -> None:
    writer.write(feed_of("127.0.0.1"), findings=Findings((), [signal], {}))


def has(far: FakeBackend, path: str, name: str) -> bool:
    return name in str(far.bodies(path))


def test_signal_reaches_its_targets_once(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    (tmp_path / "signals.toml").write_text(
        '[[threshold]]\nsymbol="*"\nfield="z_score"\nabove=4\ntarget="backend"\n'
    )
    with serving() as far, writing(path, feed_of("127.0.0.1")) as writer:
        write(writer, extreme("OLDUSDT"))
        for name in ("AUSDT", "BUSDT"):
            with running(
                [sys.executable, PROGRAM], tmp_path / name, settings=settings(path, far)
            ) as program:
                until(lambda: rows(path, "SELECT done FROM consumer"), "it has begun")
                write(writer, extreme(name, at=4e9))
                until(partial(has, far, MESSAGES, name), "Telegram has it")
                until(partial(has, far, HOOK, name), "the webhook has it")
                program.send_signal(signals.SIGTERM)
                assert program.wait(WAIT_SECONDS) == 0
        hooked, told = far.bodies(HOOK), far.bodies(MESSAGES)
        assert [each["signals"][0]["symbol"] for each in hooked] == ["AUSDT", "BUSDT"]
        assert [each["text"][:5] for each in told] == ["AUSDT", "BUSDT"]
        assert told[0]["chat_id"] == CHAT
        assert far.repeated == 0
    log = (tmp_path / "AUSDT").read_text()
    assert "z_score above 4 (line 1 of signals.toml): backend is not set up" in log
    assert TOKEN not in log


def test_once_tells_what_came_since(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    with serving() as far, writing(path, feed_of("127.0.0.1")) as writer:
        write(writer, extreme("OLDUSDT"))
        environ = settings(path, far, FUNDING_SIGNALS_FILE="")
        del environ["FUNDING_SIGNALS_FILE"]
        assert finished([sys.executable, PROGRAM, "--once"], **environ).returncode == 0
        write(writer, extreme("AUSDT", at=4e9))
        assert finished([sys.executable, PROGRAM, "--once"], **environ).returncode == 0
        assert [each["signals"][0]["symbol"] for each in far.bodies(HOOK)] == ["AUSDT"]


def test_line_that_is_wrong_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    (tmp_path / "signals.toml").write_text("[[threshold]]\nsymbol=3\n")
    with serving() as far, writing(path, feed_of("127.0.0.1")):
        done = finished([sys.executable, PROGRAM, "--once"], **settings(path, far))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("signal_alert: signals.toml, line 1: ")
