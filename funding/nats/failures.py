"""What nats-py and the server say, as errors of ours. No text of theirs has credentials.

# Facts
(nats-server 2.9.10 and 2.15.1)
- Nobody answers a request to JetStream where it is off, where a stream does not exist, and while a
  cluster elects: only time tells one from another.
- A revision that is not the last one is error 10071, or 10164 where the server says no more.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import nats.errors
import nats.js.errors

from funding.errors import FundingError, NatsAway, NatsConflict, NatsError, NatsRefused

WRONG_REVISION = frozenset({10071, 10164})
UNAVAILABLE = 503
OFF = frozenset({10039, 10076})
"""JetStream is off, for this account or on this server."""
NOBODY = "NATS: JetStream does not answer: it is off, has no leader, or lacks this stream"


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn what the library raises into `NatsError`s."""
    try:
        yield
    except FundingError:
        raise
    except (nats.js.errors.ServiceUnavailableError, nats.js.errors.APIError) as error:
        raise of_code(error.code, error.err_code, error.description) from None
    except (nats.errors.NoRespondersError, nats.js.errors.NoStreamResponseError):
        raise NatsAway(NOBODY) from None
    except (nats.errors.Error, OSError) as error:
        raise NatsAway(f"NATS: {reason(error)}") from None


def of_code(code: int | None, number: int | None, description: str | None) -> NatsError:
    """The error with the server's status `code`, its own `number` and its words."""
    if number in WRONG_REVISION:
        return NatsConflict("NATS: the key has another revision by now")
    if description is None:
        return NatsAway(NOBODY)
    words = f"NATS: {description[:200]}"
    if code == UNAVAILABLE and number not in OFF:
        return NatsAway(words)
    return NatsRefused(words)


def reason(error: BaseException) -> str:
    """`error` in words."""
    if isinstance(error, TimeoutError) and not (isinstance(error, OSError) and error.errno):
        return "no answer in time"
    text = str(error).removeprefix("nats: ").strip("'")
    return text[:200] or type(error).__name__
