"""Server-Sent Events as bytes."""

import json

import msgspec
import pytest

from funding.api import stream_events


class _Row(msgspec.Struct):
    detail: str


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (stream_events.quotes([]), ["event: quotes", 'data: {"data":[]}']),
        (stream_events.quotes([b'{"a":1}', b"2"]), ["event: quotes", 'data: {"data":[{"a":1},2]}']),
        (stream_events.heartbeat(1.23456), ["event: heartbeat", 'data: {"at":1.235}']),
        (
            stream_events.signal(7, _Row("two\nlines, 币")),
            ["id: 7", "event: signal", 'data: {"detail":"two\\nlines, 币"}'],
        ),
    ],
)
def test_an_event_is_its_lines_and_an_empty_one(event: bytes, lines: list[str]) -> None:
    assert event.decode().split("\n") == [*lines, "", ""]
    json.loads(lines[-1].removeprefix("data: "))


def test_a_stream_begins_with_when_to_come_again() -> None:
    assert stream_events.BEGIN == b"retry: 1000\n\n"
