"""The frames of the load: the stand-in exchange's own rows, made once, stamped for each tick."""

from harness.sim.contracts import ClassName, default_contracts
from harness.sim.faults import FaultState
from harness.sim.frames import FrameMaker
from harness.sim.ticks import Tick
from harness.sim.world import World

_BASE_MS = 1_700_000_000_000
_HEAD = b'{"stream":"!markPrice@arr@1s","data":%b}'
_CLASSES: tuple[ClassName, ClassName] = ("main", "tradfi")


def build(main: int = 745, tradfi: int = 217) -> list[bytes]:
    """The main and the TradFi frame, in the envelope."""
    world = World(default_contracts(seed=1, main=main, tradfi=tradfi), seed=1)
    maker = FrameMaker(world, FaultState())
    return [_HEAD % maker.rows(Tick(name, 1, _BASE_MS), _BASE_MS) for name in _CLASSES]


def stamped(frame: bytes, event_time: int) -> bytes:
    """The frame with another event time, ms; next funding times stay where they are."""
    return frame.replace(b'"E":%d' % _BASE_MS, b'"E":%d' % event_time)


def rows_kept(frame: bytes) -> int:
    """How many rows of it are quotes, not COIN-M."""
    return frame.count(b'"st":1')
