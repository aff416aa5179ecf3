"""Both consumers as programs: against the stand-in exchange, the service, and a fake backend."""

import configparser
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from consumers import volume_alert
from funding.consumers import runner
from funding.errors import RestUnreachable
from harness.http_client import ask
from harness.processes import environment, finished, running, until
from tests.conftest import ROOT
from tests.support.api_and_ingest import World, side_by_side
from tests.support.clock import rows
from tests.support.fake_backend import CHAT, KEY, TOKEN, FakeBackend, serving

VOLUME = "consumers/volume_alert.py"
POLLER = "consumers/oi_poller.py"
BOTH = pytest.mark.parametrize("program", [VOLUME, POLLER])
INGEST = "/api/volume-alerts/ingest"
BATCH = "/api/market/open-interest/ingest"
SYMBOLS = 341


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with side_by_side(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One with more symbols, and a budget of its own: an exchange counts by the minute."""
    with side_by_side(tmp_path_factory.mktemp("wide"), "--main", "450") as made:
        yield made


@pytest.fixture
def far() -> Iterator[FakeBackend]:
    with serving() as made:
        made.universe = {"symbols": ["BTCUSDT", "ETHUSDT"]}
        yield made


@pytest.fixture(autouse=True)
def clean(world: World) -> Iterator[None]:
    """Nothing alerted or waiting yet, and all of the budget there."""
    import apsw

    connection = apsw.Connection(str(world.database))
    connection.set_busy_timeout(5_000)
    for table in ("alert", "outbox", "consumer", "open_interest", "open_interest_edge",
                  "universe", "rest_usage", "comparison"):  # fmt: skip
        connection.execute(f"DELETE FROM {table}")
    connection.close()
    yield
    world.exchange.order("faults", "DELETE")


def settings(world: World, far: FakeBackend, **changes: object) -> dict[str, Any]:
    return world.environment(
        FUNDING_MODE="websocket", FUNDING_FORCE_MODE=1, FUNDING_LOG_LEVEL="DEBUG",
        FUNDING_REST_WEIGHT=2_400, VOLSPIKE_API_URL=far.address, VOLSPIKE_API_KEY=KEY,
        TELEGRAM_TOKEN=TOKEN, TELEGRAM_URL=far.address, CHAT_ID=CHAT,
    ) | changes  # fmt: skip


def once(program: str, given: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    done = finished([sys.executable, program, "--once"], **given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def spike(world: World, symbol: str = "BTCUSDT") -> None:
    """Its volume in this hour is far above that of the one before."""
    hour = int(time.time() // 3_600 * 3_600_000)
    faults = {"volume_spike": {symbol: {"hour": hour, "factor": 1e7}}}
    world.exchange.order("faults", "POST", faults)


def no_secrets(world: World, *texts: str) -> None:
    stored = b"".join(path.read_bytes() for path in world.database.parent.glob("funding.db*"))
    for secret in (KEY, TOKEN, CHAT):
        assert secret.encode() not in stored
        assert not any(secret in text for text in texts)


def usage(world: World) -> dict[str, int]:
    found = rows(world.database, "SELECT route, sum(calls) FROM rest_usage GROUP BY route")
    return dict(found)


def test_a_spike_is_alerted_once_to_every_target(world: World, far: FakeBackend) -> None:
    spike(world)
    before = world.exchange.calls()
    done = [once(VOLUME, settings(world, far)) for _ in range(2)]
    (body,) = far.bodies(INGEST)
    assert (body["symbol"], body["asset"], body["alertType"]) == ("BTCUSDT", "BTC", "SPIKE")
    assert body["currentVolume"] / body["previousVolume"] == pytest.approx(body["volumeRatio"])
    mark = ask(world.api_port, "/funding/BTCUSDT").json
    assert body["price"] == pytest.approx(mark["markPrice"], rel=0.05)
    assert body["fundingRate"] == pytest.approx(mark["fundingRate"], abs=0.0005)
    (sent,) = far.bodies(f"/bot{TOKEN}/sendMessage")
    assert sent == {"chat_id": CHAT, "text": body["message"]}
    assert len(far.seen) == 2
    assert "SPIKE BTCUSDT" in done[0].stdout
    assert "SPIKE" not in done[1].stdout
    assert world.exchange.calls() == before
    assert set(usage(world)) == {"exchangeInfo", "klines"}
    no_secrets(world, *(each.stdout + each.stderr for each in done))


def test_without_a_target_it_prints_and_records(world: World) -> None:
    spike(world)
    given: dict[str, Any] = world.environment(FUNDING_MODE="websocket-only", FUNDING_FORCE_MODE=1)
    done = once(VOLUME, given)
    assert "BTC hourly volume" in done.stdout
    assert rows(world.database, "SELECT symbol, kind FROM alert") == [("BTCUSDT", "SPIKE")]
    assert rows(world.database, "SELECT count(*) FROM outbox") == [(0,)]


def test_one_loop_of_the_poller(world: World, far: FakeBackend) -> None:
    with world.exchange.faults(open_interest={"BTCUSDT": 1_000.0}):
        before = world.exchange.calls()
        done = once(POLLER, settings(world, far))
        assert world.exchange.calls() == before
    (batch,) = far.bodies(BATCH)
    by_name = {row["symbol"]: row for row in batch["data"]}
    assert set(by_name) == {"BTCUSDT", "ETHUSDT"}
    bitcoin = by_name["BTCUSDT"]
    assert bitcoin["openInterest"] == 1_000
    assert bitcoin["openInterestUsd"] == pytest.approx(1_000 * bitcoin["markPrice"])
    assert usage(world) == {"openInterest": 2}
    no_secrets(world, done.stdout, done.stderr)


def test_the_poller_finds_its_own_universe(world: World) -> None:
    given: dict[str, Any] = world.environment(FUNDING_MODE="websocket", FUNDING_FORCE_MODE=1)
    given["FUNDING_REST_WEIGHT"] = 2_400
    once(POLLER, given)
    (held,) = rows(world.database, "SELECT count(*) FROM universe WHERE source = 'own'")[0]
    assert held > 5
    assert usage(world) == {"exchangeInfo": 1, "ticker/24hr": 1, "openInterest": held}


def test_in_parallel_mode_its_comparisons_are_stored(world: World, far: FakeBackend) -> None:
    once(POLLER, settings(world, far, FUNDING_MODE="parallel"))
    found = rows(world.database, "SELECT DISTINCT source FROM comparison")
    assert found == [("oi_poller",)]
    assert usage(world) == {"openInterest": 2, "premiumIndex": 1}


def test_341_symbols_by_20_threads_while_the_api_answers_everyone(
    wide: World, far: FakeBackend, tmp_path: Path
) -> None:
    world = wide
    names = [s for s in world.symbols if s.endswith("USDT")][:SYMBOLS]
    assert len(names) == SYMBOLS
    far.universe = {"symbols": [{"symbol": name} for name in names]}
    over, wrong = threading.Event(), []
    answered = [0] * 20

    def client(number: int) -> None:
        while not over.is_set():
            status = ask(
                world.api_port, f"/funding/{'BTCUSDT' if number % 2 else 'ETHUSDT'}"
            ).status
            answered[number] += 1
            if status != 200:
                wrong.append(status)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    log = tmp_path / "log"
    given = settings(world, far, OI_MIN_INTERVAL_SEC=1, OI_MAX_INTERVAL_SEC=1)
    before = world.exchange.calls("openInterest"), world.exchange.calls()
    with running([sys.executable, POLLER], log, settings=given) as process:
        loops = "SELECT count(DISTINCT at) FROM open_interest"
        until(lambda: rows(world.database, loops)[0][0] >= 1, "a loop")
        until(lambda: len(far.bodies(BATCH)) == 4, "the batches")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert min(answered) > 0
    assert "failed" not in log.read_text()
    seen = rows(world.database, "SELECT symbol, min(mark_price) FROM open_interest GROUP BY symbol")
    assert len(seen) == SYMBOLS
    assert all(mark for _, mark in seen)
    assert world.exchange.calls() == before[1]  # premiumIndex: none
    assert usage(world)["openInterest"] == world.exchange.calls("openInterest") - before[0]


def test_kill_9_while_the_backend_fails_loses_and_doubles_nothing(
    world: World, far: FakeBackend, tmp_path: Path
) -> None:
    spike(world)
    far.answer = 500
    given = settings(world, far)
    with running([sys.executable, VOLUME], tmp_path / "log", settings=given) as process:
        tried = "SELECT count(*) = 2 FROM outbox WHERE last_error IS NOT NULL"
        until(lambda: rows(world.database, tried)[0][0], "both targets were tried")
        command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.kill()
        process.wait()
    assert far.accepted == {}
    far.answer = 200
    with running([sys.executable, VOLUME], tmp_path / "log 2", settings=given) as process:
        until(lambda: len(far.accepted) == 2, "both targets have it")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert (len(far.bodies(INGEST)), far.repeated) == (1, 0)
    assert rows(world.database, "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [(0,)]
    no_secrets(world, command.decode(), (tmp_path / "log").read_text())


def test_what_the_backend_refuses_today_it_gets_by_the_next_run(
    world: World, far: FakeBackend
) -> None:
    spike(world)
    done = once(VOLUME, settings(world, far, VOLSPIKE_API_KEY="wrong-key"))
    assert "status 401" in done.stdout
    assert "1 posts wait" in done.stdout
    assert "wrong-key" not in done.stdout + done.stderr
    once(VOLUME, settings(world, far))
    assert len(far.bodies(INGEST)) == 1


def test_a_slow_backend_is_waited_for(world: World, far: FakeBackend) -> None:
    """It has taken the post: sent again, it would have it twice."""
    spike(world)
    far.delay = 6.0
    once(VOLUME, settings(world, far, TELEGRAM_TOKEN="", CHAT_ID=""))
    assert (len(far.bodies(INGEST)), far.repeated) == (1, 0)
    assert rows(world.database, "SELECT attempts, sent_at > 0 FROM outbox") == [(1, 1)]


def test_sigterm_does_not_wait_for_a_backend_that_hangs(
    world: World, far: FakeBackend, tmp_path: Path
) -> None:
    spike(world)
    far.answer = "hang"
    with running([sys.executable, VOLUME], tmp_path / "log", settings=settings(world, far)) as p:
        until(lambda: len(far.seen) == 2, "both posts are under way")
        p.send_signal(signal.SIGTERM)
        assert p.wait(12) == 0  # of the 15 that supervisord gives; the posts have 20
    assert "Traceback" not in (tmp_path / "log").read_text()
    far.answer = 200
    once(VOLUME, settings(world, far))
    held = "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND due_at > unixepoch()"
    assert rows(world.database, held) == [(2,)]  # until their lease is over


def test_after_sigterm_no_call_for_all_symbols_is_begun(world: World) -> None:
    """Each may take ten seconds, of the 15 that supervisord gives."""
    stopping = threading.Event()
    exchange = runner.ExchangeClient(
        world.settings(), "x", workers=1, stopping=stopping, progress=volume_alert.progress
    )
    with closing(exchange):
        assert exchange.contracts()
        stopping.set()
        before = world.exchange.calls("exchangeInfo")
        with pytest.raises(RestUnreachable, match="before it was asked"):
            exchange.contracts()
        assert world.exchange.calls("exchangeInfo") == before


def test_the_longest_end_is_within_what_supervisord_gives() -> None:
    config: Any = configparser.RawConfigParser()
    config.read(ROOT / "consumers/supervisord.conf")
    for name in ("volume_alert", "oi_poller"):
        given = float(config[f"program:{name}"]["stopwaitsecs"])
        assert given - 2 >= runner.WHOLE_SECONDS + runner.END_SECONDS


def test_sigterm_ends_the_sending_of_once_and_loses_nothing(
    world: World, far: FakeBackend, tmp_path: Path
) -> None:
    spike(world)
    far.answer = "hang"
    command = [sys.executable, VOLUME, "--once"]
    given = settings(world, far, VOLSPIKE_API_URL_DEV=far.address, VOLSPIKE_API_KEY_DEV=KEY)
    with running(command, tmp_path / "log", settings=given) as process:
        until(lambda: far.seen, "the first post is under way")
        process.send_signal(signal.SIGTERM)
        far.released.set()
        assert process.wait(20) == 0
    assert len(far.seen) == 1
    unsent = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
    assert rows(world.database, unsent) == [(3,)]


@BOTH
def test_sigterm_in_the_middle_of_a_scan_is_a_clean_end(
    world: World, far: FakeBackend, program: str, tmp_path: Path
) -> None:
    with world.exchange.faults(rest_hang=1.0):
        before = world.exchange.calls("klines") + world.exchange.calls("openInterest")
        with running(
            [sys.executable, program], tmp_path / "log", settings=settings(world, far)
        ) as p:
            until(
                lambda: (
                    world.exchange.calls("klines") + world.exchange.calls("openInterest") > before
                ),
                "a scan is under way",
            )
            p.send_signal(signal.SIGTERM)
            assert p.wait(20) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_store_that_goes_ends_the_program_while_it_waits(
    world: World, far: FakeBackend, tmp_path: Path
) -> None:
    """The senders see it: the next scan is minutes away."""
    copy = tmp_path / "copy.db"
    rows(world.database, "VACUUM INTO ?", str(copy))
    given = settings(world, far, FUNDING_DB=copy)
    with running([sys.executable, VOLUME], tmp_path / "log", settings=given) as process:
        until(lambda: rows(copy, "SELECT 1 FROM consumer"), "a scan is complete")
        copy.unlink()
        assert process.wait(20) == 1
    assert "copy.db: is not there yet" in (tmp_path / "log").read_text()


@BOTH
def test_an_exchange_that_is_away_is_told_by_once(
    world: World, far: FakeBackend, program: str
) -> None:
    far.universe = None
    with world.exchange.faults(rest_status=500):
        done = finished([sys.executable, program, "--once"], **settings(world, far))
    assert done.returncode == 1
    assert "status 500" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_what_waits_is_sent_by_once_though_the_exchange_is_away(
    world: World, far: FakeBackend
) -> None:
    spike(world)
    far.answer = 500
    once(VOLUME, settings(world, far))
    far.answer = 200
    with world.exchange.faults(rest_status=500):
        done = finished([sys.executable, VOLUME, "--once"], **settings(world, far))
    assert done.returncode == 1
    assert len(far.bodies(INGEST)) == 1


def test_one_loop_without_any_answer_is_told_by_once(world: World, far: FakeBackend) -> None:
    """The backend still names the symbols."""
    with world.exchange.faults(rest_status=500):
        done = finished([sys.executable, POLLER, "--once"], **settings(world, far))
    assert done.returncode == 1
    assert "status 500" in done.stdout


def test_a_call_for_all_symbols_leaves_the_budget_to_the_others(world: World) -> None:
    given = world.settings(FUNDING_REST_WEIGHT=1_200)
    exchange = runner.ExchangeClient(
        given, "oi_poller", workers=1, stopping=threading.Event(), progress=volume_alert.progress
    )
    exchange.alone.tickers()
    assert rows(world.database, "SELECT calls, weight FROM rest_usage") == [(1, 40)]
    exchange.close()


def test_a_consumer_leaves_a_part_of_each_minute_to_the_others(world: World) -> None:
    given = world.settings(FUNDING_REST_WEIGHT=200)
    exchange = runner.ExchangeClient(
        given, "oi_poller", workers=2, stopping=threading.Event(), progress=volume_alert.progress
    )
    found = exchange.open_interest(["BTCUSDT"] * 450, 0.0)
    assert "of 190 used in this minute" in found.failures["BTCUSDT"]
    most = rows(world.database, "SELECT max(weight) FROM rest_usage")
    assert most == [(190,)]
    exchange.close()


@BOTH
def test_without_a_store_it_ends_and_says_so(program: str, tmp_path: Path) -> None:
    done = finished([sys.executable, program], FUNDING_DB=tmp_path / "none.db")
    assert done.returncode == 1
    assert "none.db: is not there yet" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@BOTH
def test_a_wrong_setting_is_one_line_and_exit_2(program: str) -> None:
    done = finished([sys.executable, program], VOLSPIKE_API_KEY="hunter2 hunter3")
    assert done.returncode == 2
    assert done.stderr.startswith(f"{Path(program).stem}: VOLSPIKE_API_KEY=")
    assert len(done.stderr.splitlines()) == 1
    assert "hunter" not in done.stdout + done.stderr


@BOTH
def test_help_names_every_setting(program: str) -> None:
    from funding.settings import consumers, service

    done = finished([sys.executable, program, "--help"])
    assert done.returncode == 0
    for setting in (*consumers.TABLE, *service.TABLE):
        assert setting.name in done.stdout


def test_secrets_from_a_file_of_mode_0600(world: World, far: FakeBackend, tmp_path: Path) -> None:
    spike(world)
    path = tmp_path / "secrets.env"
    path.write_text(f"VOLSPIKE_API_URL={far.address}\nVOLSPIKE_API_KEY={KEY}\n")
    path.chmod(0o644)
    given: dict[str, Any] = world.environment(FUNDING_MODE="websocket-only", FUNDING_FORCE_MODE=1)
    given["FUNDING_ENV_FILE"] = path
    refused = finished([sys.executable, VOLUME, "--once"], **given)
    assert refused.returncode == 2
    assert "mode 0600" in refused.stderr
    path.chmod(0o600)
    done = once(VOLUME, given)
    assert len(far.bodies(INGEST)) == 1
    no_secrets(world, done.stdout, done.stderr, refused.stderr)


def on_a_terminal(program: str, given: dict[str, Any]) -> str:
    """What `program --once` shows on a terminal that is its standard error."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with subprocess.Popen(
        [sys.executable, program, "--once"], cwd=ROOT, env=environment(**given),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the other side has closed it
            while part := os.read(ours, 65_536):
                shown += part
        os.close(ours)
        assert process.wait() == 0
    return shown.decode()


@BOTH
def test_progress_is_shown_on_a_terminal_and_nowhere_else(
    world: World, far: FakeBackend, program: str
) -> None:
    given = settings(world, far)
    assert "symbol" in on_a_terminal(program, given)
    done = once(program, given)
    assert done.stderr == ""
    assert "\r" not in done.stdout


@BOTH
def test_without_a_standard_error_there_is_no_progress_and_no_harm(
    world: World, far: FakeBackend, program: str
) -> None:
    closed = ["bash", "-c", 'exec "$@" 2>&-', "bash"]
    done = finished([*closed, sys.executable, program, "--once"], **settings(world, far))
    assert done.returncode == 0, done.stdout


def test_supervisord_knows_both_and_starts_neither() -> None:
    config: Any = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    # As supervisord reads them when scripts/run --consumers has linked the second.
    config.read([ROOT / "supervisord.conf", ROOT / "consumers/supervisord.conf"])
    group = config["group:funding"]["programs"].split(",")
    for name in ("volume_alert", "oi_poller"):
        assert name in group
        assert config[f"program:{name}"]["autostart"] == "false"
        assert config[f"program:{name}"]["command"].endswith(f'/consumers/{name}.py"')
