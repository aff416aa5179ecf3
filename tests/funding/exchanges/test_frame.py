"""What a decoder returns."""

from funding.exchanges.frame import Frame, ignored, notice


def test_frames_share_nothing() -> None:
    one, other = Frame([]), Frame([])
    one.rejected["form"] += 1
    one.ignored["error"] += 1
    one.samples["form"] = "form: x"
    assert other == Frame([])
    assert (other.event_time, other.notice, other.ending) == (0, "", False)


def test_first_sample_of_a_reason_is_kept_in_one_line() -> None:
    frame = Frame([])
    frame.reject("form", "x" * 400)
    frame.reject("form", "other")
    assert frame.rejected["form"] == 2
    assert frame.samples == {"form": "form: " + "x" * 294}


def test_message_that_is_no_quote() -> None:
    assert dict(ignored("event pong").ignored) == {"event pong": 1}
    said = notice("error", "y" * 400)
    assert (said.ignored["error"], len(said.notice)) == (1, 300)
