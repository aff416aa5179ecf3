"""What happens to servers: each fault is done to a running scene whose readers go on."""

import time
from contextlib import suppress

from harness.machines import observed, verdicts
from harness.machines.scene import TRAIL_STREAM, Scene
from harness.machines.taker_faults import LIVE, NEWEST_SECONDS
from harness.processes import until
from harness.tables import Criterion, verdict

SERVER_SECONDS = 5.0
"""The goal for a server that goes silent with its machine, which is told by pings alone."""
CATCH_UP_SECONDS = 60.0
FORGOTTEN_SECONDS = 20.0


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


def all_servers_forget(scene: Scene, seconds: float) -> list[Criterion]:
    """All machines of servers lose power, and nothing that came in the last while had reached a
    disk: what they stored is put back to where it was. (With `sync_interval: always` no power cut
    does that; this is the worst that the default may do.)"""
    servers = scene.cluster.servers.values()
    for server in servers:
        server.machine.freeze()
    try:
        for server in servers:
            server.copy_store()
    finally:
        for server in servers:
            server.machine.thaw()
    time.sleep(min(seconds, FORGOTTEN_SECONDS))
    for server in servers:
        server.kill()
    acknowledged = verdicts.missing(scene, [])
    for server in servers:
        server.put_store_back()
        server.start()
    scene.cluster.wait_until_ready()
    return [_whole_again(scene, acknowledged)]


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


def _whole_again(scene: Scene, acknowledged: int) -> Criterion:
    """Whether the stream gets every row again that it had acknowledged."""
    began, took = time.time(), None
    until(lambda: scene.cluster.leader(TRAIL_STREAM), "the stream has a leader")
    forgotten = verdicts.missing(scene, scene.stream())
    with suppress(AssertionError):
        until(lambda: not verdicts.missing(scene, scene.stream()), "again", CATCH_UP_SECONDS)
        took = time.time() - began
    words = f"of {acknowledged} acknowledged rows {forgotten} were seen missing; "
    words += "some are still" if took is None else f"none after {took:.1f} s"
    return Criterion("all servers forget", verdict(took is not None), words)


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
