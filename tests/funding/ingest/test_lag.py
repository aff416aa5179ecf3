"""Lag: the growth of (receipt − event time) over its least value, by no wall clock."""

import random

import pytest

from funding.ingest.lag import LagMeter

START_MS = 1_764_725_610_000
HOUR = 3_600.0


class Stream:
    """Frames of both symbol classes each second, as a link hands them on."""

    def __init__(self, meter: LagMeter, *, connection: int = 1, drift: float = 0.0) -> None:
        self.meter, self.connection = meter, connection
        self.sent = 1_000.0  # uptime when the exchange sent the last tick
        self.clock_error = 0.0
        self.drift = drift
        self.jitter = random.Random(7)

    def event_time(self) -> int:
        exchange = (self.sent - 1_000.0) * (1 + self.drift) + self.clock_error
        return START_MS + round(exchange * 1000)

    def run(self, seconds: float, *, late: float = 0.0, slower: float = 0.0) -> float:
        """So many seconds of ticks, `late` by seconds, and by `slower` more with each of them."""
        lag = 0.0
        end = self.sent + seconds
        while self.sent < end - 0.5:
            self.sent += 1.0
            late += slower
            for gap in (0.0, 0.01):
                at = self.sent + late + gap + self.jitter.uniform(0.02, 0.2)
                lag = self.meter.add(self.connection, self.event_time(), at)
        return lag


def test_prompt_stream_has_no_lag() -> None:
    assert Stream(LagMeter()).run(HOUR) < 0.2


def test_lag_grows_with_the_backlog_and_goes_with_it() -> None:
    stream = Stream(LagMeter())
    stream.run(60)
    assert stream.run(50, slower=0.4) == pytest.approx(20.0, abs=1.0)
    assert stream.run(10, late=20.0) == pytest.approx(20.0, abs=0.5)
    assert stream.run(3) < 0.2


def test_new_process_on_a_slow_link_sees_the_lag_by_what_the_old_one_measured() -> None:
    old = Stream(LagMeter())
    old.run(60)
    new = Stream(LagMeter(old.meter.least, old.sent))
    new.sent = old.sent
    assert new.run(1, late=8.0) == pytest.approx(8.0, abs=0.5)
    unknown = Stream(LagMeter())
    assert unknown.run(5, late=8.0) < 0.2, "nothing is known to be late"


def test_one_process_after_another_does_not_take_drift_for_lag() -> None:
    stream = Stream(LagMeter(), drift=-100e-6)
    for _ in range(48):
        assert stream.run(HOUR / 2) < 0.8
        stream.meter = LagMeter(stream.meter.to_keep(stream.sent), stream.sent)


def test_drifting_crystal_is_not_lag() -> None:
    for drift in (100e-6, -100e-6):
        stream = Stream(LagMeter(), drift=drift)
        for _ in range(16):
            assert stream.run(HOUR) < 0.8


def test_silence_of_a_weekend_is_neither_lag_nor_forgiveness() -> None:
    stream = Stream(LagMeter(), drift=-100e-6)
    stream.run(60)
    stream.sent += 60 * HOUR
    assert stream.run(3) < 0.5
    stream.sent += 2 * HOUR
    assert stream.run(3, late=8.0) == pytest.approx(8.0, abs=1.0)


@pytest.mark.parametrize("absurd_ms", [86_400_000, 30_000, -30_000, -86_400_000])
def test_single_absurd_frame_changes_nothing(absurd_ms: int) -> None:
    stream = Stream(LagMeter())
    stream.run(60)
    assert stream.meter.add(1, stream.event_time() + absurd_ms, stream.sent + 0.3) < 0.3
    for _ in range(60):
        assert stream.run(1) < 0.3


def test_absurd_first_frame_changes_nothing() -> None:
    stream = Stream(LagMeter())
    stream.meter.add(1, stream.event_time() + 86_400_000, stream.sent + 0.1)
    assert stream.run(5) < 0.3
    assert stream.run(5, late=8.0) == pytest.approx(8.0, abs=0.5)


@pytest.mark.parametrize("step", [-3_600.0, -30.0, -5.0, 5.0, 30.0, 3_600.0])
def test_step_of_the_exchange_s_clock_is_not_lag(step: float) -> None:
    stream = Stream(LagMeter())
    stream.run(60)
    stream.clock_error = step
    stream.run(3)
    for _ in range(60):
        assert stream.run(1) < 0.3
    stream.clock_error = 0.0
    stream.run(3)
    assert stream.run(60) < 0.3
    assert stream.run(10, late=8.0) == pytest.approx(8.0, abs=0.5)


def test_step_of_the_exchange_s_clock_does_not_hide_lag() -> None:
    stream = Stream(LagMeter())
    stream.run(60)
    stream.run(5, late=7.0)
    stream.clock_error = -100.0
    assert stream.run(10, late=7.0) == pytest.approx(7.0, abs=0.5)


def test_slow_spare_connection_is_measured_by_the_prompt_one() -> None:
    meter = LagMeter()
    prompt, slow = Stream(meter), Stream(meter, connection=2)
    for _ in range(30):
        assert prompt.run(1) < 0.3
        late = slow.run(1, late=8.0)
    assert late == pytest.approx(8.0, abs=0.5)
    meter.forget(2)
    assert prompt.run(1) < 0.3


@pytest.mark.parametrize(
    ("late", "known", "seen"),
    [(20.0, 1_000.0, 20.0), (20.0, 1_002.0, 18.0), (0.0, 1_000.0, 0.0), (0.0, 1_005.0, 0.0),
     (299.0, 1_000.0, 299.0), (90_000.0, 1_000.0, 0.0), (-20.0, 1_000.0, 0.0)],
)  # fmt: skip
def test_stream_late_from_the_start_is_measured_by_rest_s_clock(
    late: float, known: float, seen: float
) -> None:
    """`known` is the uptime at which REST's clock said START_MS, or more."""
    meter = LagMeter()
    stream = Stream(meter)
    offset = START_MS / 1000 - known
    assert not meter.note_exchange_clock(offset, 1_000.0), "no frame has come yet"
    assert stream.run(10.0, late=late) < 0.2
    assert meter.note_exchange_clock(offset, stream.sent)
    assert stream.run(10.0, late=late) == pytest.approx(seen, abs=0.3)


def test_clock_of_rest_is_forgotten_when_the_exchange_s_is_set_back() -> None:
    meter = LagMeter()
    stream = Stream(meter)
    stream.run(10.0)
    meter.note_exchange_clock(START_MS / 1000 - 1_000.0, stream.sent)
    stream.clock_error = -30.0
    assert stream.run(10.0) < 0.3


@pytest.mark.parametrize("known_before", [True, False])
@pytest.mark.parametrize("ahead", [3_600.0, 40_000.0, 10.0, 4.0])
def test_frames_from_the_future_make_no_lag_afterwards(ahead: float, known_before: bool) -> None:
    """Also on another connection, which does not see the exchange's clock go back."""
    meter = LagMeter()
    offset = START_MS / 1000 - 1_000.3  # REST took 0.3 s
    stream = Stream(meter)
    stream.run(10.0)
    if known_before:
        meter.note_exchange_clock(offset, stream.sent)
    stream.clock_error = ahead
    assert stream.run(20.0) < 0.3
    if not known_before:
        meter.note_exchange_clock(offset, stream.sent)
    other = Stream(meter, connection=2)
    other.sent = stream.sent
    assert other.run(10.0) < 0.5
    assert other.run(10.0, late=8.0) == pytest.approx(8.0, abs=0.5)


def test_exchange_s_clock_that_is_set_forward_is_no_lag() -> None:
    meter = LagMeter()
    stream = Stream(meter)
    stream.run(10.0)
    meter.note_exchange_clock(START_MS / 1000 - 1_000.3, stream.sent)
    stream.clock_error = 30.0
    assert stream.run(300.0) < 0.3
    meter.note_exchange_clock(START_MS / 1000 - 1_000.3 + 30.0, stream.sent)
    assert stream.run(10.0) < 0.3
    assert stream.run(10.0, late=8.0) == pytest.approx(8.0, abs=0.5)


def test_clock_of_rest_does_not_hold_for_ever() -> None:
    meter = LagMeter()
    stream = Stream(meter, drift=90e-6)
    stream.run(10.0)
    meter.note_exchange_clock(START_MS / 1000 - 1_000.3, stream.sent)
    for _ in range(40):
        assert stream.run(3_600.0) < 0.6
