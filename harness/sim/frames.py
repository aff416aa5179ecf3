"""Which rows go out at a tick: the world's, less and more what the faults in force change."""

from __future__ import annotations

import json

from harness.sim import market, poison
from harness.sim.contracts import ClassName
from harness.sim.faults import FaultState
from harness.sim.ticks import Tick
from harness.sim.world import Motion, World

_TICKERS_PER_MESSAGE = 20


class FrameMaker:
    """Rows and payloads for one tick at a time. Every good row it makes equals
    `World.mark_row(symbol, E)` for the E it carries, whatever the faults except `rates`."""

    def __init__(self, world: World, faults: FaultState) -> None:
        self.world, self.faults = world, faults
        self.last_event_time: dict[ClassName, int] = {}
        self._frozen_classes: dict[ClassName, int] = {}
        self._frozen_symbols: dict[str, int] = {}

    def faults_changed(self) -> None:
        """Remembers at which E what is now frozen stands still, and forgets what is not."""
        frozen = self.faults.names("freeze_symbols")
        self._frozen_symbols = {
            symbol: self._frozen_symbols.get(symbol)
            or self.last_event_time.get(self._class_of(symbol), 0)
            for symbol in frozen
        }
        if not self.faults.on("freeze"):
            self._frozen_classes.clear()
        else:
            self._frozen_classes = {**self.last_event_time, **self._frozen_classes}

    def stream_contracts(self, class_name: ClassName) -> list[Motion]:
        """The contracts of one frame: with what is listed, without what is delisted."""
        motions = self.world.of_class(class_name)
        listed, delisted = self.faults.names("list"), set(self.faults.names("delist"))
        if class_name == "main" and listed:
            new = (one for one in dict.fromkeys(listed) if one not in self.world.motions)
            motions = motions + [self.world.invented(symbol) for symbol in new]
        if delisted:
            motions = [one for one in motions if one.contract.symbol not in delisted]
        return motions

    def event_time(self, tick: Tick) -> int:
        """The E that this tick's rows carry, epoch ms; freezes and skew make it differ."""
        shown = tick.event_time_ms + int(self.faults.seconds("skew_ms"))
        if self.faults.on("freeze"):
            shown = self._frozen_classes.setdefault(tick.class_name, shown)
        self.last_event_time[tick.class_name] = shown
        return shown

    def rows(self, tick: Tick, event_time_ms: int) -> bytes:
        """The JSON array of the class's frame."""
        rows = [self._row(one, event_time_ms) for one in self.stream_contracts(tick.class_name)]
        if self._frozen_symbols:
            self._freeze(rows, tick.class_name)
        if self.faults.on("poison"):
            before, after = poison.bad_rows(rows, event_time_ms)
            rows = before + rows + after
        if self.faults.on("ticker_poison"):
            tickers = [json.dumps(one, ensure_ascii=False) for one in self.tickers(tick)]
            rows = tickers[:3] + rows + tickers[3:]
        return f"[{','.join(rows)}]".encode()

    def row(self, symbol: str, class_name: ClassName, event_time_ms: int) -> bytes | None:
        """One symbol's row for its own stream, or None when it is not of this class."""
        for one in self.stream_contracts(class_name):
            if one.contract.symbol == symbol:
                return self._row(one, self._frozen_symbols.get(symbol) or event_time_ms).encode()
        return None

    def tickers(self, tick: Tick) -> list[dict[str, object]]:
        """24hrTicker rows of BTCUSDT and of some that changed, as `!ticker@arr` sends them."""
        motions = self.stream_contracts("main")
        first = tick.number * _TICKERS_PER_MESSAGE % max(1, len(motions))
        chosen = motions[:1] + motions[first : first + _TICKERS_PER_MESSAGE - 1]
        return [market.ticker_row(one, tick.event_time_ms) for one in dict.fromkeys(chosen)]

    def _freeze(self, rows: list[str], class_name: ClassName) -> None:
        for place, one in enumerate(self.stream_contracts(class_name)):
            frozen_at = self._frozen_symbols.get(one.contract.symbol)
            if frozen_at:
                rows[place] = self._row(one, frozen_at)

    def _row(self, motion: Motion, event_time_ms: int) -> str:
        return motion.row(event_time_ms, self.faults.shown_rate(motion.contract.symbol))

    def _class_of(self, symbol: str) -> ClassName:
        known = self.world.motions.get(symbol)
        return known.contract.class_name if known else "main"
