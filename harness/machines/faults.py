"""What can happen to the machines of a scene, by name. Each gives criteria with their figures."""

from collections.abc import Callable, Mapping

from harness.machines import server_faults, taker_faults
from harness.machines.scene import Scene
from harness.tables import Criterion

Fault = Callable[[Scene, float], list[Criterion]]
FAULTS: Mapping[str, Fault] = {
    "taker-power": taker_faults.taker_loses_power,
    "both-power": taker_faults.taker_and_server_lose_power,
    "server-killed": server_faults.server_is_killed,
    "taker-silent": taker_faults.taker_goes_silent,
    "taker-frozen": taker_faults.taker_is_frozen,
    "server-silent": server_faults.server_goes_silent,
    "servers-killed": server_faults.all_servers_are_killed,
    "servers-forget": server_faults.all_servers_forget,
}
QUICK = ("taker-power", "server-killed", "taker-silent")
