"""The screen as text."""

from funding.watchdog.status_data import (
    Extreme,
    FeedState,
    Happening,
    LastVerdict,
    Program,
    Status,
)
from funding.watchdog.status_text import heading, plain, tables

STATUS = Status(
    at=1_764_725_610.0,
    host="host7",
    folder="/opt/funding",
    status="degraded",
    errors=["REST stands in"],
    warnings=[],
    api="answers: status 200",
    programs=[
        Program("funding:ingest", "RUNNING", 7, 9_000.0, 41.6, "pid 7, uptime 2:30:00"),
        Program("funding:history", "FATAL", 0, 0.0, 0.0, "Exited too quickly"),
    ],
    feeds=[FeedState("binance", False, 885, 0, 0.44, 0.0, 12, True, "not connected " + "x" * 200)],
    extremes=[
        Extreme("XUSDT", "kucoin", 87.4, 0.0399, "2026-11-27T16:00:00Z", 1.39, 0.6),
        Extreme("YUSDT", "binance", -20.0, -0.01, None, None, None),
    ],
    events=[Happening("2026-11-27T15:00:00Z", "ingest", "stall", "no newer price", 6, 76.0)],
    verdicts=[LastVerdict("binance", "GO", "lapsing", 500_000.0, "")],
)


def test_the_heading() -> None:
    assert heading(STATUS) == ("funding on host7, /opt/funding, 2025-12-03 01:33:30 UTC: DEGRADED")


def test_each_table_has_as_many_cells_as_headings() -> None:
    for table in tables(STATUS):
        assert all(len(row) == len(table.headings) for row in table.rows), table.title


def test_plain_text() -> None:
    lines = plain(STATUS).splitlines()
    assert "  funding:ingest   RUNNING  7    2.5 h   42" in lines
    assert "  funding:history  FATAL    -    -       -   Exited too quickly" in lines
    assert "  XUSDT   kucoin    +87.40    +0.039900      16:00    +1.39  0.6 s" in lines
    assert "  YUSDT   binance   -20.00    -0.010000      -        -      -" in lines
    assert any("76 s    no newer price (6 times)" in line for line in lines)
    assert any("binance   GO           lapsing      138.9 h" in line for line in lines)
    assert "  REST stands in" in lines
    assert max(map(len, lines)) < 200


def test_what_is_missing_is_said_in_words() -> None:
    empty = Status(1.0, "h", "/f", "unhealthy", [], [], "not asked", [], [], [], [], [])
    text = plain(empty)
    for words in ("supervisord does not answer", "no rates are stored", "no report is stored"):
        assert words in text
