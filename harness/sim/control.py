"""What a test may ask and order: GET /sim/state, GET /sim/row, POST and DELETE /sim/faults,
DELETE /sim/budget.

The answers are JSON, errors {"error": text}. Faults never touch these routes.
"""

from __future__ import annotations

import json

from aiohttp import web

from harness.sim.contracts import CLASSES
from harness.sim.faults import FaultError, FaultState
from harness.sim.hub import Hub
from harness.sim.rest import RestSide


class Control:
    """Handlers of the control endpoint."""

    def __init__(self, hub: Hub, rest: RestSide, faults: FaultState) -> None:
        self.hub, self.rest, self.faults = hub, rest, faults

    def routes(self) -> list[web.RouteDef]:
        """The routes below /sim."""
        return [
            web.get("/sim/state", self.state),
            web.get("/sim/row", self.row),
            web.get("/sim/faults", self.get_faults),
            web.post("/sim/faults", self.post_faults),
            web.delete("/sim/faults", self.delete_faults),
            web.delete("/sim/faults/{name}", self.delete_faults),
            web.delete("/sim/budget", self.delete_budget),
        ]

    async def state(self, _request: web.Request) -> web.Response:
        """Counts since the start, and what is open and in force now. Times are epoch ms."""
        hub, frames = self.hub, self.hub.frames
        open_now = list(hub.connections)
        contracts = sum(len(frames.stream_contracts(name)) for name in CLASSES)
        ticks = max(1, hub.ticks)
        answer = {
            "now": int(hub.source.clock.now_ms()),
            "clients": len(open_now),
            "connections": hub.accepted,
            "attempts": hub.attempts,
            "frames_sent": hub.sent_before + sum(one.sent for one in open_now),
            "frames_skipped": hub.skipped_before + sum(one.skipped for one in open_now),
            "ticks": hub.ticks,
            "ticks_left_out": hub.source.left_out,
            "build_ms_per_tick": round(hub.build_seconds / ticks * 1000, 3),
            "last_event_time": max(frames.last_event_time.values(), default=0),
            "event_times": frames.last_event_time,
            "step_ms": hub.source.step_ms,
            "faults": self.faults.active,
            "rest_calls": self.rest.calls,
            "used_weight": self.rest.weight.used(hub.source.clock.now_ms()),
            "symbols": contracts,
            "world": {"seed": frames.world.seed, "contracts": len(frames.world.motions)},
        }
        return web.json_response(answer)

    async def row(self, request: web.Request) -> web.Response:
        """The row that ?symbol= has, or had, at ?event_time= (epoch ms)."""
        symbol, at = request.query.get("symbol", ""), request.query.get("event_time", "")
        if not (at.isascii() and at.isdigit() and len(at) <= 15):
            return _refused("event_time: expected epoch milliseconds")
        world = self.hub.frames.world
        motion = world.motions.get(symbol)
        if motion is None and symbol in self.faults.names("list"):
            motion = world.invented(symbol)
        if motion is None:
            return _refused(f"unknown symbol {symbol!r}", 404)
        return web.Response(text=motion.row(int(at)), content_type="application/json")

    async def get_faults(self, _request: web.Request) -> web.Response:
        """The faults in force."""
        return web.json_response(self.faults.active)

    async def post_faults(self, request: web.Request) -> web.Response:
        """Puts faults in force; all of them or, when one is wrong, none."""
        try:
            posted = self.faults.merge(json.loads(await request.text()))
        except ValueError as error:
            return _refused(f"the body is not JSON: {error}")
        except FaultError as error:
            return _refused(str(error))
        self._changed(posted)
        return web.json_response(self.faults.active)

    async def delete_faults(self, request: web.Request) -> web.Response:
        """Ends all faults, or the one that is named."""
        try:
            self.faults.clear(request.match_info.get("name"))
        except FaultError as error:
            return _refused(str(error), 404)
        self._changed({})
        return web.json_response(self.faults.active)

    async def delete_budget(self, _request: web.Request) -> web.Response:
        """Forgets what the calls so far have cost: what comes next has whole budgets."""
        for budget in (self.rest.weight, self.rest.funding):
            budget.forget()
        return web.json_response({})

    def _changed(self, posted: dict[str, object]) -> None:
        self.rest.faults_changed(posted)
        self.hub.faults_changed(posted)


def _refused(text: str, status: int = 400) -> web.Response:
    return web.json_response({"error": text}, status=status)
