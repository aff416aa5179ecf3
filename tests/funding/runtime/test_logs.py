"""One line a record, whatever stands in it; and each key logged at a bounded rate."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.runtime.logs import (
    LogFormat,
    Repeats,
    Throttle,
    ThrottledWarnings,
    printable,
    setup,
)

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARNING|ERROR) {0,3} ?t: .*")
FORGERY = "2026-11-20T00:00:00.000Z INFO    t: all is well"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log of this test goes; the root logger is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    text = io.StringIO()
    setup("INFO", text)
    yield text
    root.handlers, root.level = handlers, level


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("币安人生USDT é ß", "币安人生USDT é ß"),
        ("a\nb", r"a\nb"),
        ("币安人生\nUSDT\x07", r"币安人生\nUSDT\x07"),
        ("a\r\n\tb", r"a\r\n\tb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x00\x7f\x85", r"\x00\x7f\x85"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\u202egnp", r"\u202egnp"),
        ("\u200b\ufeff", r"\u200b\ufeff"),
        ("\ud800", r"\ud800"),
        ("", ""),
    ],
)
def test_unprintable_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


@pytest.mark.parametrize("ending", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_no_text_from_outside_makes_a_second_line(stream: io.StringIO, ending: str) -> None:
    logging.getLogger("t").warning("symbol %s", f"BTC{ending}{FORGERY}")
    (line,) = stream.getvalue().splitlines()
    assert LINE.fullmatch(line)


def test_record_itself_is_not_changed(stream: io.StringIO) -> None:
    seen: list[str] = []
    other = logging.Handler()
    other.emit = lambda record: seen.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(other)
    logging.getLogger("t").info("a\nb")
    assert seen == ["a\nb"]


def test_traceback_cannot_pass_for_a_record(stream: io.StringIO) -> None:
    try:
        raise ValueError(f"bad\n{FORGERY}\u2028{FORGERY}")
    except ValueError:
        logging.getLogger("t").exception("it failed")
    first, *rest = stream.getvalue().splitlines()
    assert LINE.fullmatch(first)
    assert rest
    assert all(line.startswith("    ") for line in rest)


def test_levels_and_names(stream: io.StringIO) -> None:
    log = logging.getLogger("t")
    log.debug("unheard")
    log.info("币安人生USDT %d", 1)
    log.error("two")
    one, two = stream.getvalue().splitlines()
    assert one.endswith("Z INFO    t: 币安人生USDT 1")
    assert two.endswith("Z ERROR   t: two")


def test_times_are_utc(stream: io.StringIO) -> None:
    record = logging.LogRecord("t", logging.INFO, "", 0, "x", None, None)
    record.created, record.msecs = 1_764_725_610.0, 42.0
    logging.getLogger().handlers[0].handle(record)
    assert stream.getvalue() == "2025-12-03T01:33:30.042Z INFO    t: x\n"


def test_ascii_stdout_is_made_utf_8(stream: io.StringIO) -> None:
    raw = io.BytesIO()
    setup("INFO", io.TextIOWrapper(raw, encoding="ascii"))
    logging.getLogger("t").info("币安人生USDT")
    assert raw.getvalue().decode("utf-8").endswith("t: 币安人生USDT\n")


def test_key_is_logged_once_per_interval() -> None:
    throttle = Throttle(60.0)
    logged = [second for second in range(200) if throttle("form", float(second))]
    assert logged == [0, 60, 120, 180]


def test_keys_are_throttled_apart() -> None:
    throttle = Throttle(60.0)
    assert throttle("a", 0.0)
    assert throttle("b", 1.0)
    assert not throttle("a", 59.9)
    assert throttle("a", 60.0)
    assert not throttle("b", 60.0)


def test_number_of_keys_is_bounded() -> None:
    throttle = Throttle(60.0)
    assert sum(throttle(f"key {n}", 0.0) for n in range(10_000)) == Throttle.MAX_KEYS
    assert sum(throttle(f"key {n}", 60.0) for n in range(10_000)) == Throttle.MAX_KEYS


def test_throttled_warnings_are_logged_when_they_are_due(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    warn = ThrottledWarnings(logging.getLogger("t"), 60.0, lambda: now[0])
    assert warn("a", "first %s")
    assert not warn("a", "second")
    assert warn("a", "third", at_once=True)
    assert warn("b", "fourth")
    now[0] = 60.0
    assert warn("a", "fifth")
    told = [record.getMessage() for record in caplog.records]
    assert told == ["first %s", "third", "fourth", "fifth"]


def test_what_is_held_back_is_counted() -> None:
    repeats = Repeats(60.0)
    assert [repeats.due("a", at) for at in (0.0, 1.0, 59.0, 60.0, 61.0)] == [0, None, None, 2, None]
    assert repeats.due("b", 61.0) == 0
    assert repeats.due("a", 120.0) == 1
    assert repeats.due("a", 180.0) == 0


@pytest.mark.parametrize("text", ["币安人生USDT", f"BTC\n{FORGERY}", "\u2028\x00\ud800\U000e0001"])
def test_a_line_of_json_is_one_object_whatever_stands_in_it(stream: io.StringIO, text: str) -> None:
    setup("INFO", stream, program="ingest", form=LogFormat.JSON)
    log = logging.getLogger("t")
    log.info("symbol %s: %d", text, 3)
    log.debug("not shown")
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("failed")
    first, second = stream.getvalue().splitlines()
    found = json.loads(first)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("at"))
    assert found == {
        "level": "INFO",
        "program": "ingest",
        "part": "t",
        "message": f"symbol {text}: 3",
        "template": "symbol %s: %d",
    }
    found = json.loads(second)
    assert found["level"] == "ERROR"
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert text.encode("utf-8", "surrogatepass") in found["exception"].encode(
        "utf-8", "surrogatepass"
    )
