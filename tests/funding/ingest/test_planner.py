"""Plans, asked for in a thread."""

import threading
from collections.abc import Callable

import pytest

from funding.errors import RestUnreachable
from funding.exchanges.exchange import Plan, Reply, Request
from funding.ingest import planner
from funding.runtime.clock import SYSTEM
from harness.processes import until
from tests.support.streams import MadeUpStream

ONE, OTHER = Plan([["A"]]), Plan([["A", "B"]])


def answered(_request: Request) -> Reply:
    return Reply(b"", 0)


def plans_of(
    stream: MadeUpStream,
    ask: Callable[[Request], Reply] = answered,
    changed: Callable[[], None] = lambda: None,
) -> "planner.FixedPlan | planner.Planner":
    return planner.plans_of(stream, ask=ask, clock=SYSTEM, changed=changed)


def test_exchange_that_needs_not_be_asked_has_its_plan_at_once() -> None:
    plans = plans_of(MadeUpStream("ws://unused", ONE))
    assert plans.latest == ONE
    plans.replan()
    plans.check()
    plans.stop()


def test_plan_is_made_again_when_it_is_wanted() -> None:
    stream, seen = MadeUpStream("ws://unused", ONE, OTHER), threading.Semaphore(0)
    stream.asks = True
    plans = plans_of(stream, changed=seen.release)
    assert seen.acquire(timeout=30)
    assert plans.latest == ONE
    plans.replan()
    until(lambda: plans.latest == OTHER, "the next plan")
    plans.stop(30.0)


def test_failure_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "FIRST_RETRY_SECONDS", 0.01)
    stream, failures = MadeUpStream("ws://unused", ONE), [RestUnreachable("timed out")] * 3
    stream.asks = True

    def ask(request: Request) -> Reply:
        if failures:
            raise failures.pop()
        return answered(request)

    plans = plans_of(stream, ask)
    until(lambda: plans.latest == ONE, "a plan")
    assert failures == []
    plans.stop(30.0)


def test_defect_reaches_the_main_thread() -> None:
    stream, seen = MadeUpStream("ws://unused", ONE), threading.Event()
    stream.asks = True

    def ask(_request: Request) -> Reply:
        raise KeyError("a defect")

    plans = plans_of(stream, ask, seen.set)
    assert seen.wait(30)
    with pytest.raises(KeyError):
        plans.check()
