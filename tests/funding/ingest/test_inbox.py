"""Where connections leave frames: the newest quote of each symbol waits, and nothing unbounded."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.exchanges.frame import Frame
from funding.ingest.connection_events import ConnectionEvent, ConnectionEventKind, EndingKind
from funding.ingest.inbox import MAX_REASONS, Batch, Inbox, tally
from funding.model.quote import BELIEVABLE_LEAD_MS, MAX_SYMBOLS
from tests.support.inbox_frames import DAY_MS, LONG, MAIN, TRADFI, WALL, WALL_MS, frame, quote


def offered(*frames: Frame, connection: int = 1) -> Batch:
    """The batch after a new inbox was offered `frames`, a second apart."""
    inbox = Inbox()
    for second, each in enumerate(frames):
        inbox.offer(connection, each, WALL + second, 100.0 + second)
    return inbox.take(0.0)


def prices(batch: Batch) -> dict[str, float]:
    """The mark prices that wait in `batch`."""
    return {symbol: waiting.mark_price for symbol, (waiting, _, _) in batch.quotes.items()}


def test_frame_arrives_with_the_time_of_its_receipt() -> None:
    batch = offered(frame(MAIN, 0))
    assert batch.quotes == {symbol: (quote(symbol, 0), WALL, 100.0) for symbol in MAIN}
    assert (batch.frames, batch.malformed, batch.repeated) == (1, 0, 0)
    assert batch.event_time == WALL_MS
    assert batch.ceiling == WALL_MS + BELIEVABLE_LEAD_MS


def test_batch_is_taken_once() -> None:
    inbox = Inbox()
    inbox.offer(1, frame(MAIN, 0), WALL, 100.0)
    inbox.put(ConnectionEvent(1, EndingKind.LOST, 100.0))
    assert inbox.take(LONG)
    assert inbox.take(0.0) == Batch()
    assert not Batch()


def test_newer_quote_replaces_the_one_that_waits() -> None:
    batch = offered(frame(MAIN, 0, 1.0), frame(MAIN[:1], 1_000, 2.0))
    assert prices(batch) == {"BTCUSDT": 2.0, "ETHUSDT": 1.0, "币安人生USDT": 1.0}
    assert batch.quotes["BTCUSDT"][1:] == (WALL + 1, 101.0)
    assert (batch.frames, batch.repeated) == (2, 0)


def test_the_first_row_of_an_event_time_wins() -> None:
    batch = offered(frame(MAIN, 0, 1.0), frame(MAIN, 0, 2.0), frame(MAIN, -1, 3.0))
    assert set(prices(batch).values()) == {1.0}
    assert batch.repeated == 2 * len(MAIN)
    twice = Frame([quote("BTCUSDT", 0, 1.0), quote("BTCUSDT", 0, 2.0)], event_time=WALL_MS)
    assert prices(offered(twice)) == {"BTCUSDT": 1.0}


def test_two_connections_make_one_stream() -> None:
    inbox = Inbox()
    inbox.offer(1, frame(MAIN, 0, 1.0), WALL, 100.0)
    inbox.offer(2, frame(MAIN, 0, 2.0), WALL, 100.1)
    inbox.offer(2, frame(MAIN, 1_000, 3.0), WALL, 101.0)
    inbox.offer(1, frame(MAIN, 1_000, 4.0), WALL, 101.1)
    batch = inbox.take(0.0)
    assert set(prices(batch).values()) == {3.0}
    assert batch.repeated == 2 * len(MAIN)
    # The second one is as alive as the first, though it is never the first.
    assert batch.progress == {(1, 0): (101.1, 2), (2, 0): (101.0, 2)}


def test_symbol_is_the_same_in_either_ascii_case() -> None:
    assert prices(offered(frame(["btcusdt"], 0, 1.0), frame(["BTCUSDT"], 1, 2.0))) == {
        "BTCUSDT": 2.0
    }


@pytest.mark.parametrize("lead", [BELIEVABLE_LEAD_MS + 1_001, DAY_MS])
def test_the_next_good_frame_replaces_one_from_the_future(lead: int) -> None:
    batch = offered(frame(MAIN, lead, 666.0), frame(MAIN, 1_000, 2.0))
    assert set(prices(batch).values()) == {2.0}
    assert batch.ceiling == WALL_MS + 1_000 + BELIEVABLE_LEAD_MS


def test_one_frame_from_the_future_vouches_for_no_other() -> None:
    # What is stored already is judged by the ceiling of the batch.
    batch = offered(frame(MAIN, 0), frame(TRADFI, DAY_MS))
    assert batch.ceiling == WALL_MS + BELIEVABLE_LEAD_MS


def test_good_frames_after_one_from_the_future_are_progress() -> None:
    inbox = Inbox()
    inbox.offer(1, frame(MAIN, DAY_MS), WALL, 100.0)
    inbox.take(0.0)
    for second in range(1, 4):
        inbox.offer(1, frame(MAIN, second * 1_000), WALL + second, 100.0 + second)
        assert inbox.take(0.0).progress == {(1, 0): (100.0 + second, 1)}


def test_repeated_frame_is_not_progress() -> None:
    inbox = Inbox()
    for second in range(3):
        inbox.offer(1, frame(MAIN, 0), WALL, 100.0 + second)
    assert inbox.take(0.0).progress == {(1, 0): (100.0, 1)}
    inbox.offer(1, frame(MAIN, 0), WALL, 104.0)
    inbox.offer(1, frame(MAIN, -1_000), WALL, 105.0)
    assert inbox.take(0.0).progress == {}
    inbox.offer(1, frame(MAIN, 1), WALL, 106.0)
    assert inbox.take(0.0).progress == {(1, 0): (106.0, 1)}


def test_frame_without_quotes_is_not_progress() -> None:
    batch = offered(Frame([], ignored=Counter({"acknowledgement": 1})), Frame([]))
    assert batch.progress == {}
    assert (batch.frames, batch.quotes) == (2, {})
    assert batch.ignored == {"acknowledgement": 1}


@given(
    st.lists(st.sampled_from(["BTCUSDT", "btcUSDT", "ETHUSDT", "币安人生USDT", "NEWUSDT"])),
    st.sets(st.sampled_from(["BTCUSDT", "ETHUSDT", "币安人生USDT"])),
)
def test_frame_is_stored_the_same_alone_and_beside_others(
    symbols: list[str], known: set[str]
) -> None:
    frame_of = Frame(
        [quote(symbol, n % 2, float(n + 1)) for n, symbol in enumerate(symbols)],
        event_time=WALL_MS + 1,
    )
    batches = []
    for beside in ([], ["OTHER"]):
        inbox = Inbox([*known, *beside])
        inbox.offer(2, frame(beside, 0), WALL, 100.0)
        inbox.offer(1, frame_of, WALL + 1, 101.0)
        batches.append(inbox.take(0.0))
    alone, among = batches
    assert among.quotes.pop("OTHER")
    assert (alone.quotes, alone.repeated) == (among.quotes, among.repeated)
    assert list(alone.quotes) == list(among.quotes)


def test_each_class_makes_its_own_progress() -> None:
    batch = offered(frame(MAIN, 0), frame(TRADFI, -316), frame(MAIN, 1_000))
    assert batch.progress == {(1, 0): (102.0, 2), (1, 1): (101.0, 1)}


def test_forgotten_connection_begins_again() -> None:
    inbox = Inbox()
    for connection in (1, 2):
        inbox.offer(connection, frame(MAIN, 0), WALL, 100.0)
    inbox.forget(1)
    inbox.take(0.0)
    for connection in (1, 2):
        inbox.offer(connection, frame(MAIN, 0), WALL, 101.0)
    assert inbox.take(0.0).progress == {(1, 0): (101.0, 1)}


def test_symbols_are_bounded_and_known_ones_go_on() -> None:
    known = [f"OLD{n}" for n in range(10)]
    inbox = Inbox(known)
    inbox.offer(1, frame([f"NEW{n}" for n in range(MAX_SYMBOLS)], 0), WALL, 100.0)
    batch = inbox.take(0.0)
    assert len(batch.quotes) == MAX_SYMBOLS - len(known)
    assert batch.rejected == {f"more than {MAX_SYMBOLS} symbols": len(known)}
    inbox.offer(1, frame([*known, "NEW0", "ONE MORE"], 1_000), WALL, 101.0)
    assert set(inbox.take(0.0).quotes) == {*known, "NEW0"}


def test_batch_is_bounded() -> None:
    inbox = Inbox()
    for n in range(3_000):
        odd = frame(MAIN, n)
        odd.rejected = Counter({f"event {n}": 1})
        odd.ignored = Counter({f"stream {n}": 1})
        odd.samples[f"reason {n}"], odd.notice = f"reason {n}: x", "the exchange says"
        inbox.offer(1, odd, WALL, 100.0)
        inbox.count_malformed(f"reason {n}")
    batch = inbox.take(0.0)
    assert (batch.frames, batch.malformed) == (6_000, 3_000)
    assert batch.rejected.total() == batch.ignored.total() == 3_000
    assert len(batch.rejected) == len(batch.ignored) == MAX_REASONS + 1
    assert len(batch.samples) <= MAX_REASONS + 1
    assert len(batch.quotes) == len(MAIN)
    assert len(batch.events) <= 1_000


def test_reasons_beyond_the_bound_are_counted_together() -> None:
    counter: Counter[str] = Counter()
    tally(counter, Counter({f"event {n}": 1 for n in range(MAX_REASONS)}))
    tally(counter, Counter({"event 0": 5, "event new": 2, "stream newer": 3, "coin-margined": 7}))
    assert counter["event 0"] == 6
    assert counter["other"] == 5
    assert counter["coin-margined"] == 7, "our own reasons are few, and always counted apart"
    assert "event new" not in counter


def test_malformed_message_is_counted_with_its_reason() -> None:
    inbox = Inbox()
    inbox.count_malformed("truncated")
    inbox.count_malformed("another")
    batch = inbox.take(LONG)
    assert (batch.frames, batch.malformed) == (2, 2)
    assert batch.samples == {"malformed": "malformed: truncated"}


def test_the_first_example_of_each_reason_is_kept() -> None:
    batch = offered(
        Frame([], rejected=Counter(form=1), samples={"form": "form: one"}),
        Frame([], rejected=Counter(form=1), samples={"form": "form: two"}),
        Frame([], rejected=Counter(symbol=2), samples={"symbol": "symbol: three"}),
    )
    assert batch.rejected == {"form": 2, "symbol": 2}
    assert batch.samples == {"form": "form: one", "symbol": "symbol: three"}


def test_notice_of_the_exchange_becomes_an_event() -> None:
    batch = offered(
        Frame([], notice="the exchange says: slow down"),
        Frame([], notice="the exchange announces its shutdown", ending=True),
        connection=7,
    )
    assert batch.events == [
        ConnectionEvent(7, ConnectionEventKind.NOTICE, 100.0, "the exchange says: slow down"),
        ConnectionEvent(
            7, ConnectionEventKind.ENDING, 101.0, "the exchange announces its shutdown"
        ),
    ]


@given(st.lists(st.tuples(st.sampled_from(MAIN), st.integers(-4_000, 1_000)), max_size=40))
def test_whatever_the_order_the_newest_waits(arrivals: list[tuple[str, int]]) -> None:
    inbox = Inbox()
    for symbol, event_time in arrivals:
        inbox.offer(1, frame([symbol], event_time), WALL, 100.0)
    batch = inbox.take(0.0)
    newest = {symbol: max(at for s, at in arrivals if s == symbol) for symbol, _ in arrivals}
    waiting = {
        symbol: waiting.event_time - WALL_MS for symbol, (waiting, _, _) in batch.quotes.items()
    }
    assert waiting == newest


def test_frame_that_another_connection_delivered_is_not_newer() -> None:
    """A frozen exchange sends each new connection its last frame: that is not a recovery."""
    inbox = Inbox()
    inbox.offer(1, frame(MAIN, 0), WALL, 100.0)
    assert inbox.take(0.0).newer == {(1, 0)}
    inbox.offer(2, frame(MAIN, 0), WALL, 101.0)
    batch = inbox.take(0.0)
    assert (set(batch.progress), batch.newer) == ({(2, 0)}, set())
    inbox.offer(2, frame(MAIN, 500), WALL, 102.0)
    assert inbox.take(0.0).newer == {(2, 0)}


def test_lag_of_each_connection_is_noted() -> None:
    inbox = Inbox()
    for second in range(5):
        inbox.offer(1, frame(MAIN, second * 1_000), WALL + second, 100.0 + second)
    inbox.take(0.0)
    inbox.offer(1, frame(MAIN, 5_000), WALL, 105.0)
    inbox.offer(2, frame(MAIN, 5_000), WALL, 112.0)
    batch = inbox.take(0.0)
    assert batch.lags == {1: (0.0, 105.0), 2: (7.0, 112.0)}
    assert batch.least_delay == pytest.approx(100.0 - WALL)


def test_what_an_earlier_process_stored_is_no_news() -> None:
    inbox = Inbox(last_event_time=WALL_MS)
    inbox.offer(1, frame(MAIN, 0), WALL, 100.0)
    batch = inbox.take(0.0)
    assert batch.progress == {(1, 0): (100.0, 1)}
    assert batch.newer == set()
    inbox.offer(1, frame(MAIN, 1), WALL, 101.0)
    assert inbox.take(0.0).newer == {(1, 0)}
    future = Inbox(last_event_time=WALL_MS + DAY_MS)
    future.offer(1, frame(MAIN, 0), WALL, 100.0)
    assert future.take(0.0).newer == {(1, 0)}


def test_quotes_that_were_given_back_wait_beside_newer_ones() -> None:
    inbox = Inbox()
    inbox.offer(1, frame(MAIN, 2_000, 2.0), WALL + 2, 102.0)
    batch = inbox.take(0.0)
    inbox.offer(1, frame(MAIN[:1], 3_000, 3.0), WALL + 3, 103.0)
    inbox.offer(2, frame(MAIN[1:2], 1_000, 1.0), WALL + 3, 103.0)
    inbox.give_back(batch)
    again = inbox.take(0.0)
    assert prices(again) == {"BTCUSDT": 3.0, "ETHUSDT": 2.0, "币安人生USDT": 2.0}
    assert again.ceiling == batch.ceiling
    assert again.frames == 2, "each frame is counted once"


@pytest.mark.parametrize("ahead", [0.0, 604_800.0, -604_800.0])
def test_row_from_the_future_is_replaced_whatever_our_clock_says(ahead: float) -> None:
    """A wall clock that is ahead would vouch for it until that time comes."""
    inbox = Inbox()
    for second in range(4):
        inbox.offer(1, frame(MAIN, second * 1_000), WALL + ahead + second, 100.0 + second)
    inbox.take(0.0)
    for second in (3_600, 4):
        inbox.offer(1, frame(MAIN, second * 1_000), WALL + ahead + 4, 104.0)
        batch = inbox.take(0.0)
    assert batch.ceiling < WALL_MS + 3_600_000
    assert {held[0].event_time for held in batch.quotes.values()} == {WALL_MS + 4_000}
