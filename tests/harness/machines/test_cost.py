"""harness/machines/cost.py: the calculation on paper."""

from harness.machines.cost import reckon


def test_every_reader_wants_every_quote() -> None:
    found = reckon(4, 2_000, 99, quote_bytes=500.0)
    assert found.quotes == 8_000
    assert found.reader_mbit == 32.0
    # To 33 readers of its own, and a third of the quotes on to each of the two others.
    assert found.server_messages == 8_000 * 33 + 8_000 / 3 * 2
    assert found.server_mbit == found.server_messages * 500 * 8 / 1e6


def test_one_server_has_nobody_to_pass_on_to() -> None:
    found = reckon(1, 100, 10, servers=1, quote_bytes=500.0)
    assert found.server_messages == 1_000
