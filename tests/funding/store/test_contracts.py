"""What the exchange lists, and what is read of it with the quotes."""

from pathlib import Path

import pytest

from funding.model.contract import ContractStatus
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from tests.support.clock import ManualClock, rows, write
from tests.support.store import contract, quote, reading


def test_all_contracts_of_an_exchange_are_replaced_at_once(
    store: DurableConnection, path: Path
) -> None:
    contracts = Contracts(store)
    other = contract("BTCUSDT", exchange="kucoin")
    contracts.replace("kucoin", [other])
    old = [contract("BTCUSDT"), contract("OLDUSDT"), contract("币安人生USDT")]
    contracts.replace("binance", old)
    assert contracts.of("binance") == {each.symbol: each for each in old}
    with store.transaction() as connection:  # a column of the user's own
        connection.execute("ALTER TABLE contract ADD COLUMN note TEXT")
        connection.execute("UPDATE contract SET note = 'mine' WHERE symbol = 'BTCUSDT'")
    new = [contract("BTCUSDT", status=ContractStatus.SETTLING, hours=4), contract("NEWUSDT")]
    contracts.replace("binance", new)
    assert contracts.of("binance") == {each.symbol: each for each in new}
    assert contracts.of("kucoin") == {"BTCUSDT": other}
    assert rows(path, "SELECT note FROM contract WHERE hex(note)") == [("mine",)] * 2


def test_a_failure_leaves_the_contracts_that_were_there(store: DurableConnection) -> None:
    contracts = Contracts(store)
    contracts.replace("binance", [contract("BTCUSDT")])
    with pytest.raises(Exception, match="CHECK"):
        contracts.replace("binance", [contract("NEWUSDT"), contract("BADUSDT", multiplier=0.0)])
    assert list(contracts.of("binance")) == ["BTCUSDT"]


def test_quotes_carry_the_status_of_their_contract(store: DurableConnection, path: Path) -> None:
    hand = ManualClock()
    write(path, hand.clock(), [quote("BTCUSDT"), quote("ODDUSDT")])
    contracts = Contracts(store)
    contracts.replace("kucoin", [contract("ODDUSDT", exchange="kucoin")])
    with reading(path, hand) as reader:
        assert [each.status for each in reader.all()] == [None, None], "nobody has asked yet"
        contracts.replace("binance", [contract("btcusdt", status=ContractStatus.SETTLING)])
        assert {each.symbol: each.status for each in reader.all()} == {
            "BTCUSDT": ContractStatus.SETTLING,
            "ODDUSDT": ContractStatus.UNKNOWN,
        }
        one = reader.one("BTCUSDT")
        assert one is not None
        assert one.status is ContractStatus.SETTLING
    assert rows(path, "SELECT symbol, status FROM latest ORDER BY symbol") == [
        ("BTCUSDT", "SETTLING"),
        ("ODDUSDT", "UNKNOWN"),
    ]
