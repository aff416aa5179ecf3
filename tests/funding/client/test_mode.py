"""Which mode a client runs in, by the last report."""

import pytest

from funding.client.mode import Decision, decide
from funding.model.mode import Mode
from funding.model.verdict import GO_SECONDS
from tests.support.clients import NOW


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (None, "the store has none"),
        ((NOW, "GO"), ""),
        ((NOW - GO_SECONDS + 1, "GO"), ""),
        ((NOW - GO_SECONDS, "GO"), "the last one is 7.0 days old"),
        ((NOW - 8.5 * 86_400, "GO"), "the last one is 8.5 days old"),
        ((NOW - 1, "NO-GO"), "the last one is NO-GO"),
        ((NOW + 60, "GO"), ""),
        ((NOW + 61, "GO"), "the last one is dated in the future"),
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_a_mode_that_leaves_rest_needs_a_go_of_this_week(
    mode: Mode, verdict: tuple[float, str] | None, why: str
) -> None:
    found = decide(mode, forced=False, verdict=verdict, problem="", now=NOW)
    if mode in (Mode.REST, Mode.PARALLEL) or not why:
        assert found == Decision(mode, "")
    else:
        need = f"mode {mode} needs a GO verdict less than 7 days old"
        assert found == Decision(Mode.PARALLEL, f"{need}, and {why}: running as parallel")
