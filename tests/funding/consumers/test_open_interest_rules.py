"""Intervals, baselines and edges of open interest."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.consumers.open_interest_rules import (
    KEEP_SECONDS,
    Change,
    ChangeDetector,
    SampleHistory,
    baseline_tolerance,
    loop_interval,
    reserved_weight,
    stretched_interval,
)
from funding.model.open_interest import Direction, Edge, Sample, Timeframe

S = "BTCUSDT"
FIVE = Timeframe("5MIN", "5 min", 300.0, 0.03, 600.0)
FRAMES = (
    FIVE,
    Timeframe("15MIN", "15 min", 900.0, 0.07, 900.0),
    Timeframe("60MIN", "1 hour", 3_600.0, 0.12, 3_600.0),
)


@pytest.mark.parametrize(
    ("symbols", "per_minute", "seconds"),
    [
        (341, 2_000, 10),
        (549, 2_000, 16),
        (100, 2_000, 5),
        (0, 2_000, 5),
        (521, 2_000, 16),
        (900, 2_000, 20),
    ],
)
def test_interval_follows_from_symbols_and_calls_per_minute(
    symbols: int, per_minute: int, seconds: int
) -> None:
    assert loop_interval(symbols, per_minute, 5, 20) == seconds


@given(st.integers(0, 5_000), st.integers(1, 100_000), st.integers(1, 50), st.integers(50, 3_600))
def test_interval_stays_within_its_bounds(symbols: int, per: int, least: int, most: int) -> None:
    assert least <= loop_interval(symbols, per, least, most) <= most


@given(st.integers(1, 5_000), st.integers(1, 3_600), st.floats(1, 2_400))
def test_stretched_interval_stays_within_the_budget(symbols: int, wanted: int, free: float) -> None:
    seconds = stretched_interval(wanted, symbols, free)
    assert seconds >= wanted
    assert 60 / seconds * symbols <= free * 1.000001
    assert seconds == wanted or 60 / seconds * symbols == pytest.approx(free)


def test_interval_without_any_budget_is_stretched() -> None:
    assert stretched_interval(10, 341, -50.0) == 60 * 341


@pytest.mark.parametrize(("budget", "reserved"), [(2_000, 100), (19, 0), (20, 1), (39, 1)])
def test_a_twentieth_of_the_budget_is_reserved(budget: int, reserved: int) -> None:
    assert reserved_weight(budget) == reserved


@pytest.mark.parametrize(
    ("lookback", "seconds"), [(300, 30), (900, 90), (3_600, 120), (10, 30), (1_200, 120)]
)
def test_tolerance_of_a_baseline(lookback: float, seconds: float) -> None:
    assert baseline_tolerance(lookback) == seconds


def sample(at: float, contracts: float = 100_000.0, mark: float | None = 2.0) -> Sample:
    return Sample(at, S, contracts, mark)


def history(*times: float) -> SampleHistory:
    made = SampleHistory()
    for at in times:
        made.add(sample(at))
    return made


@pytest.mark.parametrize(
    ("at", "within", "found"),
    [
        (100, 30, 100), (114, 30, 100), (116, 30, 130), (90, 10, 100), (89.9, 10, None),
        (190, 30, None), (190, 60, 130), (-500, 30, None),
    ],
)  # fmt: skip
def test_nearest_sample_within_the_tolerance(at: float, within: float, found: float | None) -> None:
    nearest = history(100, 130).nearest(at, within)
    assert (nearest.at if nearest else None) == found


@given(st.lists(st.integers(0, 8_000), min_size=1, unique=True), st.integers(0, 8_000))
def test_nearest_agrees_with_a_plain_search(times: list[int], at: int) -> None:
    ordered = sorted(times)
    kept = [t for t in ordered if t >= ordered[-1] - KEEP_SECONDS]
    found = history(*ordered).nearest(at, 90)
    best = min((abs(t - at) for t in ordered), default=None)
    near_kept = min(abs(t - at) for t in kept)
    if near_kept <= 90 and near_kept == best:
        assert found is not None
        assert abs(found.at - at) == near_kept


def test_clock_set_back_removes_later_samples() -> None:
    made = history(100, 200, 300)
    made.add(sample(150))
    assert made.last_at == 150
    assert made.nearest(300, 30) is None


def test_history_does_not_grow_forever() -> None:
    made = history(*range(0, 40_000, 10))
    assert len(made._samples) <= KEEP_SECONDS / 10 + 70


def test_history_keeps_an_hour_and_its_tolerance() -> None:
    made = history(*range(3_600 + 120 + 64))
    assert made.nearest(0, 0) is not None
    made.add(sample(3_600 + 120 + 64))
    assert made.nearest(63, 0) is None, "too old for any baseline"
    oldest = made.nearest(64, 0)
    assert oldest is not None
    assert oldest.at == 64


def test_history_forgets_what_is_old_after_a_silence() -> None:
    made = history(*range(100))
    made.add(sample(20_000))
    assert made.nearest(50, 0) is None


def test_empty_history_has_no_sample() -> None:
    assert SampleHistory().nearest(100, 30) is None
    assert SampleHistory().last_at is None


def detector(*edges: Edge, frames: tuple[Timeframe, ...] = (FIVE,)) -> ChangeDetector:
    return ChangeDetector(frames, 5_000.0, edges)


def feed(made: ChangeDetector, values: Mapping[int, float]) -> list[tuple[float, str, str]]:
    """The alerts when open interest has these values: each from its second until the next one,
    a sample every 10 s."""
    found: list[tuple[float, str, str]] = []
    times = sorted(values)
    level, at = values[times[0]], times[0]
    while at <= times[-1]:
        level = values.get(at, level)
        changes = made.add(sample(at, level))
        found += [(at, change.timeframe.name, change.direction) for change in changes]
        at += 10
    return found


def test_jump_is_one_alert_and_not_one_per_loop() -> None:
    assert feed(detector(), {0: 100_000, 400: 106_000, 690: 106_000}) == [(400, "5MIN", "UP")]
    assert feed(detector(), {0: 106_000, 400: 100_000, 690: 100_000}) == [(400, "5MIN", "DOWN")]


@pytest.mark.parametrize(
    ("before", "after", "alerted"),
    [
        (200_000, 206_000, True), (200_000, 205_999, False), (100_000, 104_999, False),
        (100_000, 105_000, True), (100_000, 95_000, True), (100_000, 95_001, False),
        (1_000_000, 1_029_999, False), (0.0, 50_000, False),
    ],
)  # fmt: skip
def test_both_thresholds_are_needed(before: float, after: float, alerted: bool) -> None:
    assert bool(feed(detector(), {0: before, 400: after, 410: after})) == alerted


def test_each_timeframe_has_its_own_threshold() -> None:
    found = feed(detector(frames=FRAMES), {0: 100_000, 4_000: 113_000, 4_010: 113_000})
    assert found == [(4_000, "5MIN", "UP"), (4_000, "15MIN", "UP"), (4_000, "60MIN", "UP")]
    found = feed(detector(frames=FRAMES), {0: 100_000, 4_000: 108_000, 4_010: 108_000})
    assert [name for _, name, _ in found] == ["5MIN", "15MIN"]


def test_no_baseline_means_no_alert() -> None:
    assert feed(detector(), {0: 100_000, 260: 200_000, 262: 200_000}) == []
    assert feed(detector(), {0: 100_000, 270: 200_000, 275: 200_000}) == [(270, "5MIN", "UP")]


def test_second_jump_is_alerted_after_the_cool_down_if_it_still_stands() -> None:
    # Up at 400, back inside at 700, up again at 800: the cool-down ends at 1000.
    up_twice = {0: 100_000, 400: 106_000, 800: 112_500, 1_090: 112_500}
    assert feed(detector(), up_twice) == [(400, "5MIN", "UP"), (1_000, "5MIN", "UP")]
    # Inside again when the cool-down ends: nothing.
    gone = {0: 100_000, 400: 106_000, 800: 112_500, 900: 106_000, 1_090: 106_000}
    assert feed(detector(), gone) == [(400, "5MIN", "UP")]


def test_each_direction_has_its_own_cool_down() -> None:
    found = feed(detector(), {0: 100_000, 400: 106_000, 500: 90_000, 600: 90_000})
    assert found == [(400, "5MIN", "UP"), (500, "5MIN", "DOWN")]


def test_steady_rise_is_one_alert() -> None:
    rising = {at: 100_000 * 1.002 ** (at / 10) for at in range(0, 3_000, 10)}
    assert len(feed(detector(), rising)) == 1


def test_silence_longer_than_the_look_back_ends_an_edge() -> None:
    """Longer than the look-back: the next jump is a new one, from the first baseline on."""
    made = detector()
    assert feed(made, {0: 100_000, 400: 106_000, 500: 106_000}) == [(400, "5MIN", "UP")]
    assert feed(made, {1_500: 106_000, 1_700: 112_500, 2_000: 112_500}) == [(1_770, "5MIN", "UP")]


def test_edges_and_cool_downs_survive_a_restart() -> None:
    first = detector()
    values: dict[int, float] = {0: 100_000, 400: 106_000, 500: 106_000}
    assert feed(first, values) == [(400, "5MIN", "UP")]
    assert first.changed_edges == [Edge(S, "5MIN", "UP", 400.0, None)]
    seen = [sample(at, 100_000 if at < 400 else 106_000) for at in range(0, 510, 10)]
    again = detector(*first.changed_edges)
    again.load_samples(seen)
    assert feed(again, {510: 106_000, 790: 106_000}) == []
    assert feed(again, {800: 112_500, 990: 112_500}) == []
    assert feed(again, {1_000: 112_500, 1_010: 112_500}) == [(1_000, "5MIN", "UP")]
    # Without what was kept it would have been alerted again.
    forgetful = detector()
    forgetful.load_samples(seen)
    assert feed(forgetful, {510: 106_000, 520: 106_000}) == [(510, "5MIN", "UP")]


def test_only_changed_edges_are_stored() -> None:
    made = detector(frames=FRAMES)
    feed(made, {0: 100_000, 1_000: 100_000})
    assert made.changed_edges == []
    feed(made, {1_010: 106_000, 1_300: 106_000})
    assert [edge.outside for edge in made.changed_edges] == ["UP"]
    feed(made, {1_310: 106_000, 1_400: 106_000})
    assert [edge.outside for edge in made.changed_edges] == ["UP", ""]


def test_edge_from_before_a_long_silence_delays_no_alert() -> None:
    made = detector(Edge(S, "5MIN", "UP", 0.0, None))
    assert feed(made, {5_000: 100_000, 5_400: 106_000, 5_410: 106_000}) == [(5_400, "5MIN", "UP")]


def test_short_gap_does_not_end_an_edge() -> None:
    made = detector()
    assert feed(made, {0: 100_000, 400: 106_000, 450: 106_000}) == [(400, "5MIN", "UP")]
    # 250 s of silence, then nothing near enough to be the baseline of 700 - 300 … but at 760.
    rest = {700: 112_500.0, 760: 112_500.0}
    assert feed(made, rest) == []


@pytest.mark.parametrize(("gap", "alerted"), [(300, False), (301, True)])
def test_silence_of_just_the_look_back_does_not_end_an_edge(gap: int, alerted: bool) -> None:
    made = detector(frames=(FIVE._replace(cooldown=60.0),))
    assert feed(made, {0: 100_000, 400: 106_000}) == [(400, "5MIN", "UP")]
    assert bool(feed(made, {400 + gap: 112_500})) is alerted


def test_alert_dated_in_the_future_starts_no_cool_down() -> None:
    made = detector(Edge(S, "5MIN", "", 9e9, None))
    assert feed(made, {0: 100_000, 400: 106_000, 410: 106_000}) == [(400, "5MIN", "UP")]


def test_change_in_contracts_and_as_fractions() -> None:
    change = Change(FIVE, Direction.UP, sample(0, 100_000.0, 2.0), sample(300, 106_000.0, 2.1))
    assert change.contracts == 6_000
    assert change.fraction == pytest.approx(0.06)
    assert change.price_fraction == pytest.approx(0.05)
    for before, after in ((None, 2.1), (2.0, None), (0.0, 2.0)):
        other = Change(FIVE, Direction.UP, sample(0, 1.0, before), sample(300, 2.0, after))
        assert other.price_fraction is None
