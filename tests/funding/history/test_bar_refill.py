"""Minutes in which ingest wrote no bars are filled from the past of mark prices."""

from funding.history.bar_refill import BarRefill
from funding.model.bar import MINUTE, Bar
from funding.store.bar_fill import BarFill
from funding.store.bar_table import add_bars
from tests.support.history_world import NOW, HistoryWorld

LAST = int(NOW) - int(NOW) % MINUTE


def refill(world: HistoryWorld) -> BarRefill:
    bars = BarFill(world.store, "binance")
    return BarRefill(bars, world.table, world.fetcher, world.hand.clock())


def written(world: HistoryWorld, *minutes: int) -> None:
    """Ingest wrote bars so many minutes before now."""
    with world.store.transaction() as connection:
        for name in ("BTCUSDT", "XUSDT"):
            add_bars(
                connection,
                [
                    Bar("binance", name, MINUTE, LAST - n * MINUTE, 1, 1, 1, 1, 1, 1, 60)
                    for n in minutes
                ],
            )


def test_minutes_without_ingest_are_filled(world: HistoryWorld) -> None:
    world.trade("BTCUSDT", "XUSDT")
    written(world, *range(60, 40, -1), *range(20, -1, -1))
    world.run(refill(world).run())
    assert world.far.calls == [
        (f"bars {name}", LAST - 40 * MINUTE, LAST - 21 * MINUTE) for name in ("BTCUSDT", "XUSDT")
    ]
    assert world.rows("SELECT count(*) FROM bar WHERE period = 60 AND quotes = 0") == [(40,)]
    world.run(refill(world).run())
    assert len(world.far.calls) == 2


def test_nothing_is_filled_before_the_first_bar_or_of_the_last_minutes(
    world: HistoryWorld,
) -> None:
    world.trade("BTCUSDT", "XUSDT")
    world.run(refill(world).run())
    written(world, *range(30, 3, -1))
    world.run(refill(world).run())
    assert world.far.calls == []


def test_an_exchange_without_it_is_left_alone(single: HistoryWorld) -> None:
    single.trade("BTCUSDT", "XUSDT")
    written(single, 60, 10)
    single.run(refill(single).run())
    assert single.far.calls == []


def test_symbol_that_was_silent_is_filled_alone_and_asked_for_once(world: HistoryWorld) -> None:
    world.trade("BTCUSDT", "XUSDT")
    written(world, *range(60, -1, -1))
    silent = f"symbol = 'XUSDT' AND start >= {LAST - 40 * MINUTE}"
    with world.store.transaction() as connection:
        connection.execute(f"DELETE FROM bar WHERE {silent} AND start < {LAST - 20 * MINUTE}")
    job = refill(world)
    world.run(job.run())
    assert world.far.calls == [("bars XUSDT", LAST - 40 * MINUTE, LAST - 21 * MINUTE)]
    with world.store.transaction() as connection:
        connection.execute(f"DELETE FROM bar WHERE {silent}")  # as if the exchange had none
    world.run(job.run())
    assert len(world.far.calls) == 1
