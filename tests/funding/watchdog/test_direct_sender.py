"""Posts sent without the outbox, to a real webhook."""

import pytest

from funding.model.alert import Post, TargetName
from funding.notify.backend import BackendClient
from funding.notify.targets import Target
from funding.settings.secret import Secret
from funding.watchdog.direct_sender import ATTEMPTS, DirectSender
from harness.processes import WAIT_SECONDS, until
from tests.support.fake_backend import HOOK, FakeBackend, NoWaits, serving

POST = Post(TargetName.WEBHOOK, "", "key", '{"text": "locked"}')


def sender(far: FakeBackend, pauses: list[float]) -> DirectSender:
    target = Target(TargetName.WEBHOOK, "", Secret(f"{far.address}{HOOK}"))

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            far.answer = 200

    return DirectSender([target], lambda: BackendClient(WAIT_SECONDS, waits=NoWaits()), pause=pause)


def test_it_is_sent_in_a_thread() -> None:
    with serving() as far:
        sender(far, []).send([POST])
        until(lambda: far.bodies(HOOK) == [{"text": "locked"}], "the post")


@pytest.mark.parametrize("answer", [500, "lose"])
def test_it_is_tried_again(answer: int | str, caplog: pytest.LogCaptureFixture) -> None:
    pauses: list[float] = []
    with serving() as far:
        far.answer = answer
        sender(far, pauses).attempt([POST])
        assert far.bodies(HOOK) == [{"text": "locked"}]
        assert len(pauses) == 2
        assert HOOK not in caplog.text


def test_it_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    pauses = [0.0, 0.0]
    with serving() as far:
        far.answer = 500
        sender(far, pauses).attempt([POST])
        assert len(far.seen) == ATTEMPTS
    assert caplog.messages[-1] == "1 alerts are lost: no target took them"
