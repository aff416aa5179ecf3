"""What all tests share: no proxies, short paths, the recorded payloads, free ports."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers

from harness.processes import ROOT, free_port

__all__ = ["RECORDED", "ROOT", "free_port"]

RECORDED = Path(os.environ.get("FUNDING_SHARED_DATA", ROOT.parent / "shared" / "data"))

# A shell that starts tests in the background lets them ignore Ctrl-C, and so all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples each time, and no limit on their time: a test is no lottery and no benchmark.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=100)
hypothesis.settings.load_profile("fixed")
# It also draws constants of the modules of ours that are loaded: other tests in the same process,
# and every change of the code, would change the examples.
pytest.MonkeyPatch().setattr(providers, "_get_local_constants", lambda: providers._local_constants)


@pytest.fixture(autouse=True)
def no_proxies_and_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's environment decides nothing in a test."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("FUNDING_"):
            monkeypatch.delenv(name)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose name is short enough for a unix socket; pytest's own is not."""
    path = Path(tempfile.mkdtemp(prefix="fr-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of recorded exchange payloads, which the repository does not hold."""
    if not RECORDED.is_dir():
        pytest.skip(f"no recorded payloads at {RECORDED} (FUNDING_SHARED_DATA names the folder)")
    return RECORDED
