"""The targets that are configured."""

from funding.model.alert import TargetName
from funding.notify.targets import Target, alert_targets, configured_targets, signal_targets
from funding.settings import alerts
from funding.settings.consumers import read
from funding.settings.secret import Secret
from funding.store.outbox import Due
from tests.support.fake_backend import CHAT, KEY, TOKEN


def test_targets_with_an_address_and_a_key() -> None:
    assert configured_targets(read({})) == []
    found = configured_targets(
        read(
            {
                "VOLSPIKE_API_URL": "https://b.example", "VOLSPIKE_API_KEY": KEY,
                "VOLSPIKE_API_URL_DEV": "https://d.example", "VOLSPIKE_API_KEY_DEV": "dev",
                "TELEGRAM_TOKEN": TOKEN, "CHAT_ID": CHAT,
            }
        )
    )  # fmt: skip
    assert found == [
        Target(TargetName.BACKEND, "https://b.example", Secret(KEY)),
        Target(TargetName.BACKEND_DEV, "https://d.example", Secret("dev")),
        Target(TargetName.TELEGRAM, "https://api.telegram.org", Secret(TOKEN), Secret(CHAT)),
    ]


def test_targets_of_signals() -> None:
    texts = {
        "VOLSPIKE_API_URL": "https://b.example", "VOLSPIKE_API_KEY": KEY,
        "TELEGRAM_TOKEN": TOKEN, "CHAT_ID": CHAT,
        "FUNDING_SIGNAL_WEBHOOK_URL": "https://hooks.example/secret",
    }  # fmt: skip
    found = signal_targets(read(texts))
    assert [target.name for target in found] == ["telegram", "webhook"]
    assert "secret" not in repr(found)
    names = [each.name for each in signal_targets(read(texts | {"FUNDING_SIGNAL_BACKEND": "1"}))]
    assert names == ["backend", "telegram", "webhook"]
    assert signal_targets(read({})) == []
    assert "webhook" not in [each.name for each in configured_targets(read(texts))]


def test_webhook_is_asked_at_its_own_address() -> None:
    (hook,) = signal_targets(read({"FUNDING_SIGNAL_WEBHOOK_URL": "https://hooks.example/secret"}))
    due = Due(1, "", "key", '{"text": "x"}', 1, 0.0)
    assert hook.request(due) == (
        "https://hooks.example/secret", {"Idempotency-Key": "key"}, b'{"text": "x"}'
    )  # fmt: skip


def test_targets_of_alerts() -> None:
    texts = {
        "TELEGRAM_TOKEN": TOKEN, "CHAT_ID": CHAT,
        "FUNDING_ALERT_URL": "https://hooks.example/secret",
    }  # fmt: skip
    found = alert_targets(alerts.read(texts))
    assert found == [
        Target(TargetName.TELEGRAM, "https://api.telegram.org", Secret(TOKEN), Secret(CHAT)),
        Target(TargetName.WEBHOOK, "", Secret("https://hooks.example/secret")),
    ]
    assert "secret" not in repr(found)
    assert alert_targets(alerts.read({})) == []
