"""The programs that listen to the stream."""

import sys
from pathlib import Path

import pytest

from harness.bench.listeners import Peer, uptime, wait
from harness.processes import WAIT_SECONDS, running, until

PRINTS = "import time; print(1, flush=True); time.sleep(60)"
FAILS = "import sys; sys.exit('ValueError: no stream')"


def test_a_line_of_output_is_data(tmp_path: Path) -> None:
    began, log = uptime(), tmp_path / "log"
    with running([sys.executable, "-c", PRINTS], log, piped=True) as process:
        peer = Peer("prints", process, log)
        assert (wait([peer], began, WAIT_SECONDS)["prints"] or 0) > 0
        assert peer.heard_after(uptime()) is None
        assert peer.runs()


def test_a_program_that_ended_says_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running([sys.executable, "-c", FAILS], log, piped=True) as process:
        peer = Peer("fails", process, log)
        until(lambda: not peer.runs(), "it ended")
        assert wait([peer], uptime(), WAIT_SECONDS) == {"fails": None}
        assert peer.why_not() == "it ended: ValueError: no stream"


@pytest.mark.parametrize("text", ["", "\n"])
def test_silence_is_named(tmp_path: Path, text: str) -> None:
    log = tmp_path / "log"
    with running([sys.executable, "-c", PRINTS], log, piped=True) as process:
        log.write_text(text)
        assert Peer("prints", process, log).why_not() == "no data and no output"
