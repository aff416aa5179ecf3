"""The soak's judges: each criterion can fail. And, with --faults, half a minute of it."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.sim.contracts import default_contracts
from harness.sim.poison import bad_rows
from harness.sim.world import World
from harness.soak import verdict
from harness.soak.answers import Oddity
from harness.soak.answers import Seen as Client
from harness.soak.audit import Audit, acknowledged
from harness.soak.bound import command
from harness.soak.catalogue import ALL, at_most
from harness.soak.chaos import Chaos
from harness.soak.faults import CUT, SILENT, STOPS_PER_10_MINUTES, Injury, Kind
from harness.soak.growth import MEASURES, Sample, Samples, Slope, slope, slopes
from harness.soak.oracle import Oracle
from harness.soak.pace import Pace
from harness.soak.report import data, markdown
from harness.soak.scene import APIS, INGEST
from harness.soak.seen import Seen
from harness.soak.verdict import verdicts
from harness.soak.web import Got
from tests.conftest import ROOT
from tests.support.processes import running, until

SEED, TICK = 7, 0.2
NOW_MS = 1_795_219_200_000
SENT = NOW_MS - 400
PACE = Pace(5.0, True)


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle(SEED, few=True, tick_seconds=TICK)


@pytest.fixture(scope="module")
def world() -> World:
    return World(default_contracts(seed=SEED, main=30, tradfi=10), seed=SEED)


def served(world: World, symbol: str = "BTCUSDT", at: int = SENT, **other: object) -> Any:
    """The row as the API shows it, half a second after it was sent."""
    sent = json.loads(world.mark_row(symbol, at))
    row = {
        "symbol": symbol,
        "markPrice": float(sent["p"]),
        "fundingRate": float(sent["r"]) if sent["T"] else None,
        "nextFundingTime": sent["T"] or None,
        "indexPrice": float(sent["i"]),
        "updatedAt": at / 1000 + 0.1,
        "ageSeconds": 0.3,
        "lastUpdateTime": int(at / 1000 + 0.1),
        "eventTime": at,
        "exchange": "binance",
    }
    return row | other


def got(body: Any = None, outcome: str = "200") -> Got:
    return Got(outcome, body, "", 10.0, 10.01, NOW_MS / 1000 - 0.01, NOW_MS / 1000)


# Every value is the one that was sent


def test_what_was_sent_is_right(oracle: Oracle, world: World) -> None:
    for symbol in oracle.symbols:
        phase = 137 if world.motions[symbol].contract.class_name == "tradfi" else 0
        row = served(world, symbol, SENT - 200 + phase)
        assert oracle.wrong(row, NOW_MS) == ""
    assert not any("USD_" in symbol for symbol in oracle.symbols)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"markPrice": 1.0}, "sent"),
        ({"indexPrice": 1.0}, "sent"),
        ({"fundingRate": None}, "sent"),
        ({"fundingRate": 0.01}, "sent"),
        ({"nextFundingTime": SENT}, "sent"),
        ({"symbol": "FORGEDUSDT"}, "no such symbol"),
        ({"symbol": "BTCUSD_PERP"}, "no such symbol"),
        ({"eventTime": SENT + 1}, "no frame"),
        ({"eventTime": str(SENT)}, "no frame"),
        ({"eventTime": SENT + 86_400_000}, "ahead"),
        ({"eventTime": SENT - 200}, "sent"),
    ],
)
def test_what_was_not_sent_is_found(
    oracle: Oracle, world: World, change: dict[str, Any], words: str
) -> None:
    assert words in oracle.wrong(served(world) | change, NOW_MS)


def test_no_price_of_the_poison_is_true(oracle: Oracle, world: World) -> None:
    *_, twin = bad_rows([world.mark_row("BTCUSDT", SENT)], SENT)[1]
    poisoned = float(json.loads(twin)["p"])
    assert oracle.wrong(served(world, markPrice=poisoned), NOW_MS)


# A client's own checks


@pytest.fixture
def client(oracle: Oracle) -> Client:
    return Client(oracle, stale_after=36.0)


Asking = Callable[[Client, World], None]


def back_in_time(client: Client, world: World) -> None:
    client.one("BTCUSDT", got(served(world)))
    client.one("BTCUSDT", got(served(world, at=SENT - 200, ageSeconds=0.5)))


def unchanged_and_older(client: Client, world: World) -> None:
    client.one("BTCUSDT", got(served(world)))
    client.all([served(world, at=SENT - 200)], got(outcome="304"))


WRONG: dict[str, Asking] = {
    "a wrong price": lambda c, w: c.one("BTCUSDT", got(served(w, markPrice=2.0))),
    "another symbol": lambda c, w: c.one("ETHUSDT", got(served(w))),
    "back in time": back_in_time,
    "a 304 that hides": unchanged_and_older,
    "too old an age": lambda c, w: c.one("BTCUSDT", got(served(w, ageSeconds=1.3))),
    "too young an age": lambda c, w: c.one("BTCUSDT", got(served(w, ageSeconds=0.1))),
    "another second": lambda c, w: c.one("BTCUSDT", got(served(w, lastUpdateTime=1))),
    "received too soon": lambda c, w: c.one(
        "BTCUSDT",
        got(served(w, updatedAt=SENT / 1000 - 3, ageSeconds=3.4, lastUpdateTime=SENT // 1000 - 3)),
    ),
    "stale, not called so": lambda c, w: c.one("BTCUSDT", got(old(w))),
    "stale in a batch, not called so": lambda c, w: c.batch(
        ["BTCUSDT"], got(batch(old(w, stale=False)))
    ),
    "called stale, and is not": lambda c, w: c.one(
        "BTCUSDT", got({"ageSeconds": 0.3, "last": served(w)}, "503 stale")
    ),
    "a symbol that does not exist": lambda c, w: c.nobody("NOSUCHUSDT", got(served(w))),
    "a batch of another symbol": lambda c, w: c.batch(
        ["ETHUSDT"], got(batch(served(w, stale=False)))
    ),
    "a batch that counts wrongly": lambda c, w: c.batch(
        ["BTCUSDT"], got(batch(served(w, stale=False)) | {"found": 2})
    ),
    "a wrong total": lambda c, w: c.all([served(w)], got({"data": [], "total": 2})),
    "healthy with reasons": lambda c, w: c.health(got({"status": "healthy", "reasons": ["x"]})),
}


def old(world: World, **other: object) -> Any:
    """A row of a minute ago."""
    row: dict[str, Any] = served(world, at=SENT - 60_000, ageSeconds=60.3)
    return row | other


def batch(row: Any) -> dict[str, Any]:
    return {"data": [row], "found": 1, "missing": 0, "total": 1, "missingSymbols": []}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_found(client: Client, world: World, name: str) -> None:
    WRONG[name](client, world)
    assert client.wrongs == len(client.wrong) == 1


def test_right_answers_are_left_in_peace(client: Client, world: World) -> None:
    row = served(world)
    client.one("BTCUSDT", got(row))
    client.batch(["BTCUSDT"], got(batch(row | {"stale": False})))
    client.all([row], got({"data": [row], "total": 1}))
    client.all([row], got(outcome="304"))
    client.nobody("NOSUCHUSDT", got({"error": "unknown symbol"}, "404 unknown symbol"))
    client.health(got({"status": "healthy", "reasons": []}))
    assert (client.wrongs, client.rows) == (0, 4)
    assert {each.kind for each in client.odd} == {"symbols missing"}, "39 of 40 are"


@pytest.mark.parametrize("outcome", ["lost", "refused", "late", "503 not ready", "500 oops"])
def test_what_is_no_good_answer_is_written_down(client: Client, outcome: str) -> None:
    client.one("BTCUSDT", got({}, outcome))
    client.batch(["BTCUSDT"], got({}, outcome))
    client.all([], got({}, outcome))
    client.health(got({}, outcome))
    client.nobody("NOSUCHUSDT", got({}, outcome))
    assert [each.kind for each in client.odd] == [outcome] * 5


# Criteria


def injury(seconds: float = 1.0, *, excuses: frozenset[str] = SILENT, **more: Any) -> Injury:
    kind = Kind("a fault", lambda scene, injury: iter(()), at_most(5), excuses)
    return Injury(kind, 100.0, 100.0, 100.0 + seconds, **more)


FLAT = {name: Slope(0.0, 0.0, 0.0, 3_000.0, 9.0, 9.0) for name in MEASURES}


def good() -> Seen:
    """A run in which all went well."""
    made = Seen(PACE, injuries=[injury(excuses=SILENT | CUT, killed=1)], rows=9, read_rows=9)
    made.answers.update({"200": 5, "lost": 1})
    made.odd = [Oddity(100.5, 100.6, "lost")]
    made.clients, made.acknowledged, made.asked, made.checks = 5, 9, 9, ["ok"]
    made.slopes = {"funding:ingest": FLAT}
    return made


def verdict_of(seen: Seen) -> dict[str, str]:
    return {each.name: each.verdict for each in verdicts(seen)}


def test_all_is_well() -> None:
    assert set(verdict_of(good()).values()) == {"PASS"}


def growing(seen: Seen) -> None:
    found = Slope(40.0, 30.0, 50.0, 3_000.0, 9.0, 49.0)
    seen.slopes = {"funding:ingest": FLAT, "supervisord": FLAT | {"threads": found}}


BAD: dict[str, tuple[str, Callable[[Seen], None]]] = {
    "a wrong row": ("every lookup", lambda s: setattr(s, "wrongs", 1)),
    "an error too early": ("errors", lambda s: s.odd.append(Oddity(98, 99, "lost"))),
    "an error too late": ("errors", lambda s: s.odd.append(Oddity(103, 104, "lost"))),
    "an error of another kind": ("errors", lambda s: s.odd.append(Oddity(100, 101, "refused"))),
    "a 500": ("errors", lambda s: s.odd.append(Oddity(100, 101, "500 oops"))),
    "more lost than in hand": ("no request", lambda s: s.odd.extend(s.odd * 6)),
    "a lost comparison": ("no acknowledged", lambda s: s.missing.append(3)),
    "one not salvaged": ("salvaged", lambda s: s.unsalvaged.append(3)),
    "growth": ("no growth", growing),
    "too late": ("every fault", lambda s: s.injuries.append(injury(5.1))),
    "never": ("every fault", lambda s: s.injuries.append(injury(-100.0))),
    "given up": ("every fault", lambda s: setattr(s, "given_up", "reset: not recovered")),
    "damage": ("integrity", lambda s: s.checks.append("row 3 missing from index")),
    "a large WAL": ("integrity", lambda s: setattr(s, "wal_bytes", verdict.WAL_BYTES + 1)),
    "an end by itself": ("no other", lambda s: s.ended_by_itself.append("ingest")),
    "a stop that is not clean": ("no other", lambda s: setattr(s, "stop", "left 17")),
}


@pytest.mark.parametrize("name", BAD)
def test_each_criterion_can_fail(name: str) -> None:
    words, spoil = BAD[name]
    seen = good()
    spoil(seen)
    failed = [each for each, verdict in verdict_of(seen).items() if verdict == "FAIL"]
    assert [each.startswith(words) for each in failed] == [True]
    assert "FAIL" in markdown("heading", verdicts(seen), seen)
    json.dumps(data("heading", verdicts(seen), seen), allow_nan=False)


def test_nothing_is_proven_by_seeing_nothing() -> None:
    found = verdict_of(Seen(PACE))
    assert found["every lookup answered truly"] == "OPEN"
    assert found["no growth of descriptors, threads, memory"] == "OPEN"
    assert found["no acknowledged comparison lost"] == "OPEN"
    assert "PASS" not in {v for name, v in found.items() if name.startswith(("every", "integrity"))}


# Comparisons


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Nine acknowledged comparisons, one refused, all of the nine stored."""
    lines = [f"{number} {'+' if number != 4 else 'StoreLocked'} {number}.0" for number in range(10)]
    (tmp_path / "acknowledged").write_text("\n".join(lines) + "\n")
    store(tmp_path / "funding.db", set(range(10)) - {4})
    return Audit(tmp_path / "funding.db", tmp_path / "acknowledged")


def store(path: Path, numbers: set[int]) -> None:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript((ROOT / "schema.sql").read_text())
        database.executemany(
            "INSERT INTO comparison (compared_at, source, exchange, symbol, field, outcome,"
            " rest_time) VALUES (1, 'soak', 'binance', 'X', 'mark_price', 'match', ?)",
            [(number,) for number in sorted(numbers)],
        )
        database.commit()


def test_all_that_was_acknowledged_is_there(audit: Audit) -> None:
    audit.check()
    assert (audit.missing, len(audit.asked), audit.checks) == ([], 9, ["ok"])
    assert 4 not in acknowledged(audit.file)


def test_a_lost_comparison_is_found(audit: Audit) -> None:
    store(audit.database, set(range(8)))
    audit.check()
    assert audit.missing == [8, 9]


def test_what_went_with_a_destroyed_database_is_excused_and_counted(audit: Audit) -> None:
    audit.check()
    store(audit.database, {8, 9})
    audit.begun_anew(7.5)
    audit.check()
    assert (audit.missing, audit.excused()) == ([], 7)
    store(audit.database, {8})
    audit.check()
    assert audit.missing == [9]


def test_what_can_be_read_of_a_set_aside_database_must_be_copied(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.soak.audit._SALVAGE_SECONDS", 0.1)
    audit.database.rename(audit.database.with_name("funding-damaged-20260101T000000Z.db"))
    store(audit.database, {1, 2})
    audit.begun_anew(9.5)
    audit.check()
    assert audit.unsalvaged == [0, 3, 5, 6, 7, 8, 9]
    assert (audit.salvaged, audit.missing) == (2, [])


# Growth


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


def test_the_longest_life_counts_but_for_its_youth() -> None:
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


# Faults


def test_the_catalogue() -> None:
    names = [kind.name for kind in ALL]
    assert len(set(names)) == len(names)
    assert all(0 < kind.bound(Pace(speed, False)) <= 60 for kind in ALL for speed in (1.0, 5.0))
    assert all(kind.deadly for kind in ALL if kind.ruins or kind.stops)
    assert Pace(1.0, False).settings()["FUNDING_STALL_AFTER"] == 5.0
    assert PACE.settings()["FUNDING_STALE_AFTER"] == 36.0


def chaos(done: list[Injury]) -> Chaos:
    nothing: Any = None
    return Chaos(nothing, print, lambda: None, lambda: None, done=done)


def may(done: list[Injury], name: str, now: float, left: float = 15.0) -> bool:
    kind = next(kind for kind in ALL if kind.name == name)
    return chaos(done)._may(kind, now, left, True)


def test_no_more_than_the_service_says_it_bears() -> None:
    stop = next(kind for kind in ALL if kind.stops == (INGEST,))
    stopped = [Injury(stop, at, at, at + 9) for at in (100.0, 200.0)]
    assert len(stopped) == STOPS_PER_10_MINUTES
    assert may(stopped[:1], stop.name, 300)
    assert not may(stopped, stop.name, 650)
    assert may(stopped, stop.name, 720), "the first is ten minutes ago"
    assert may([], "outage", 100)
    assert not may([], "outage", 100, left=8), "no attempts to spend"
    ruin = next(kind for kind in ALL if kind.ruins)
    ruined = [Injury(ruin, 100, 100, 102)]
    assert not may(ruined, "database truncated", 130)
    assert may(ruined, "database truncated", 170)
    assert sum(set(kind.stops) == set(APIS) for kind in ALL) == 1


# What is started


def test_nothing_outlives_whoever_started_it(tmp_path: Path) -> None:
    started = (
        "import subprocess, sys, time; from harness.soak.bound import command;"
        "child = subprocess.Popen(command(sys.executable, '-c', 'import time; time.sleep(60)'));"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    with running([sys.executable, "-c", started], log) as parent:
        child = Path("/proc") / until(log.read_text, "a child").strip()
        until(lambda: b"time.sleep" in (child / "cmdline").read_bytes(), "it has begun")
        parent.send_signal(signal.SIGKILL)
        until(lambda: not child.exists() or not (child / "cmdline").read_bytes(), "it is gone")


def test_what_begins_after_its_parent_ended_does_not_begin() -> None:
    given = command(sys.executable, "-c", "print('it runs')")
    given[3] = "1"  # a parent that is not ours
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is gone" in done.stderr


@pytest.mark.faults
def test_half_a_minute(tmp_path: Path) -> None:
    """Faults, a report, and nothing left; ended by Ctrl-C."""
    report, log = tmp_path / "report.json", tmp_path / "log"
    given = ["scripts/soak.py", "--few", "--json", str(report), "--seed", "3"]
    with running([sys.executable, *given], log) as process:
        began = time.monotonic()
        until(lambda: log.read_text().count(" s of ") >= 4 or process.poll(), "four faults", 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0, log.read_text()
    found = json.loads(report.read_text("utf-8"))
    assert {each["verdict"] for each in found["criteria"]} <= {"PASS", "OPEN"}
    assert sum(each["times"] for each in found["faults"]) >= 4
    assert found["answers"]["200"] > 20 * (time.monotonic() - began) / 10
    (folder,) = (word for word in log.read_text().split() if word.startswith("/tmp/fs-"))
    assert not Path(folder).exists()
