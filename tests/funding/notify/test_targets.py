"""The targets that are configured."""

from funding.model.alert import TargetName
from funding.notify.targets import Target, configured_targets
from funding.settings.consumers import read
from funding.settings.secret import Secret
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
