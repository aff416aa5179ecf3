"""Does a process grow?"""

import os
import random

from harness.soak.slopes import Sample, Samples, Slope, slope, slopes


def line(per_hour: float, noise: float, minutes: int = 40) -> Slope:
    """1,200 samples of a line with noise that lasts for a while, as heaps have it."""
    chance, value, values = random.Random(5), 0.0, []
    times = [minutes * 60 * number / 1_200 for number in range(1_200)]
    for at in times:
        value = 0.9 * value + chance.gauss(0, noise)
        values.append(30 + per_hour * at / 3600 + value)
    return slope(times, values)


def test_a_slope_and_its_interval() -> None:
    assert slope([float(n) for n in range(100)], [5.0] * 100)[:3] == (0.0, 0.0, 0.0)
    steep = line(20.0, 0.5)
    assert steep.low < 20 < steep.high
    assert steep.verdict(2.0) == "FAIL"
    assert line(0.0, 0.2).verdict(2.0) == "PASS"
    assert line(0.0, 20.0).verdict(2.0) == "OPEN", "too much noise to tell"
    assert line(0.0, 0.0, minutes=10).verdict(2.0) == "OPEN", "too short"
    assert line(20.0, 0.0, minutes=10).verdict(2.0) == "OPEN", "or young"
    assert Slope(3.0, 0.5, 5.5, 3_000.0, 9.0, 9.0).verdict(2.0) == "OPEN", "one of fifteen may"
    assert line(1.0, 0.0).verdict(2.0) == "PASS", "less than what counts"
    assert slope([1.0, 2.0], [1.0, 9.0]).verdict(2.0) == "OPEN"
    assert slope([], []).verdict(2.0) == "OPEN"


def test_bursts_pass_and_leaks_stay() -> None:
    """More and more connections at once are no leak, as long as there are moments without."""
    times = [2.0 * number for number in range(1_200)]
    bursts = [8.0 + number / 100 * (number % 7 > 0) for number in range(1_200)]
    leak = [8.0 + number / 300 + 30 * (number % 7 > 0) for number in range(1_200)]
    assert slope(times, bursts)[:3] == (0.0, 0.0, 0.0)
    assert slope(times, leak).verdict(1.0) == "FAIL"


def test_the_longest_life_counts_without_its_youth() -> None:
    samples = Samples()
    samples.series["ingest", 1] = [Sample(float(n), 9, 3, n) for n in range(60)]
    samples.series["ingest", 2] = [
        Sample(100.0 + n, 9, 3, min(n, 450) + 20) for n in range(0, 2_000, 2)
    ]
    (found,) = samples.longest().values()
    assert (found[0].at, found[-1].at) == (600.0, 2_098.0)
    assert {each.per_hour for each in slopes(found).values()} == {0.0}


def test_samples_are_of_real_processes() -> None:
    samples, before = Samples(), os.dup(0)
    samples.take({"us": os.getpid(), "gone": 2**22 + 1}, 1.0)
    os.close(before)
    samples.take({"us": os.getpid()}, 2.0)
    (found,) = samples.series.values()
    assert found[0].descriptors - found[1].descriptors == 1
    assert found[0].threads >= 1
    assert 5 < found[0].megabytes < 5_000
