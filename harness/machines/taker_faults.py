"""What happens to takers: each fault is done to a running scene whose readers go on."""

import time

from harness.machines import observed
from harness.machines.scene import SYMBOLS, TRAIL_STREAM, Scene
from harness.processes import until
from harness.tables import Criterion, verdict

NEWEST_SECONDS = 3.0
"""The goal: within so long of a taker's end the quotes of the other one are the newest."""
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
