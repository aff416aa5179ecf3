"""A far end for conversations: prepared replies, and the requests that were made."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from funding.exchanges.exchange import Conversation, Reply, Request, converse

T = TypeVar("T")
RECEIVED_MS = 1_790_000_000_000

Answer = Callable[[Request], Any]


def encoded(document: Any) -> bytes:
    """`document` as bytes of JSON, or as it is where it is bytes already."""
    return document if isinstance(document, bytes) else json.dumps(document).encode()


def asked(
    conversation: Conversation[T], answer: Answer, headers: Mapping[str, str] | None = None
) -> tuple[T, list[Request]]:
    """What `conversation` returns where `answer(request)` is the body of each reply, or an error
    that it raises; and its requests."""
    requests: list[Request] = []

    def ask(request: Request) -> Reply:
        requests.append(request)
        return Reply(encoded(answer(request)), RECEIVED_MS, headers or {})

    return converse(conversation, ask), requests
