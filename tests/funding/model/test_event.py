"""The audit trail's values."""

from funding.model.event import Event, EventKind


def test_kind_is_stored_as_its_word() -> None:
    assert f"{EventKind.CONNECT_FAILED}" == "connect-failed"
    assert all(kind == kind.lower() and kind.isascii() for kind in EventKind)


def test_event_names_program_and_rule_only_where_it_has_them() -> None:
    event = Event(1.0, "ingest", EventKind.STALL, "no newer mark price")
    assert (event.program, event.rule) == (None, None)
