"""The stand-in exchange as a process: see `harness.stand_in`."""

from harness.stand_in import FEW, StandIn, stand_in

__all__ = ["FEW", "StandIn", "stand_in"]
