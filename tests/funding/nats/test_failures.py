"""What the library and the server say, as errors of ours."""

import nats.errors
import nats.js.errors
import pytest

from funding.errors import NatsAway, NatsConflict, NatsError, NatsRefused, SettingError
from funding.nats.failures import NOBODY, of_code, reason, translate_errors


@pytest.mark.parametrize(
    ("error", "expected", "text"),
    [
        (nats.errors.TimeoutError(), NatsAway, "NATS: no answer in time"),
        (TimeoutError(), NatsAway, "NATS: no answer in time"),
        (nats.errors.ConnectionClosedError(), NatsAway, "NATS: connection closed"),
        (ConnectionRefusedError(111, "refused"), NatsAway, "NATS: [Errno 111] refused"),
        (nats.errors.NoRespondersError(), NatsAway, NOBODY),
        (nats.js.errors.ServiceUnavailableError(), NatsAway, NOBODY),
        (nats.js.errors.NoStreamResponseError(), NatsAway, NOBODY),
        (nats.js.errors.APIError(400, "wrong last sequence: 7", 10071), NatsConflict, "revision"),
        (nats.js.errors.APIError(400, "wrong last sequence", 10164), NatsConflict, "revision"),
        (nats.js.errors.APIError(503, "no quorum", 10008), NatsAway, "NATS: no quorum"),
        (nats.js.errors.APIError(503, "jetstream not enabled", 10076), NatsRefused, "not enabled"),
        (nats.js.errors.APIError(400, "bad", 10052), NatsRefused, "NATS: bad"),
    ],
)
def test_errors_of_the_library(error: Exception, expected: type[NatsError], text: str) -> None:
    with pytest.raises(expected) as found, translate_errors():
        raise error
    assert text in str(found.value)


def test_our_errors_and_defects_stay() -> None:
    with pytest.raises(SettingError), translate_errors():
        raise SettingError("A", "b", "c")
    with pytest.raises(ZeroDivisionError), translate_errors():
        raise ZeroDivisionError


def test_long_words_are_cut() -> None:
    assert len(str(of_code(400, 1, "x" * 5_000))) < 250
    assert len(reason(OSError("x" * 5_000))) == 200


def test_an_error_without_words_has_its_name() -> None:
    assert reason(EOFError()) == "EOFError"
