"""The delays between attempts, the bound on their number, and what a server asks for."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.runtime.backoff import LONGEST_SECONDS, Attempts, delays, stated_wait

WINDOW_SECONDS = 300.0
MOST = 75


def longest(low: float, high: float) -> float:
    """A draw that always ends at the upper bound."""
    return high


def shortest(low: float, high: float) -> float:
    """A draw that always ends at the lower bound."""
    return low


def test_delays_double_and_leave_a_quarter_of_the_maximum() -> None:
    assert list(islice(delays(5.0, longest), 7)) == [0.375, 0.75, 1.5, 3.0, 3.75, 3.75, 3.75]
    assert list(islice(delays(60.0, longest), 8)) == [0.375, 0.75, 1.5, 3, 6, 12, 24, 45]


def test_delays_are_jittered_but_never_near_nothing() -> None:
    assert list(islice(delays(5.0, shortest), 6)) == [0.25, 0.5, 1.0, 2.0, 2.5, 2.5]


@given(st.floats(0.1, 3600), st.integers(1, 100))
def test_no_delay_is_above_the_maximum_and_the_first_is_within_a_second(
    maximum: float, number: int
) -> None:
    drawn = list(islice(delays(maximum, longest), number))
    assert drawn[0] <= 0.5
    assert max(drawn) <= maximum
    assert drawn == sorted(drawn)


def test_burst_is_allowed_and_then_one_every_five_seconds() -> None:
    attempts = Attempts(0.0)
    made = [step / 4 for step in range(4 * 60) if attempts.take(step / 4)]
    assert made[:15] == [step / 4 for step in range(15)]
    assert made[15:] == pytest.approx([5.0 * n for n in range(1, 12)])


def test_idle_time_saves_up_no_more_than_one_burst() -> None:
    attempts = Attempts(0.0)
    assert sum(attempts.take(86_400.0) for _ in range(100)) == 15


def test_clock_that_goes_back_refills_nothing() -> None:
    attempts = Attempts(1_000.0)
    assert sum(attempts.take(1_000.0) for _ in range(100)) == 15
    assert not any(attempts.take(now) for now in (999.0, 1_000.0, 0.0, 1_004.9))
    assert attempts.take(1_005.0)


@given(st.lists(st.floats(0, 40), min_size=100, max_size=600))
def test_never_more_than_75_in_five_minutes(pauses: list[float]) -> None:
    attempts, now = Attempts(0.0), 0.0
    made: list[float] = []
    for pause in pauses:
        now += pause
        if attempts.take(now):
            made.append(now)
    for index, first in enumerate(made):
        assert sum(at <= first + WINDOW_SECONDS for at in made[index:]) <= MOST


def test_constant_asking_is_allowed_75_times_in_the_first_five_minutes() -> None:
    attempts = Attempts(0.0)
    assert sum(attempts.take(step / 4) for step in range(4 * 300 + 1)) == MOST


@pytest.fixture(params=["JST-9", "America/New_York"])
def far_away(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's own time zone is nine hours ahead of GMT, or hours behind it."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


NOW = 1_790_000_000.0
IN_AN_HOUR = datetime.fromtimestamp(NOW + 3_600, UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("00000000120", 120.0),
        ("9" * 400, LONGEST_SECONDS),
        ("Thu, 31 Dec 2099 23:59:59 GMT", LONGEST_SECONDS),
        (format_datetime(IN_AN_HOUR, usegmt=True), 3_600.0),
        (f"{IN_AN_HOUR:%A, %d-%b-%y %H:%M:%S} GMT", 3_600.0),  # as in RFC 850
        (f"{IN_AN_HOUR:%a %b %e %H:%M:%S %Y}", 3_600.0),  # as asctime() writes it
        (f"{IN_AN_HOUR:%a, %d %b %Y %H:%M:%S} +0100", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("", 0.0),
        ("-5", 0.0),
        ("1.5", 1.5),
        ("1e3", 0.0),
        ("７", 0.0),
        ("soon", 0.0),
        ("Fri, 99 Foo 99999 99:99:99 GMT", 0.0),
    ],
)
@pytest.mark.usefixtures("far_away")
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float) -> None:
    assert stated_wait(text, b"", NOW) == seconds


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (b'{"ok":false,"error_code":429,"parameters":{"retry_after":35}}', 35.0),
        (b'{"message":"You are being rate limited.", "retry_after" : 0.65}', 0.65),
        (b'{"retry_after":"12"}', 12.0),
        (b'{"retry_after":99999999}', LONGEST_SECONDS),
        (b'{"retry_after":-5}', 0.0),
        (b'{"retry_after":null}', 0.0),
        (b"IP banned until %d." % (NOW * 1000 + 90_500), 90.5),
        (b"IP banned until %d." % (NOW * 1000 - 90_500), 0.0),
        (b"IP banned until 9999999999999.", LONGEST_SECONDS),
        (b"IP banned until %d." % (NOW + 90), 90.0),
        (b'{"data":{"serverTime":1,"retryAfter":%d}}' % (NOW * 1000 + 90_500), 90.5),
        (b'{"Retry_After":%d}' % (NOW + 90), 90.0),
        (b'{"retryAfter":%d}' % (NOW - 90), 0.0),
        (b"banned until tomorrow", 0.0),
        (b"\xff\0<html>", 0.0),
        (b"", 0.0),
    ],
)
def test_wait_is_read_from_the_body(body: bytes, seconds: float) -> None:
    assert stated_wait("", body, NOW) == seconds


def test_header_counts_where_both_speak() -> None:
    assert stated_wait("7", b'{"retry_after":35}', NOW) == 7.0


@pytest.mark.parametrize(("stated", "wait"), [(86_400, 86_400.0), (86_401, LONGEST_SECONDS)])
def test_wait_that_is_longer_than_any_is_not_believed(stated: int, wait: float) -> None:
    assert stated_wait(str(stated), b"", NOW, at_most=86_400.0) == wait


@given(st.text(max_size=40) | st.dates().map(lambda day: f"{day:%a, %d %b %Y} 25:00:00 GMT"))
def test_no_text_of_retry_after_raises_anything(text: str) -> None:
    assert 0 <= stated_wait(text, text.encode("utf-8", "replace"), 0.0) <= LONGEST_SECONDS
