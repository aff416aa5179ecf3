"""A delivery that is opened for a thread."""

from pathlib import Path

import pytest

from funding.errors import StoreError
from funding.model.alert import TargetName
from funding.notify.deliveries import opened_delivery
from funding.notify.targets import Target
from funding.settings.secret import Secret
from tests.support.clock import ManualClock, write

TARGET = Target(TargetName.WEBHOOK, "", Secret("http://127.0.0.1:1/x"))


def test_it_is_closed_with_its_store(tmp_path: Path) -> None:
    write(tmp_path / "funding.db", ManualClock().clock())
    with opened_delivery("alerts", TARGET, tmp_path / "funding.db") as delivery:
        assert delivery.waiting == 0
        assert not delivery.send_next()


def test_a_store_of_invented_quotes_is_refused_where_rest_is_real(tmp_path: Path) -> None:
    write(tmp_path / "funding.db", ManualClock().clock())
    path = tmp_path / "funding.db"
    with (
        opened_delivery("x", TARGET, path, "fapi.binance.com") as delivery,
        pytest.raises(StoreError),
    ):
        delivery._store.complete("x", None, 1.0, [], [], [])
