"""harness/uptime.py: when the stream is broken, and what the answers add up to."""

import pytest

from harness.http_client import Answer
from harness.uptime import FAULTS, Seen, outages


@pytest.mark.parametrize(("share", "count"), [(0.05, 1), (0.05, 3), (0.4, 2), (0.9, 5)])
def test_outages_take_their_share_and_do_not_touch(share: float, count: int) -> None:
    plan = outages(600.0, share, count)
    assert len(plan) == count
    assert sum(each.end - each.begin for each in plan) == pytest.approx(600.0 * share)
    times = [at for each in plan for at in (each.begin, each.end)]
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] < 600.0


def test_each_outage_has_another_cause() -> None:
    assert [each.faults for each in outages(600.0, 0.05, 5)] == [*FAULTS, FAULTS[0]]


def answered(status: int, body: str) -> Answer:
    return Answer(status, {}, body.encode())


def test_what_the_answers_add_up_to() -> None:
    seen = Seen()
    for age, source in ((0.5, "websocket"), (12.25, "rest"), (1.0, "websocket")):
        seen.quote(answered(200, f'{{"ageSeconds":{age},"source":"{source}"}}'))
    seen.quote(answered(503, '{"error":"stale"}'))
    seen.quote(None)
    seen.state(answered(200, '{"status":"degraded"}'))
    seen.state(None)
    assert seen.fresh_pct == 60.0
    assert list(seen.lines()) == [
        "fresh quotes: 60.000 % of 5 answers",
        "oldest quote served: 12.2 s",
        "source: websocket 66.7 %, rest 33.3 %",
        "health: degraded 50.0 %, no answer 50.0 %",
    ]
