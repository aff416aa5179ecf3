"""The route of metrics; and what deploy/ asks of them."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import ROOT
from tests.support.api_world import BTC, World, again, refused
from tests.support.wsgi import ask

Samples = dict[tuple[str, ...], float]


def scrape(app: Any) -> Samples:
    """Each sample by its name and the values of its labels, which are rendered by their names."""
    answer = ask(app, "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def fill(world: World) -> None:
    """A row of everything that metrics are about."""
    world.execute(
        """UPDATE feed SET standby_since = 5.0, reconnects = 3,
            reasons = '{"rejected": {"price": 2}, "ignored": {"greeting": 1}}'""",
        "INSERT INTO comparison (compared_at, source, exchange, symbol, field, difference_pct,"
        f" outcome) VALUES ({world.wall}, 'w', 'binance', 'S', 'mark_price', 0.02, 'match'),"
        f" ({world.wall}, 'w', 'binance', 'S', 'mark_price', 2.0, 'significant')",
        "INSERT INTO event (at, source, kind, detail, program) VALUES"
        f" ({world.wall - 9}, 'x', 'start', '', 'x'), ({world.wall}, 'w', 'restart', '', 'x')",
        "INSERT INTO rest_usage VALUES"
        f" ({int(world.wall // 60) - 1}, 'c', 'premiumIndex', 2, 20, 'binance')",
        "INSERT INTO validation (at, verdict, since, until, report)"
        f" VALUES ({world.wall}, 'GO', 0, {world.wall}, '{{}}')",
    )


def test_what_the_store_says(world: World) -> None:
    fill(world)
    found = scrape(world.app())
    expected: Samples = {
        ("funding_data_fresh", "binance"): 1.0,
        ("funding_data_healthy", "binance"): 1.0,
        ("funding_data_fresh", "kucoin"): 0.0,
        ("funding_last_quote_timestamp_seconds", "binance"): world.wall,
        ("funding_symbols", "binance", "fresh", "UNKNOWN"): 4.0,
        ("funding_feed_connected", "binance"): 1.0,
        ("funding_feed_started_timestamp_seconds", "binance"): world.wall,
        ("funding_feed_standby_since_timestamp_seconds", "binance"): 5.0,
        ("funding_feed_reconnects_total", "binance"): 3.0,
        ("funding_feed_accepted_total", "binance"): 4.0,
        ("funding_feed_rejected_total", "binance", "price"): 2.0,
        ("funding_feed_ignored_total", "binance", "greeting"): 1.0,
        ("funding_comparisons_last_hour", "binance", "match"): 1.0,
        ("funding_comparisons_last_hour", "binance", "significant"): 1.0,
        ("funding_difference_percent_bucket", "binance", "mark_price", "0.01"): 0.0,
        ("funding_difference_percent_bucket", "binance", "mark_price", "0.05"): 1.0,
        ("funding_difference_percent_bucket", "binance", "mark_price", "+Inf"): 2.0,
        ("funding_difference_percent_gsum", "binance", "mark_price"): 2.02,
        ("funding_program_started_timestamp_seconds", "x"): world.wall - 9,
        ("funding_program_ends_last_day", "restart", "x"): 1.0,
        ("funding_rest_weight_last_minute", "binance"): 20.0,
        ("funding_rest_weight_today", "binance"): 20.0,
        ("funding_rest_calls_today", "binance"): 2.0,
        ("funding_rest_weight_saved_today", "binance"): -20.0,
        ("funding_validation_go", "binance"): 1.0,
        ("funding_validation_timestamp_seconds", "binance"): world.wall,
        ("funding_validation_lapses_timestamp_seconds", "binance"): world.wall + 7 * 86_400,
        ("funding_posts_waiting",): 0.0,
    }
    assert {key: found.get(key) for key in expected} == pytest.approx(expected)
    assert ("funding_feed_connected", "kucoin") not in found


def test_what_the_process_says(world: World) -> None:
    found = scrape(world.app())
    assert found["funding_api_memory_bytes", "api_00"] > 1_000_000
    assert found["funding_api_duration_seconds_count", "short", "api_00"] == 0.0


def test_two_processes_tell_one_truth(world: World) -> None:
    fill(world)
    first, second = scrape(world.app()), scrape(world.app())
    both = [
        {key: value for key, value in each.items() if not key[0].startswith("funding_api_")}
        for each in (first, second)
    ]
    assert both[0] == both[1]


def test_a_second_scrape_within_a_second_costs_nothing(world: World) -> None:
    app = world.app()
    first = ask(app, "/metrics").body
    world.later(0.5)
    world.frame(again(BTC, 1))
    assert ask(app, "/metrics").body == first
    world.later(0.6)
    assert scrape(app)["funding_feed_accepted_total", "binance"] == 5.0


def test_the_past_is_read_again_after_ten_seconds(world: World) -> None:
    app = world.app()
    scrape(app)
    fill(world)
    world.later(9)
    assert ("funding_validation_go", "binance") not in scrape(app)
    world.later(2)
    assert scrape(app)["funding_validation_go", "binance"] == 1.0


def test_stale_symbols_are_told_apart(world: World) -> None:
    world.later(181)
    world.frame(again(BTC, 181))
    found = scrape(world.app())
    assert found["funding_symbols", "binance", "fresh", "UNKNOWN"] == 1.0
    assert found["funding_symbols", "binance", "stale", "UNKNOWN"] == 3.0


def test_no_metrics_without_a_database(bare: World) -> None:
    refused(ask(bare.app(), "/metrics"), 503, "not ready")


@pytest.mark.parametrize("name", ["alerts.yml", "grafana-dashboard.json"])
def test_what_deploy_asks_for_is_there(world: World, name: str) -> None:
    fill(world)
    text = (ROOT / "deploy" / name).read_text("utf-8")
    if name.endswith("json"):
        panels = json.loads(text)["panels"]
        text = "\n".join(each["expr"] for panel in panels for each in panel["targets"])
    asked = set(re.findall(r"\bfunding_\w+", text))
    assert len(asked) >= 8
    assert asked <= {key[0] for key in scrape(world.app())}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_rules_and_metrics(world: World) -> None:
    fill(world)
    rules = ["promtool", "check", "rules", str(ROOT / "deploy" / "alerts.yml")]
    subprocess.run(rules, check=True, capture_output=True)
    body = ask(world.app(), "/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
