"""The taker's API → who asks for it over NATS: settled rates and bars, which are not published."""

import http.client
from http import HTTPStatus

import msgspec

from funding.nats.asking import LARGEST_BODY, Answer, encode, path_of

SECONDS = 3.0
JSON = "application/json"


class Answers:
    """Of the API at `host`:`port` of this machine. For any number of threads."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port

    def answer(self, question: bytes) -> bytes:
        """The message that answers `question`: whatever it is, there is one."""
        path = path_of(question)
        if path is None:
            return _refused(HTTPStatus.BAD_REQUEST, "this is not answered over NATS")
        try:
            found = encode(self._ask(path))
        except (OSError, http.client.HTTPException):
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, "the taker's API does not answer")
        if found is None:
            return _refused(HTTPStatus.BAD_GATEWAY, "the answer is too large for NATS")
        return found

    def _ask(self, path: str) -> Answer:
        connection = http.client.HTTPConnection(*self._address, timeout=SECONDS)
        try:
            connection.request("GET", path)
            with connection.getresponse() as response:
                body = response.read(LARGEST_BODY)
                return Answer(response.status, response.headers.get("Content-Type", JSON), body)
        finally:
            connection.close()


def _refused(status: HTTPStatus, reason: str) -> bytes:
    body = msgspec.json.encode({"error": "not served here", "reasons": [reason]})
    found = encode(Answer(status, JSON, body))
    assert found is not None
    return found
