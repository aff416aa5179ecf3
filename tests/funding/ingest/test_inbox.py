"""Where connections leave their frames: the newest per symbol, and nothing without bound."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.exchanges.frame import Frame
from funding.ingest.connection_events import ConnectionEvent
from funding.ingest.inbox import MAX_REASONS, Batch, Inbox, SymbolClasses, tally
from funding.model.quote import BELIEVABLE_LEAD_MS, MAX_SYMBOLS, Quote

WALL = 1_790_000_000.0
WALL_MS = 1_790_000_000_000
DAY_MS = 86_400_000
LONG = 10.0
"""Seconds that no test waits: something arrives before."""


def quote(symbol: str, event_time: int, price: float = 1.0) -> Quote:
    """A quote of `symbol`, `event_time` ms after WALL."""
    return Quote(symbol, price, price, 0.0001, WALL_MS + 3_600_000, WALL_MS + event_time)


def frame(symbols: Iterable[str], event_time: int, price: float = 1.0) -> Frame:
    """A frame of one quote per symbol, all of `event_time` ms after WALL."""
    quotes = [quote(symbol, event_time, price) for symbol in symbols]
    return Frame(quotes, event_time=WALL_MS + event_time)


MAIN = ["BTCUSDT", "ETHUSDT", "币安人生USDT"]
TRADFI = ["XAUUSDT", "TSLAUSDT"]


def offered(*frames: Frame, link: int = 1) -> Batch:
    """The batch after a new handoff was offered `frames`, a second apart."""
    handoff = Inbox()
    for second, each in enumerate(frames):
        handoff.offer(link, each, WALL + second, 100.0 + second)
    return handoff.take(0.0)


def prices(batch: Batch) -> dict[str, float]:
    """The mark prices that wait in `batch`."""
    return {symbol: held.mark_price for symbol, (held, _, _) in batch.quotes.items()}


def test_a_frame_arrives_with_the_time_of_its_receipt() -> None:
    batch = offered(frame(MAIN, 0))
    assert batch.quotes == {symbol: (quote(symbol, 0), WALL, 100.0) for symbol in MAIN}
    assert (batch.frames, batch.malformed, batch.repeated) == (1, 0, 0)
    assert batch.event_time == WALL_MS
    assert batch.ceiling == WALL_MS + BELIEVABLE_LEAD_MS


def test_what_was_taken_is_gone() -> None:
    handoff = Inbox()
    handoff.offer(1, frame(MAIN, 0), WALL, 100.0)
    handoff.note(ConnectionEvent(1, "lost", 100.0))
    assert handoff.take(LONG)
    assert handoff.take(0.0) == Batch()
    assert not Batch()


def test_a_newer_quote_takes_the_place_of_the_one_that_waits() -> None:
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
    handoff = Inbox()
    handoff.offer(1, frame(MAIN, 0, 1.0), WALL, 100.0)
    handoff.offer(2, frame(MAIN, 0, 2.0), WALL, 100.1)
    handoff.offer(2, frame(MAIN, 1_000, 3.0), WALL, 101.0)
    handoff.offer(1, frame(MAIN, 1_000, 4.0), WALL, 101.1)
    batch = handoff.take(0.0)
    assert set(prices(batch).values()) == {3.0}
    assert batch.repeated == 2 * len(MAIN)
    # The second one is as alive as the first, though it is never the first.
    assert batch.progress == {(1, 0): (101.1, 2), (2, 0): (101.0, 2)}


def test_a_symbol_is_one_in_either_ascii_case() -> None:
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


def test_after_a_frame_from_the_future_good_ones_are_progress() -> None:
    handoff = Inbox()
    handoff.offer(1, frame(MAIN, DAY_MS), WALL, 100.0)
    handoff.take(0.0)
    for second in range(1, 4):
        handoff.offer(1, frame(MAIN, second * 1_000), WALL + second, 100.0 + second)
        assert handoff.take(0.0).progress == {(1, 0): (100.0 + second, 1)}


def test_the_same_frame_again_is_no_progress() -> None:
    handoff = Inbox()
    for second in range(3):
        handoff.offer(1, frame(MAIN, 0), WALL, 100.0 + second)
    assert handoff.take(0.0).progress == {(1, 0): (100.0, 1)}
    handoff.offer(1, frame(MAIN, 0), WALL, 104.0)
    handoff.offer(1, frame(MAIN, -1_000), WALL, 105.0)
    assert handoff.take(0.0).progress == {}
    handoff.offer(1, frame(MAIN, 1), WALL, 106.0)
    assert handoff.take(0.0).progress == {(1, 0): (106.0, 1)}


def test_a_frame_without_quotes_is_no_progress() -> None:
    batch = offered(Frame([], ignored=Counter({"acknowledgement": 1})), Frame([]))
    assert batch.progress == {}
    assert (batch.frames, batch.quotes) == (2, {})
    assert batch.ignored == {"acknowledgement": 1}


@given(
    st.lists(st.sampled_from(["BTCUSDT", "btcUSDT", "ETHUSDT", "币安人生USDT", "NEWUSDT"])),
    st.sets(st.sampled_from(["BTCUSDT", "ETHUSDT", "币安人生USDT"])),
)
def test_a_frame_is_kept_alike_beside_others_and_alone(symbols: list[str], known: set[str]) -> None:
    frame_of = Frame(
        [quote(symbol, n % 2, float(n + 1)) for n, symbol in enumerate(symbols)],
        event_time=WALL_MS + 1,
    )
    batches = []
    for beside in ([], ["OTHER"]):
        handoff = Inbox([*known, *beside])
        handoff.offer(2, frame(beside, 0), WALL, 100.0)
        handoff.offer(1, frame_of, WALL + 1, 101.0)
        batches.append(handoff.take(0.0))
    alone, among = batches
    assert among.quotes.pop("OTHER")
    assert (alone.quotes, alone.repeated) == (among.quotes, among.repeated)
    assert list(alone.quotes) == list(among.quotes)


def test_each_class_makes_its_own_progress() -> None:
    batch = offered(frame(MAIN, 0), frame(TRADFI, -316), frame(MAIN, 1_000))
    assert batch.progress == {(1, 0): (102.0, 2), (1, 1): (101.0, 1)}


def test_a_link_that_is_forgotten_begins_anew() -> None:
    handoff = Inbox()
    for link in (1, 2):
        handoff.offer(link, frame(MAIN, 0), WALL, 100.0)
    handoff.forget(1)
    handoff.take(0.0)
    for link in (1, 2):
        handoff.offer(link, frame(MAIN, 0), WALL, 101.0)
    assert handoff.take(0.0).progress == {(1, 0): (101.0, 1)}


def test_symbols_are_bounded_and_known_ones_go_on() -> None:
    known = [f"OLD{n}" for n in range(10)]
    handoff = Inbox(known)
    handoff.offer(1, frame([f"NEW{n}" for n in range(MAX_SYMBOLS)], 0), WALL, 100.0)
    batch = handoff.take(0.0)
    assert len(batch.quotes) == MAX_SYMBOLS - len(known)
    assert batch.rejected == {f"more than {MAX_SYMBOLS} symbols": len(known)}
    handoff.offer(1, frame([*known, "NEW0", "ONE MORE"], 1_000), WALL, 101.0)
    assert set(handoff.take(0.0).quotes) == {*known, "NEW0"}


def test_nothing_that_waits_grows_with_time() -> None:
    handoff = Inbox()
    for n in range(3_000):
        odd = frame(MAIN, n)
        odd.rejected = Counter({f"event {n}": 1})
        odd.ignored = Counter({f"stream {n}": 1})
        odd.samples[f"reason {n}"], odd.notice = f"reason {n}: x", "the exchange says"
        handoff.offer(1, odd, WALL, 100.0)
        handoff.malformed(f"reason {n}")
    batch = handoff.take(0.0)
    assert (batch.frames, batch.malformed) == (6_000, 3_000)
    assert batch.rejected.total() == batch.ignored.total() == 3_000
    assert len(batch.rejected) == len(batch.ignored) == MAX_REASONS + 1
    assert len(batch.samples) <= MAX_REASONS + 1
    assert len(batch.quotes) == len(MAIN)
    assert len(batch.notes) <= 1_000


def test_reasons_beyond_the_bound_are_counted_together() -> None:
    counter: Counter[str] = Counter()
    tally(counter, Counter({f"event {n}": 1 for n in range(MAX_REASONS)}))
    tally(counter, Counter({"event 0": 5, "event new": 2, "stream newer": 3, "coin-margined": 7}))
    assert counter["event 0"] == 6
    assert counter["other"] == 5
    assert counter["coin-margined"] == 7, "our own reasons are few, and always told"
    assert "event new" not in counter


def test_a_malformed_message_is_counted_with_its_reason() -> None:
    handoff = Inbox()
    handoff.malformed("truncated")
    handoff.malformed("another")
    batch = handoff.take(LONG)
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


def test_what_the_exchange_tells_becomes_a_note() -> None:
    batch = offered(
        Frame([], notice="the exchange says: slow down"),
        Frame([], notice="the exchange announces its shutdown", ending=True),
        link=7,
    )
    assert batch.notes == [
        ConnectionEvent(7, "notice", 100.0, "the exchange says: slow down"),
        ConnectionEvent(7, "ending", 101.0, "the exchange announces its shutdown"),
    ]


class Watched(threading.Condition):
    """A condition that says when somebody waits, and whether they were woken."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()
        self.woken = False

    def wait(self, timeout: float | None = None) -> bool:
        self.waiting.set()
        self.woken = super().wait(timeout)
        return self.woken


ARRIVALS: dict[str, Callable[[Inbox], None]] = {
    "offer": lambda handoff: handoff.offer(1, frame(MAIN, 0), WALL, 100.0),
    "malformed": lambda handoff: handoff.malformed("x"),
    "note": lambda handoff: handoff.note(ConnectionEvent(1, "opened", 100.0)),
}


@pytest.mark.parametrize("arrive", ARRIVALS.values(), ids=ARRIVALS)
def test_the_writer_wakes_when_something_comes(arrive: Callable[[Inbox], None]) -> None:
    handoff = Inbox()
    handoff._changed = watched = Watched()
    taken: list[Batch] = []
    writer = threading.Thread(target=lambda: taken.append(handoff.take(LONG)))
    writer.start()
    assert watched.waiting.wait(LONG)
    arrive(handoff)
    writer.join()
    assert watched.woken
    assert taken[0]


def test_a_defect_in_a_connection_is_raised_in_the_writer() -> None:
    handoff = Inbox()
    handoff.offer(1, frame(MAIN, 0), WALL, 100.0)
    thread = threading.Thread(target=handoff.fail, args=(ZeroDivisionError("a defect"),))
    thread.start()
    thread.join()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="a defect"):
            handoff.take(LONG)


def test_many_threads_lose_nothing() -> None:
    handoff, rounds = Inbox(), 200

    def deliver(link: int) -> None:
        for n in range(rounds):
            handoff.offer(link, frame([f"S{link}"], n), WALL, 100.0 + n)

    threads = [threading.Thread(target=deliver, args=(link,)) for link in range(4)]
    for thread in threads:
        thread.start()
    newest: dict[str, int] = {}
    progress: Counter[int] = Counter()
    frames = 0
    while frames < 4 * rounds:
        batch = handoff.take(LONG)
        frames += batch.frames
        for (link, _), (_, count) in batch.progress.items():
            progress[link] += count
        for symbol, (held, _, _) in batch.quotes.items():
            assert held.event_time > newest.get(symbol, 0)
            newest[symbol] = held.event_time
    for thread in threads:
        thread.join()
    assert newest == {f"S{link}": WALL_MS + rounds - 1 for link in range(4)}
    assert progress == dict.fromkeys(range(4), rounds)


@given(st.lists(st.tuples(st.sampled_from(MAIN), st.integers(-4_000, 1_000)), max_size=40))
def test_whatever_the_order_the_newest_waits(arrivals: list[tuple[str, int]]) -> None:
    handoff = Inbox()
    for symbol, event_time in arrivals:
        handoff.offer(1, frame([symbol], event_time), WALL, 100.0)
    batch = handoff.take(0.0)
    newest = {symbol: max(at for s, at in arrivals if s == symbol) for symbol, _ in arrivals}
    waiting = {symbol: held.event_time - WALL_MS for symbol, (held, _, _) in batch.quotes.items()}
    assert waiting == newest


def of(classes: SymbolClasses, *symbols: str) -> int:
    """The class of a frame of `symbols`."""
    return classes.of(symbols)


def test_classes_are_learned() -> None:
    classes = SymbolClasses()
    assert of(classes, "BTC", "ETH", "SOL") == 0
    assert of(classes, "XAU", "TSLA") == 1
    assert of(classes, "SOL", "ETH") == 0
    assert of(classes, "TSLA") == 1
    assert of(classes, "XAU", "NVDA", "MSFT", "AAPL") == 1  # new ones join
    assert of(classes, "AAPL") == 1
    assert of(classes, "BTC", "ETH", "XAU") == 0  # the majority decides


def test_classes_are_few_and_the_memory_for_them_is_bounded() -> None:
    classes = SymbolClasses()
    seen = {of(classes, f"S{n}") for n in range(3 * MAX_SYMBOLS)}
    assert seen == set(range(8))
    assert len(classes._class_of) <= 2 * MAX_SYMBOLS


def test_what_another_connection_told_before_is_not_newer() -> None:
    """A frozen exchange tells each new connection its last frame: life, but no recovery."""
    handoff = Inbox()
    handoff.offer(1, frame(MAIN, 0), WALL, 100.0)
    assert handoff.take(0.0).newer == {(1, 0)}
    handoff.offer(2, frame(MAIN, 0), WALL, 101.0)
    batch = handoff.take(0.0)
    assert (set(batch.progress), batch.newer) == ({(2, 0)}, set())
    handoff.offer(2, frame(MAIN, 500), WALL, 102.0)
    assert handoff.take(0.0).newer == {(2, 0)}
