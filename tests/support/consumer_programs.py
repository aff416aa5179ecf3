"""The consumers as programs: their settings, one run of each, and what a run must not tell."""

import os
import pty
import subprocess
import sys
import termios
import time
from contextlib import suppress
from typing import Any

from harness.processes import WAIT_SECONDS, environment, finished, until
from tests.conftest import ROOT
from tests.support.api_and_ingest import World
from tests.support.clock import rows
from tests.support.fake_backend import CHAT, KEY, TOKEN, FakeBackend

VOLUME_ALERT = "consumers/volume_alert.py"
OI_POLLER = "consumers/oi_poller.py"
ALERTS_PATH = "/api/volume-alerts/ingest"
SAMPLES_PATH = "/api/market/open-interest/ingest"


def settings(world: World, far: FakeBackend, **changes: object) -> dict[str, Any]:
    """Of a consumer of `world` whose targets are all at `far`."""
    return world.environment(
        FUNDING_MODE="websocket", FUNDING_FORCE_MODE=1, FUNDING_LOG_LEVEL="DEBUG",
        FUNDING_REST_WEIGHT=2_400, VOLSPIKE_API_URL=far.address, VOLSPIKE_API_KEY=KEY,
        TELEGRAM_TOKEN=TOKEN, TELEGRAM_URL=far.address, CHAT_ID=CHAT,
    ) | changes  # fmt: skip


def once(program: str, environ: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """`program --once`, which succeeds."""
    done = finished([sys.executable, program, "--once"], **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def spike(world: World, symbol: str = "BTCUSDT") -> None:
    """Its volume in this hour is far above that of the one before, and the hour will last."""
    until(lambda: time.time() % 3_600 < 3_600 - WAIT_SECONDS, "the next hour", 2 * WAIT_SECONDS)
    hour = int(time.time() // 3_600 * 3_600_000)
    faults = {"volume_spike": {symbol: {"hour": hour, "factor": 1e7}}}
    world.exchange.order("faults", "POST", faults)


def no_secrets(world: World, *texts: str) -> None:
    """Neither the store nor these `texts` have a secret."""
    stored = b"".join(path.read_bytes() for path in world.database.parent.glob("funding.db*"))
    for secret in (KEY, TOKEN, CHAT):
        assert secret.encode() not in stored
        assert not any(secret in text for text in texts)


def usage(world: World) -> dict[str, int]:
    """REST calls by route."""
    found = rows(world.database, "SELECT route, sum(calls) FROM rest_usage GROUP BY route")
    return dict(found)


def on_a_terminal(program: str, environ: dict[str, Any]) -> str:
    """What `program --once` shows on a terminal that is its standard error."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with subprocess.Popen(
        [sys.executable, program, "--once"], cwd=ROOT, env=environment(**environ),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the other side has closed it
            while part := os.read(ours, 65_536):
                shown += part
        os.close(ours)
        assert process.wait() == 0
    return shown.decode()
