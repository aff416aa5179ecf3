"""`python -m harness.machines.observer KIND ADDRESS OUTPUT`: what a reader sees, a line for each.

KIND `raw` writes every quote that comes as a plain message, `bucket` every change of a value in
the bucket, `client` what FundingClient(url=ADDRESS) gives, and `api` what the API at the loopback
port ADDRESS answers. The last two are asked ten times a second, and tell what has changed.

# Facts
- Lines are JSON: `at` is Unix seconds, `kind` says what the line is, `name` is EXCHANGE.SYMBOL.
- `raw` and `bucket` speak NATS by the library alone: a judge does not use what it judges.
"""

import asyncio
import http.client
import json
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

POLL_SECONDS = 0.1
BUCKET_SECONDS = 0.5
BUCKET = "funding-quotes"


class Seen(NamedTuple):
    """A quote as a reader has it."""

    name: str
    event_time: int
    age: float | None


class Log:
    """The lines."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def close(self) -> None:
        """No more lines."""
        self._file.close()

    def write(self, kind: str, **fields: object) -> None:
        """One line."""
        self._file.write(json.dumps({"at": time.time(), "kind": kind, **fields}) + "\n")


async def raw(address: str, log: Log) -> None:
    """Every plain message, for ever."""
    import nats

    async def quote(message: Any) -> None:
        body = json.loads(message.data)
        name = f"{body['exchange']}.{body['symbol']}"
        sent = {"taker": body["taker"], "sent_at": body["sentAt"], "bytes": len(message.data)}
        log.write("quote", name=name, event_time=body["eventTime"], age=body["ageSeconds"], **sent)

    async def feed(message: Any) -> None:
        body = json.loads(message.data)
        log.write("feed", taker=body["taker"], term=body["term"], sent_at=body["sentAt"])

    connection = await nats.connect(**_options(address, log))
    await connection.subscribe("funding.*.*", cb=quote)
    await connection.subscribe("funding-feed.*", cb=feed)
    log.write("begins")
    await asyncio.Event().wait()


async def bucket(address: str, log: Log) -> None:
    """Every change in the bucket: its leader is asked for each key in turn."""
    import nats

    connection = await nats.connect(**_options(address, log))
    stream, prefix = f"KV_{BUCKET}", f"$KV.{BUCKET}."
    manager = connection.jsm(timeout=1.0)
    seen: dict[str, int] = {}
    log.write("begins")
    while True:
        try:
            info = await manager.stream_info(stream, subjects_filter=">")
            for subject in info.state.subjects or {}:
                entry = await manager.get_last_msg(stream, subject)
                revision = int(entry.seq or 0)
                if entry.data and seen.get(subject) != revision:
                    seen[subject] = revision
                    body = json.loads(entry.data)
                    known = {"name": subject.removeprefix(prefix), "revision": revision}
                    log.write("value", **known, event_time=body["eventTime"], taker=body["taker"])
        except Exception as error:  # noqa: BLE001 (its server may be gone: that is the run)
            log.write("failed", error=repr(error))
        await asyncio.sleep(BUCKET_SECONDS)


def _options(address: str, log: Log) -> dict[str, Any]:
    async def disconnected() -> None:
        log.write("disconnected")

    async def connected() -> None:
        log.write("connected")

    async def failed(_error: Exception) -> None:
        pass

    return {
        "servers": address.split(","), "ping_interval": 0.5, "max_outstanding_pings": 2,
        "connect_timeout": 0.5, "reconnect_time_wait": 0.1, "max_reconnect_attempts": -1,
        "disconnected_cb": disconnected, "reconnected_cb": connected, "error_cb": failed,
    }  # fmt: skip


def poll(ask: Callable[[], Iterable[Seen]], log: Log) -> None:
    """Ask for ever; what has changed, and what went back."""
    newest: dict[str, int] = {}
    log.write("begins")
    while True:
        began = time.monotonic()
        try:
            found = list(ask())
        except Exception as error:  # noqa: BLE001 (its server may be gone: that is the run)
            log.write("failed", error=repr(error))
            found = []
        ages = [each.age for each in found if each.age is not None]
        log.write("poll", count=len(found), newest=min(ages, default=None))
        for each in found:
            before = newest.get(each.name, 0)
            if each.event_time != before:
                newest[each.name] = each.event_time
                log.write("quote", name=each.name, event_time=each.event_time, age=each.age)
        time.sleep(max(0.0, POLL_SECONDS - (time.monotonic() - began)))


def client(address: str, log: Log) -> None:
    """What the client gives."""
    from funding.client import FundingClient

    with FundingClient(url=address, caller="observer") as asked:

        def ask() -> Iterable[Seen]:
            for each in asked.get_all().values():
                yield Seen(f"{each.exchange}.{each.symbol}", each.event_time, each.age_seconds)

        poll(ask, log)


def api(address: str, log: Log) -> None:
    """What the API answers."""

    def ask() -> Iterable[Seen]:
        connection = http.client.HTTPConnection("127.0.0.1", int(address), timeout=2)
        try:
            connection.request("GET", "/funding?exchange=*")
            with connection.getresponse() as answer:
                for each in json.loads(answer.read()).get("data", ()):
                    name = f"{each['exchange']}.{each['symbol']}"
                    yield Seen(name, each["eventTime"], each["ageSeconds"])
        finally:
            connection.close()

    poll(ask, log)


def main() -> None:
    """Until it is killed."""
    kind, address, output = sys.argv[1:]
    log = Log(Path(output))
    with suppress(KeyboardInterrupt):
        if kind in ("raw", "bucket"):
            asyncio.run((raw if kind == "raw" else bucket)(address, log))
        else:
            (client if kind == "client" else api)(address, log)


if __name__ == "__main__":
    main()
