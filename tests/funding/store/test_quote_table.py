"""Which quote replaces which, and what a settlement teaches."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from funding.model.event import Event, EventKind
from funding.store.durable import DurableConnection
from funding.store.quote_table import Rows, set_funding_intervals
from tests.support.clock import ManualClock, rows, write
from tests.support.store import HOUR_MS, NOW_MS, feed_of, plainly, quote, reading, received, writing


def test_older_and_repeated_event_times_never_overwrite(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        assert writer.write(feed, received(quote(mark=100.0)), ceiling=NOW_MS + 5_000) == 1
        older = received(quote(mark=99.0, event_time=NOW_MS - 1), wall=1_764_725_620.0)
        same = received(quote(mark=98.0), wall=1_764_725_620.0)
        assert writer.write(feed, older, ceiling=NOW_MS + 5_000) == 0
        assert writer.write(feed, same, ceiling=NOW_MS + 5_000) == 0
        found = reader.one("BTCUSDT")
        assert found is not None
        assert (found.mark_price, found.updated_at) == (100.0, 1_764_725_610.0)
        newer = received(quote(mark=101.0, event_time=NOW_MS + 1))
        assert writer.write(feed, newer, ceiling=NOW_MS + 5_000) == 1
        assert [reading.mark_price for reading in reader.all()] == [101.0]
        stored = reader.feed()
        assert stored is not None
        assert (stored.accepted, stored.repeated) == (2, 2)


def test_a_future_event_time_is_replaced_by_the_next_good_one(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        future = received(quote(mark=1.0, event_time=NOW_MS + 20 * HOUR_MS))
        writer.write(feed, future, ceiling=NOW_MS + 5_000)
        writer.write(
            feed, received(quote(mark=2.0, event_time=NOW_MS + 1_000)), ceiling=NOW_MS + 6_000
        )
        found = reader.one("BTCUSDT")
        assert found is not None
        assert (found.mark_price, found.event_time) == (2.0, NOW_MS + 1_000)


def test_an_event_time_up_to_the_ceiling_is_accepted(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote(event_time=NOW_MS + 5_000)), ceiling=NOW_MS + 5_000)
        late = received(quote(event_time=NOW_MS + 4_999))
        assert writer.write(feed, late, ceiling=NOW_MS + 5_000) == 0


@pytest.mark.parametrize(("ceiling", "stored"), [(NOW_MS, 0), (NOW_MS - 1, 1)])
def test_a_stored_time_beyond_the_ceiling_can_be_overwritten(
    ceiling: int, stored: int, path: Path
) -> None:
    feed = feed_of()
    names = [f"S{n}USDT" for n in range(17)]
    with writing(path, feed) as writer:
        writer.write(feed, received(*map(quote, names)), ceiling=NOW_MS)
        older = received(*(quote(name, event_time=NOW_MS - 500) for name in names))
        assert writer.write(feed, older, ceiling=ceiling) == stored * len(names)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_each_row_of_a_frame_is_judged_alone(count: int, path: Path) -> None:
    feed = feed_of()
    names = [f"S{n}USDT" for n in range(count)]
    first = [
        (quote(name, n + 1.0, NOW_MS, n / 1e6, NOW_MS + n), 1_000.0 + n, 2_000.0 + n)
        for n, name in enumerate(names)
    ]
    second = [
        (quote(name, n + 0.5, NOW_MS + (n % 3 == 0), None, None), 3_000.0 - n, 4_000.0 - n)
        for n, name in enumerate(names)
    ]
    with writing(path, feed) as writer:
        assert writer.write(feed, first, ceiling=NOW_MS + 1_000) == count
        assert (feed.last_frame_at, feed.last_frame_uptime) == (999.0 + count, 1_999.0 + count)
        newer = len(names[::3])
        assert writer.write(feed, second, ceiling=NOW_MS + 1_000) == newer
        assert (feed.last_frame_at, feed.last_frame_uptime) == (3_000.0, 4_000.0)
        assert (feed.accepted, feed.repeated) == (count + newer, count - newer)
    expected = [
        (
            one.symbol, one.mark_price, one.index_price, one.funding_rate, one.next_funding_time,
            one.event_time, wall, uptime,
        )
        for n in range(count)
        for one, wall, uptime in [(second if n % 3 == 0 else first)[n]]
    ]  # fmt: skip
    columns = "mark_price, index_price, funding_rate, next_funding_time, event_time"
    stored = f"SELECT symbol, {columns}, updated_at, received_uptime FROM quote ORDER BY rowid"
    assert rows(path, stored) == expected


LEARNED = "SELECT funding_interval_hours FROM quote"


def heard(path: Path, *moments: tuple[float, float | None]) -> list[int | None]:
    """What is learned of a symbol heard at these hours, each with the hour of the next settlement;
    each hour is heard of twice, a second apart."""
    feed, learned = feed_of(), []
    with writing(path, feed) as writer:
        for at, due in moments:
            for second in (0, 1_000):
                event_time = NOW_MS + round(at * HOUR_MS) + second
                settles = None if due is None else NOW_MS + round(due * HOUR_MS)
                heard = received(quote(event_time=event_time, settles=settles))
                writer.write(feed, heard, ceiling=event_time)
            learned += [hours for (hours,) in rows(path, LEARNED)]
    return learned


@pytest.mark.parametrize("hours", [1, 2, 4, 8, 24])
def test_funding_interval_is_learned_of_two_equal_steps(hours: int, path: Path) -> None:
    before, after = hours - 0.1, hours + 0.1
    moments = [(before, hours), (after, 2 * hours), (before + hours, 2 * hours)]
    moments.append((after + hours, 3 * hours))
    assert heard(path, *moments) == [None, None, None, hours]


def test_symbol_that_misses_a_settlement_is_not_of_twice_the_interval(path: Path) -> None:
    assert heard(path, (0, 4), (5, 8), (13, 16), (21, 24), (29, 32)) == [None] * 5


def test_missed_settlement_does_not_change_what_is_known(path: Path) -> None:
    moments = [(0.5, 1), (1.2, 2), (2.1, 3), (3.9, 4), (4.1, 5)]
    assert heard(path, *moments) == [None, None, 1, 1, 1]
    assert heard(path.with_name("b.db"), *moments, (6.5, 7), (8.5, 9), (10.5, 11))[-1] == 1


@pytest.mark.parametrize("due", [None, 2.5, 0.5, 30.0, 3.0])
def test_no_other_step_teaches_an_interval(due: float | None, path: Path) -> None:
    assert heard(path, (0.5, 1), (1.2, due), (1.4, due), (1.6, 2.0)) == [None] * 4


def test_row_from_the_future_teaches_no_interval(path: Path) -> None:
    moments = [(0.5, 1), (20.0, 21.0), (1.2, 22.0), (1.4, 23.0)]
    assert heard(path, *moments)[:3] == [None] * 3


def test_trigger_of_the_user_is_not_counted(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote(), quote("ETHUSDT")))
        with closing(apsw.Connection(str(path))) as person:
            person.execute(
                "CREATE TABLE log (symbol); CREATE TRIGGER t AFTER UPDATE ON quote BEGIN"
                " INSERT INTO log VALUES (new.symbol), (new.symbol); END"
            )
        later = received(quote(event_time=NOW_MS + 1), quote("ETHUSDT", event_time=NOW_MS - 1))
        assert writer.write(feed, later, ceiling=NOW_MS + 5_000) == 1
    assert (feed.accepted, feed.repeated) == (3, 1)


def test_columns_of_the_user_disturb_nobody(path: Path) -> None:
    heard(path, (0, 1))
    with closing(apsw.Connection(str(path))) as person:
        person.execute("ALTER TABLE quote ADD COLUMN note TEXT")
    assert heard(path, (0.1, 1), (0.2, 1)) == [None, None]
    assert rows(path, "SELECT event_time FROM quote") == [(NOW_MS + HOUR_MS // 5 + 1_000,)]


def test_funding_intervals(path: Path, store: DurableConnection) -> None:
    write(path, ManualClock().clock(), [quote("AUSDT"), quote("BUSDT")])
    set_funding_intervals(store, "binance", [("AUSDT", 4), ("NOPE", 8)])
    set_funding_intervals(store, "elsewhere", [("BUSDT", 1)])
    select = "SELECT symbol, funding_interval_hours FROM quote ORDER BY symbol"
    assert rows(path, select) == [("AUSDT", 4), ("BUSDT", None)]


MINE = """
ALTER TABLE quote ADD COLUMN note TEXT;
ALTER TABLE event ADD COLUMN note TEXT;
ALTER TABLE feed ADD COLUMN note TEXT DEFAULT 'x';
CREATE TABLE my_history (symbol TEXT, mark REAL);
CREATE INDEX by_mark ON quote (mark_price);
CREATE UNIQUE INDEX by_symbol ON quote (symbol);
CREATE TRIGGER kept AFTER INSERT ON quote BEGIN
    INSERT INTO my_history VALUES (new.symbol, new.mark_price), (new.symbol, 0); END;
CREATE TRIGGER kept_too AFTER UPDATE ON quote BEGIN
    INSERT INTO my_history VALUES (new.symbol, new.mark_price), (new.symbol, 0); END;
"""


def test_what_a_user_adds_to_the_tables_changes_no_count(path: Path) -> None:
    """Columns, indexes and triggers, beside a writer that is open and in the next one."""
    feed = feed_of()
    names = [f"S{n}USDT" for n in range(40)]
    with writing(path, feed) as writer:
        writer.write(feed, received(*map(quote, names)), ceiling=NOW_MS)
        with closing(plainly(path)) as user:
            user.execute(MINE)
            user.execute("UPDATE quote SET note = 'mine'")
        for step in (1, 2):
            frame = received(*(quote(name, event_time=NOW_MS + step) for name in names))
            assert writer.write(feed, frame, ceiling=NOW_MS + 5) == 40
            assert writer.write(feed, frame, ceiling=NOW_MS + 5) == 0
    assert (feed.accepted, feed.repeated) == (120, 80)
    feed = feed_of()
    with writing(path, feed) as writer:
        assert writer.write(feed, received(quote("NEWUSDT")), ceiling=NOW_MS + 5) == 1
        writer.write(feed, events=[Event(1.0, "x", EventKind.NOTICE, "")])
    assert (feed.accepted, feed.repeated) == (1, 0)
    assert rows(path, "SELECT DISTINCT note FROM quote WHERE symbol <> 'NEWUSDT'") == [("mine",)]


def test_receipt_is_bound_as_it_is() -> None:
    bound = Rows("binance", received(quote()))
    ((_, values),) = [each for each in bound.statements(0) if each[1]]
    assert values[-5:] == (5_000.0, None, "no statistics yet", None, None)
    assert bound.last_receipt() == (1_764_725_610.0, 5_000.0)
