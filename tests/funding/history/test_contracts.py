"""The table of contracts: a real store and a scripted REST interface; and the service on the whole
recorded replies of a day with 123 contracts that are being settled."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from funding import errors
from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.exchange import Options
from funding.health.checks import check
from funding.health.data_checks import symbols_behind
from funding.health.facts import Facts
from funding.health.verdict import Limits, judge, trades
from funding.history.contracts import update_contracts
from funding.model.contract import ContractStatus
from funding.model.quote import Quote
from funding.rest.exchange_client import ExchangeClient
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.rest_usage import RestUsage
from tests.support.clock import ManualClock, feed_at, rows
from tests.support.compared_service import TIME, ComparedService, json_reply, premium, quote
from tests.support.http_script import Scripted, scripted


@pytest.fixture
def compared(tmp_path: Path) -> ComparedService:
    made = ComparedService(tmp_path / "funding.db", ManualClock())
    made.write(quote(), quote("ETHUSDT"))
    return made


EXCHANGE_INFO = "/fapi/v1/exchangeInfo"


def row(symbol: str, status: str = "TRADING") -> dict[str, object]:
    return {
        "symbol": symbol,
        "contractType": "PERPETUAL",
        "status": status,
        "quoteAsset": "USDT",
        "baseAsset": symbol.removesuffix("USDT"),
        "deliveryDate": 4_133_404_800_000,
    }


def update(service: ComparedService, *symbols: dict[str, object], quoted: Any = ()) -> None:
    """The exchange lists `symbols`, and has a price of BTCUSDT and of those in `quoted`."""
    intervals = [{"symbol": "BTCUSDT", "fundingIntervalHours": 4, "updateTime": None}]
    prices = [premium(name) for name in ("BTCUSDT", *quoted)]
    replies = json_reply({"symbols": list(symbols)}), json_reply(intervals), json_reply(prices)
    with scripted(*replies) as server:
        ask(service, server)
        assert server.paths[0] == EXCHANGE_INFO


def ask(service: ComparedService, server: Scripted) -> None:
    """The history program asks for the contracts once."""
    clock = service.hand.clock()
    with (
        closing(DurableConnection(service.path)) as store,
        closing(Reader(service.path, "binance", clock)) as reader,
    ):
        options = Options("ws://none", server.url)
        usage = RestUsage(store)
        client = ExchangeClient(BINANCE, options, "history", usage=usage, clock=clock)
        update_contracts(reader, store, client.contracts, clock.wall())
        client.close()


def statuses(service: ComparedService) -> dict[str, str]:
    return dict(rows(service.path, "SELECT symbol, status FROM contract ORDER BY symbol"))


def events(service: ComparedService) -> list[tuple[str, str, int]]:
    return rows(service.path, "SELECT kind, detail, count FROM event ORDER BY id")


def test_contracts_are_stored_with_what_is_only_quoted(compared: ComparedService) -> None:
    update(compared, row("BTCUSDT"), row("DEADUSDT", "SETTLING"), quoted=["EOSUSDT"])
    assert statuses(compared) == {
        "BTCUSDT": "TRADING", "DEADUSDT": "SETTLING", "EOSUSDT": "UNKNOWN",
    }  # fmt: skip
    assert events(compared) == [], "the first list of all changes nothing"
    hours = "SELECT funding_interval_hours FROM quote ORDER BY symbol"
    assert rows(compared.path, hours)[0] == (4,)


def test_each_kind_of_change_is_one_event(compared: ComparedService) -> None:
    names = ("BTCUSDT", "ETHUSDT", "AUSDT", "BUSDT", "CUSDT")
    update(compared, *map(row, names))
    update(compared, *map(row, names))
    assert events(compared) == []
    update(
        compared,
        *map(row, names[:2]),
        *(row(name, "SETTLING") for name in names[2:4]),
        row("NEWUSDT", "PENDING_TRADING"),
    )
    assert events(compared) == [
        ("contract", "TRADING → SETTLING: AUSDT, BUSDT", 2),
        ("listed", "listed, PENDING: NEWUSDT", 1),
        ("delisted", "not listed any more: CUSDT", 1),
    ]
    assert "CUSDT" not in statuses(compared)


def test_last_quote_of_a_delisted_contract_loses_its_score(compared: ComparedService) -> None:
    update(compared, row("BTCUSDT"), row("ETHUSDT"))
    with closing(DurableConnection(compared.path)) as store, store.transaction() as connection:
        connection.execute("UPDATE quote SET z_score = 4, percentile = 99, zone = 'extreme'")
    update(compared, row("BTCUSDT"))
    assert rows(compared.path, "SELECT z_score, zone FROM quote ORDER BY symbol") == [
        (4.0, "extreme"),
        (None, None),
    ]


def test_empty_list_deletes_nothing(compared: ComparedService) -> None:
    update(compared, row("BTCUSDT"))
    with pytest.raises(errors.RestGarbled, match="lists no contract"):
        update(compared)
    assert statuses(compared)["BTCUSDT"] == "TRADING"


def test_health_stands_the_mix_of_a_real_day(recorded: Path, tmp_path: Path) -> None:
    """What does not trade stands still: nobody is behind, stale or missed, and its fresh quotes do
    not make up for symbols that trade."""
    folder, service = recorded / "binance", ComparedService(tmp_path / "f.db", ManualClock())
    prices = json.loads((folder / "premiumIndex_full_2026-07-04T1556Z.json").read_bytes())
    everything = [quote(each["symbol"]) for each in prices]
    service.write(*everything)
    info = json.loads((folder / "exchangeInfo_full_2026-07-08.json").read_bytes())
    replies = json_reply(info), json_reply([]), json_reply(prices)
    with scripted(*replies) as server:
        ask(service, server)
    store = DurableConnection(service.path)
    alive = {
        symbol
        for symbol, each in Contracts(store).of("binance").items()
        if each.status is ContractStatus.TRADING
    }
    assert len(alive) == 695
    later = [newer(each, 100) for each in everything if each.symbol in alive]
    service.hand.advance(100)
    service.write(*later)

    def facts() -> Facts:
        reader = Reader(service.path, "binance", service.hand.clock())
        quotes = [each for each in reader.all() if trades(each)]
        reader.close()
        ages = {each.symbol: each.age_seconds for each in quotes}
        return Facts(
            Limits(180.0, 690), feed=feed_at(service.hand.clock()), heartbeat_age=0.0,
            last_frame_age=0.0, quote_ages=ages,
        )  # fmt: skip

    assert symbols_behind(facts()) == []
    service.hand.advance(81)
    service.write(*(newer(each, 181) for each in later))
    assert not [each for each in check(facts()) if each.check in ("stale", "behind", "symbols")
                and each.level != "INFO"]  # fmt: skip
    assert facts().data.symbol_count == 695
    service.hand.advance(181)
    service.write(*(newer(each, 362) for each in everything if each.symbol not in alive))
    found = facts()
    assert (
        judge(found.feed, list(found.quote_ages.values()), found.limits, 0.0).stale_symbols == 695
    )
    store.close()


def newer(each: Quote, seconds: int) -> Quote:
    return quote(each.symbol, event_time=TIME + seconds * 1000)
