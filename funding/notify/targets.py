"""Where posts are sent, and what a request to each target looks like."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from funding.model.alert import TargetName
from funding.settings.alerts import AlertSettings
from funding.settings.consumers import ConsumerSettings
from funding.settings.secret import Secret
from funding.store.outbox import Due


class Target(NamedTuple):
    """Where posts are sent. `address` has no secret in it; `key` goes into a header, or for
    Telegram into the path, with `chat` in the body. A webhook's address is its `key`."""

    name: TargetName
    address: str
    key: Secret
    chat: Secret = Secret("")

    def request(self, post: Due) -> tuple[str, dict[str, str], bytes]:
        """Address, headers and body that carry `post`."""
        if self.name is TargetName.WEBHOOK:
            # All of its address may be a secret, as Slack's is.
            headers = {"Idempotency-Key": post.idempotency_key}
            return self.key.reveal(), headers, post.body.encode()
        if self.name is TargetName.TELEGRAM:
            path = f"{self.address}/bot{self.key.reveal()}/sendMessage"
            return path, {}, _with_chat(post.body, self.chat.reveal())
        headers = {"X-API-Key": self.key.reveal(), "Idempotency-Key": post.idempotency_key}
        return self.address + post.path, headers, post.body.encode()


def configured_targets(settings: ConsumerSettings) -> list[Target]:
    """The targets that have an address and a key."""
    found = [
        Target(TargetName.BACKEND, settings.volspike_api_url, settings.volspike_api_key),
        Target(
            TargetName.BACKEND_DEV, settings.volspike_api_url_dev, settings.volspike_api_key_dev
        ),
        Target(
            TargetName.TELEGRAM, settings.telegram_url, settings.telegram_token, settings.chat_id
        ),
    ]
    return [target for target in found if target.address and target.key]


def signal_targets(settings: ConsumerSettings) -> list[Target]:
    """The targets of signals: the webhook, Telegram and, where that is wanted, the backends."""
    backends = (TargetName.BACKEND, TargetName.BACKEND_DEV)
    found = [
        target
        for target in configured_targets(settings)
        if settings.signal_backend or target.name not in backends
    ]
    if settings.signal_webhook_url:
        found.append(Target(TargetName.WEBHOOK, "", settings.signal_webhook_url))
    return found


def alert_targets(settings: AlertSettings) -> list[Target]:
    """Who is told how the service is: the webhook, and Telegram."""
    telegram = settings.telegram_url, settings.telegram_token, settings.chat_id
    found = [Target(TargetName.TELEGRAM, *telegram)] if all(telegram) else []
    if settings.alert_url:
        found.append(Target(TargetName.WEBHOOK, "", settings.alert_url))
    return found


def _with_chat(body: str, chat: str) -> bytes:
    fields: Mapping[str, object] = msgspec.json.decode(body)
    return msgspec.json.encode({"chat_id": chat, **fields})
