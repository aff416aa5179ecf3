"""Frames that are made once."""

import json

from harness.bench.prepared_frames import build, rows_kept, stamped


def test_frames_are_those_of_the_stand_in_exchange_with_another_event_time() -> None:
    main, tradfi = build(main=40, tradfi=5)
    assert (main.count(b'"s":'), tradfi.count(b'"s":')) == (40, 5)
    assert rows_kept(tradfi) == 5
    moved = json.loads(stamped(main, 1_800_000_000_123))["data"]
    assert {row["E"] for row in moved} == {1_800_000_000_123}
    assert [row["p"] for row in moved] == [row["p"] for row in json.loads(main)["data"]]
