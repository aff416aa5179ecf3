"""What a decoder returns."""

from funding.exchanges.frame import Frame


def test_frames_share_nothing() -> None:
    one, other = Frame([]), Frame([])
    one.rejected["form"] += 1
    one.ignored["error"] += 1
    one.samples["form"] = "form: x"
    assert other == Frame([])
    assert (other.event_time, other.notice, other.ending) == (0, "", False)
