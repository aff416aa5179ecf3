"""`python -m harness.machines.dump ADDRESS STREAM`: every message of a stream, a line for each."""

import asyncio
import json
import sys


async def dump(address: str, stream: str) -> None:
    """By the library alone: a judge does not use what it judges."""
    import nats
    from nats.js.errors import NotFoundError

    connection = await nats.connect(address.split(","), connect_timeout=2)
    try:
        jetstream = connection.jetstream(timeout=5)
        state = (await jetstream.stream_info(stream)).state
        consumer = await jetstream.subscribe(
            ">", stream=stream, ordered_consumer=True, pending_msgs_limit=-1
        )
        for _ in range(state.messages):
            message = await consumer.next_msg(timeout=20)
            print(json.dumps({"subject": message.subject, "body": json.loads(message.data)}))
    except NotFoundError:
        print(f"there is no stream {stream}", file=sys.stderr)
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(dump(*sys.argv[1:]))
