"""KuCoin's REST replies: contracts, intervals, history in any paging, all quotes at once."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from funding.errors import RestGarbled, RestOverBudget, RestRefused, RestUnreachable
from funding.exchanges.exchange import Options, Request
from funding.exchanges.kucoin.rest import MANY_ROWS, KucoinRest
from funding.model.asset import Aliases
from funding.model.contract import ContractStatus
from tests.support.conversations import RECEIVED_MS, asked
from tests.support.decoding import damaged

OPTIONS = Options(
    *("wss://unused", "https://rest.test", "https://unified.test", "push"),
    aliases=Aliases({"XBT": "BTC"}),
)
REST = KucoinRest(OPTIONS)
HOUR = 3_600_000
XBT: dict[str, Any] = {
    "symbol": "XBTUSDTM",
    "baseCurrency": "XBT",
    "quoteCurrency": "USDT",
    "type": "FFWCSX",
    "status": "Open",
    "markPrice": 67810.0,
    "indexPrice": 67852.7,
    "fundingFeeRate": -7.1e-05,
    "fundingRateGranularity": 28_800_000,
    "currentFundingRateGranularity": 14_400_000,
    "fundingRateCap": 0.003,
    "fundingRateFloor": -0.003,
    "nextFundingRateTime": 25_242_841,
    "nextFundingRateDateTime": 1_787_184_000_000,
}


def good(data: Any) -> dict[str, Any]:
    return {"code": "200000", "data": data}


def exchange(rows: list[Any], announced: Any = ()) -> Any:
    def answer(request: Request) -> Any:
        if request.route == "contracts/active":
            return good(rows)
        if isinstance(announced, Exception):
            raise announced
        assert request.url == "https://unified.test/api/ua/v2/market/funding-rate"
        return good(list(announced))

    return answer


def test_contract_has_its_asset_and_the_interval_in_force() -> None:
    rows = [
        XBT,
        {**XBT, "symbol": "ETCUSDTM", "currentFundingRateGranularity": None},
        {**XBT, "symbol": "PAUSEDM", "status": "Paused", "fundingRateGranularity": 60_000},
        {**XBT, "symbol": "XBTMZ26", "type": "FFICSX"},
    ]
    rows[2]["currentFundingRateGranularity"] = 0
    found, requests = asked(REST.contracts(5.0), exchange(rows))
    assert [(each.symbol, each.status, each.funding_interval_hours) for each in found] == [
        ("XBTUSDTM", ContractStatus.TRADING, 4),
        ("ETCUSDTM", ContractStatus.TRADING, 8),
        ("PAUSEDM", ContractStatus.SETTLING, None),
    ]
    assert (found[0].base_asset, found[0].quote_asset, found[0].multiplier) == ("BTC", "USDT", 1.0)
    assert (found[0].rate_cap, found[0].rate_floor) == (0.003, -0.003)
    assert [request.weight for request in requests] == [3, 3]


@pytest.mark.parametrize(("now", "hours"), [(999.0, 8), (1_000.0, 1)])
def test_announced_interval_counts_from_its_time_on(now: float, hours: int) -> None:
    announced = {
        "symbol": "XBTUSDTM",
        "currentGranularity": 28_800_000,
        "newGranularity": HOUR,
        "newGranularityStartTime": 1_000_000,
    }
    index = {"symbol": ".XBTUSDTMFPI8H", "nextFundingRate": "0"}
    rows, _ = asked(REST.contracts(now), exchange([XBT], [announced, index]))
    (found,) = rows
    assert found.funding_interval_hours == hours
    change = (1, 1_000_000) if now < 1_000.0 else (None, None)
    assert (found.next_interval_hours, found.next_interval_time) == change
    announced["newGranularity"] = announced["currentGranularity"]
    rows, _ = asked(REST.contracts(now), exchange([XBT], [announced, index]))
    assert rows[0].next_interval_hours is None, "the same one is no change"


def test_contracts_do_without_the_announcements_and_not_without_the_list() -> None:
    found, _ = asked(REST.contracts(5.0), exchange([XBT], RestUnreachable("timed out")))
    assert found[0].funding_interval_hours == 4
    with pytest.raises(RestOverBudget):
        asked(REST.contracts(5.0), exchange([XBT], RestOverBudget("full", 9.0)))
    with pytest.raises(RestGarbled, match="no perpetual"):
        asked(REST.contracts(5.0), exchange([]))


def row(time: int, symbol: str = "XBTUSDTM", rate: Any = 6.5e-5) -> dict[str, Any]:
    return {"symbol": symbol, "fundingRate": rate, "timepoint": time}


ROWS = [row(n * HOUR + 1) for n in range(1, 721)]


def history_of(rows: list[Any], newest: bool) -> Any:
    """Some hundred rows of those asked for, newest first: the newest ones, or the oldest."""

    def answer(request: Request) -> Any:
        since, until = (int(request.parameters[name]) for name in ("from", "to"))
        within = [each for each in rows if since <= each["timepoint"] <= until]
        cut = within[-MANY_ROWS:] if newest else within[:MANY_ROWS]
        return good(cut[::-1])

    return answer


@pytest.mark.parametrize("newest", [True, False])
def test_month_of_hours_is_whole_whichever_rows_come_first(newest: bool) -> None:
    found, requests = asked(REST.history("XBTUSDTM", 0, 999 * HOUR), history_of(ROWS, newest))
    assert [each.funding_time for each in found] == [each["timepoint"] for each in ROWS]
    assert {request.weight for request in requests} == {5}
    assert len(requests) <= 16


def test_history_that_repeats_its_rows_ends() -> None:
    rows = ROWS[:MANY_ROWS]
    found, requests = asked(REST.history("XBTUSDTM", 0, 999 * HOUR), lambda _: good(rows))
    assert len(found) == MANY_ROWS
    assert len(requests) <= 3
    assert asked(REST.history("XBTUSDTM", 0, 1), lambda _: good(None))[0] == []


@pytest.mark.parametrize("bad", [row(1, "ETHUSDTM"), row(1, rate="nan"), row(1, rate=7.0), {}])
def test_history_of_another_contract_or_form_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(RestGarbled):
        asked(REST.history("XBTUSDTM", 0, HOUR), lambda _: good([bad]))


def test_refusal_in_the_body_is_an_error() -> None:
    with pytest.raises(RestRefused, match="code 300000: Symbol not exists"):
        asked(
            REST.history("NOPE", 0, HOUR),
            lambda _: {"code": "300000", "msg": "Symbol not exists"},
        )


@pytest.mark.parametrize("code", ["9" * 5_000, "", "x", "²"])
def test_code_that_is_no_number_is_a_refusal_all_the_same(code: str) -> None:
    with pytest.raises(RestRefused):
        asked(REST.history("XBTUSDTM", 0, HOUR), lambda _: {"code": code})


def test_snapshot_takes_the_time_and_not_the_countdown() -> None:
    rows = [XBT, {**XBT, "symbol": "OLDM", "nextFundingRateDateTime": None}]
    found, _ = asked(REST.snapshot(), exchange([*rows, {**XBT, "markPrice": None}]))
    assert [each.next_funding_time for each in found] == [1_787_184_000_000, None]
    assert {each.event_time for each in found} == {RECEIVED_MS}


def test_one_contract_is_a_row_without_a_list() -> None:
    found, (request,) = asked(REST.one("XBTUSDTM"), lambda _: good(XBT))
    assert (found.symbol, found.next_funding_time) == ("XBTUSDTM", 1_787_184_000_000)
    assert (request.url.rpartition("/api/")[2], request.weight) == ("v1/contracts/XBTUSDTM", 3)
    with pytest.raises(RestGarbled, match="no price"):
        asked(REST.one("XBTUSDTM"), lambda _: good({**XBT, "markPrice": None}))
    with pytest.raises(RestRefused):
        asked(REST.one("NOM"), lambda _: {"code": "300000", "msg": "Symbol not exists"})


def test_recorded_rows(recorded: Path) -> None:
    rows = json.loads((recorded / "kucoin" / "rest_rows_2026.json").read_bytes())
    active, ua = rows["contracts_active_row_2026-08-19"], rows["ua_v2_current_all_2026-09-13"]
    found, _ = asked(REST.contracts(1.8e9), exchange([active], ua["data"]))
    assert (found[0].base_asset, found[0].funding_interval_hours) == ("BTC", 8)
    history, _ = asked(
        REST.history("XBTUSDTM", 0, RECEIVED_MS), lambda _: rows["classic_history_2026-08-19"]
    )
    assert [each.funding_time for each in history] == [1_787_126_400_000, 1_787_155_200_000]
    quotes, _ = asked(REST.snapshot(), exchange([active]))
    assert quotes[0].next_funding_time == 1_787_184_000_000


def test_recorded_list_of_2023_has_a_countdown_alone(recorded: Path) -> None:
    body = (recorded / "kucoin" / "cryptomsgparser_contracts.ndjson").read_bytes()
    quotes, _ = asked(REST.snapshot(), lambda _: body)
    assert [each.symbol for each in quotes] == ["XBTUSDTM", "XBTUSDM"]
    assert [each.next_funding_time for each in quotes] == [None, None]


def answer_of(body: bytes) -> Any:
    return lambda _request: body


def test_damaged_reply_is_an_error_or_whole() -> None:
    for body in damaged(json.dumps(good([XBT])).encode()):
        with suppress(RestGarbled, RestRefused):
            assert len(asked(REST.snapshot(), answer_of(body))[0]) <= 1
