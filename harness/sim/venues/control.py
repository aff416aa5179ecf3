"""What a test may ask and order of the venues: /sim/<venue>/state and /sim/<venue>/faults."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aiohttp import web

from harness.sim.faults import FaultError
from harness.sim.venues.venue import Venue, json_response


class VenueControl:
    """Handlers of the control endpoint of all venues."""

    def __init__(self, venues: Mapping[str, list[Venue]]) -> None:
        self.venues = venues

    def routes(self) -> list[web.RouteDef]:
        """The routes below /sim/<venue>."""
        names = "|".join(self.venues)
        return [
            web.get(f"/sim/{{venue:{names}}}/state", self.state),
            web.post(f"/sim/{{venue:{names}}}/faults", self.post_faults),
            web.delete(f"/sim/{{venue:{names}}}/faults", self.delete_faults),
        ]

    async def state(self, request: web.Request) -> web.Response:
        """Counts since the start, and what is in force now."""
        sides = self._sides(request)
        now_open = [one for side in sides for one in side.connections]
        return json_response({
            "clients": len(now_open),
            "topics": [len(one.topics) for one in now_open],
            "connections": sum(side.accepted for side in sides),
            "attempts": sum(side.attempts for side in sides),
            "frames_skipped": sum(one.skipped for one in now_open),
            "ticks": sides[0].ticks,
            "ticks_left_out": sides[0].left_out,
            "faults": sides[0].faults.active,
            "rest_calls": sides[0].calls,
            "symbols": [one.symbol for one in sides[0].listings.values() if sides[0].trades(one)],
        })  # fmt: skip

    async def post_faults(self, request: web.Request) -> web.Response:
        """Puts faults in force; all of them or, when one is wrong, none."""
        sides = self._sides(request)
        try:
            posted = sides[0].faults.merge(json.loads(await request.text()))
        except (ValueError, FaultError) as error:
            return json_response({"error": str(error)}, 400)
        for side in sides:
            side.faults_changed(posted)
        return json_response(sides[0].faults.active)

    async def delete_faults(self, request: web.Request) -> web.Response:
        """Ends all faults of the venue."""
        sides = self._sides(request)
        sides[0].faults.clear()
        for side in sides:
            side.faults_changed({})
        return json_response({})

    def _sides(self, request: web.Request) -> list[Venue]:
        return self.venues[request.match_info["venue"]]
