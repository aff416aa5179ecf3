"""What is due every so many seconds."""

from funding.runtime.schedule import Every


def test_it_is_due_at_once_and_then_at_its_interval() -> None:
    every = Every(10)
    seen = [now for now in range(100, 131) if every.due(now)]
    assert seen == [100, 110, 120, 130]


def test_the_first_time_may_be_set() -> None:
    every = Every(10, first=105)
    assert not every.due(104)
    assert every.due(105)
    assert not every.due(114)


def test_what_was_missed_is_made_up_for_once() -> None:
    every = Every(10)
    assert every.due(0)
    assert [every.due(now) for now in (95, 96, 104, 105)] == [True, False, False, True]


def test_it_may_be_hastened_but_not_put_off() -> None:
    every = Every(10)
    assert every.due(0)
    every.hasten(2)
    every.hasten(50)
    assert [every.due(now) for now in (1, 2, 3)] == [False, True, False]
