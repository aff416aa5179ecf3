"""What happens to the machines, one after the other, and what every reader saw of it.

Each fault is done to a running scene whose readers go on, and gives criteria with their figures.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from harness.machines import observed
from harness.machines.scene import SYMBOLS, TRAIL_STREAM, Scene
from harness.processes import until
from harness.tables import Criterion, verdict

NEWEST_SECONDS = 3.0
"""The goal: within so long of a taker's end the quotes of the other one are the newest."""
SERVER_SECONDS = 5.0
"""And of a server that goes silent with its machine, which is told by pings alone."""
CATCH_UP_SECONDS = 60.0
AFTERWARDS_SECONDS = 8.0
"""For which is looked on, when what was broken is whole again."""
LIVE = ("raw", "client", "api")


def taker_loses_power(scene: Scene, seconds: float) -> list[Criterion]:
    """The taker that publishes is gone, and comes back."""
    dead = scene.takers[scene.leader()]
    at = dead.lose_power()
    time.sleep(max(seconds, 2 * NEWEST_SECONDS))
    found = _taken_over(scene, "taker loses power", at)
    dead.boot()
    dead.wait_until_whole(SYMBOLS)
    time.sleep(AFTERWARDS_SECONDS)
    return found


def taker_and_server_lose_power(scene: Scene, seconds: float) -> list[Criterion]:
    """One machine that was both is gone: the taker that publishes, and the server that leads the
    trail's stream."""
    leader = until(lambda: scene.cluster.leader(TRAIL_STREAM), "the stream has a leader")
    server, dead = scene.cluster.servers[leader], scene.takers[scene.leader()]
    server.machine.unplug()
    at = dead.lose_power()
    server.kill()
    time.sleep(max(seconds, 2 * NEWEST_SECONDS))
    found = _taken_over(scene, "taker and server lose power", at)
    server.machine.plug()
    server.start()
    dead.boot()
    dead.wait_until_whole(SYMBOLS)
    time.sleep(AFTERWARDS_SECONDS)
    return found


def taker_goes_silent(scene: Scene, seconds: float) -> list[Criterion]:
    """Of the taker that publishes every packet is lost for a while, those of its exchange too."""
    silent = scene.takers[scene.leader()]
    at = time.time()
    silent.machine.silence()
    try:
        time.sleep(seconds)
    finally:
        silent.machine.hear()
    found = _taken_over(scene, f"taker silent for {seconds:g} s", at)
    time.sleep(AFTERWARDS_SECONDS)
    return found


def taker_is_frozen(scene: Scene, seconds: float) -> list[Criterion]:
    """The taker that publishes stands still, as a virtual machine that is moved; then it goes on as
    if nothing had been."""
    frozen = scene.takers[scene.leader()]
    at = time.time()
    frozen.machine.freeze()
    try:
        time.sleep(seconds)
    finally:
        frozen.machine.thaw()
    found = _taken_over(scene, f"taker frozen for {seconds:g} s", at)
    time.sleep(AFTERWARDS_SECONDS)
    return found


def server_is_killed(scene: Scene, seconds: float) -> list[Criterion]:
    """The server that leads the trail's stream is killed and started again."""
    leader = until(lambda: scene.cluster.leader(TRAIL_STREAM), "the stream has a leader")
    at = time.time()
    scene.cluster.servers[leader].kill()
    elected = _elected(scene, leader, at)
    time.sleep(max(0.0, seconds - (time.time() - at)))
    ended = time.time()
    scene.cluster.servers[leader].start()
    name = "the stream's leader killed"
    caught_up = _caught_up(scene, name, leader, elected, ended)
    return [*_uninterrupted(scene, name, at, ended, NEWEST_SECONDS), caught_up]


def server_goes_silent(scene: Scene, seconds: float) -> list[Criterion]:
    """Of the machine of that server every packet is lost for a while."""
    leader = until(lambda: scene.cluster.leader(TRAIL_STREAM), "the stream has a leader")
    at = time.time()
    machine = scene.cluster.servers[leader].machine
    machine.silence()
    try:
        elected = _elected(scene, leader, at)
        time.sleep(max(0.0, seconds - (time.time() - at)))
    finally:
        machine.hear()
    name, ended = f"a server silent for {seconds:g} s", time.time()
    caught_up = _caught_up(scene, name, leader, elected, ended)
    return [*_uninterrupted(scene, name, at, time.time(), SERVER_SECONDS), caught_up]


def all_servers_are_killed(scene: Scene, seconds: float) -> list[Criterion]:
    """All servers are killed at once, as by a mistaken command; what they had in memory is gone."""
    at = time.time()
    for server in scene.cluster.servers.values():
        server.kill()
    time.sleep(min(seconds, 5.0))
    for server in scene.cluster.servers.values():
        server.start()
    scene.cluster.wait_until_ready()
    back = time.time()
    scene.wait_until_all_read(back)
    took = time.time() - back
    figures = f"away {back - at:.1f} s; every reader has quotes {took:.1f} s after"
    return [Criterion("all servers killed", verdict(took <= CATCH_UP_SECONDS), figures)]


Fault = Callable[[Scene, float], list[Criterion]]
FAULTS: Mapping[str, Fault] = {
    "taker-power": taker_loses_power,
    "both-power": taker_and_server_lose_power,
    "server-killed": server_is_killed,
    "taker-silent": taker_goes_silent,
    "taker-frozen": taker_is_frozen,
    "server-silent": server_goes_silent,
    "servers-killed": all_servers_are_killed,
}
QUICK = ("taker-power", "server-killed", "taker-silent")


def _taken_over(scene: Scene, name: str, at: float) -> list[Criterion]:
    """Whether every reader had newer quotes soon after `at`."""
    found = []
    for kind in LIVE:
        lines = scene.lines(kind)
        took = observed.recovered_after(lines, at)
        oldest = observed.oldest_newest(lines, at, time.time())
        words = "no quote" if took is None else f"{took:.2f} s until a newer quote"
        if oldest is not None:
            words += f", the newest was {oldest:.2f} s old at most"
        good = took is not None and took <= NEWEST_SECONDS
        found.append(Criterion(f"{name}: {kind}", verdict(good), words))
    return found


def _uninterrupted(
    scene: Scene, name: str, at: float, until_at: float, goal: float
) -> list[Criterion]:
    """Whether quotes went on coming at every reader."""
    found = []
    for kind in LIVE:
        gap = observed.longest_gap(scene.lines(kind), at, until_at)
        words = f"{gap:.2f} s without a newer quote at most"
        found.append(Criterion(f"{name}: {kind}", verdict(gap <= goal), words))
    return found


def _elected(scene: Scene, dead: str, at: float) -> float:
    """Seconds until another server leads the stream."""
    until(lambda: scene.cluster.leader(TRAIL_STREAM, without=dead), "a new leader")
    return time.time() - at


def _caught_up(scene: Scene, name: str, back: str, elected: float, began: float) -> Criterion:
    """Whether the server that is back since `began` has all that the others have."""
    took = None

    def same() -> bool:
        leader = scene.cluster.leader(TRAIL_STREAM)
        if not leader:
            return False
        ours, theirs = (scene.cluster.last(each, TRAIL_STREAM) for each in (back, leader))
        return ours is not None and ours == theirs

    with suppress(AssertionError):
        until(same, "it has caught up", CATCH_UP_SECONDS)
        took = time.time() - began
    words = f"a new leader after {elected:.1f} s; "
    words += "it has not caught up" if took is None else f"caught up {took:.1f} s after its return"
    return Criterion(f"{name}: JetStream", verdict(took is not None), words)
