"""The dashboard and the alert rules of docs/monitoring read metrics and labels that real processes have."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from promql_reading import reads
from waiting import eventually
from wire_provider import ADMIN_TOKEN

from mock_provider.app import ProviderConfig
from mock_provider.engine.counters import Counters, counters_by_name
from mock_provider.inbox.admin.metrics import COUNTERS, GAUGES
from mock_provider.testing import ProviderThread
from mock_provider.testing.running import changed_profile

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "docs" / "monitoring"
SENDER_TOKEN = "sender-token"
# The profile ``lab`` decides by the number: delivered, undelivered, throttled.
NUMBERS = ("+48100000000", "+48100000001")
OF_SEVERAL_ROUTES = ("weight_ratio", "delivery_ratio", "delivery_seconds", "health_ratio")
OF_THE_SCRAPE = {"instance", "job", "le"}

# By metric: label sets of its series.
Scrape = dict[str, list[Mapping[str, str]]]


def get(url: str, token: str, body: dict[str, Any] | None = None) -> bytes:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as reply:
        content = reply.read()
        assert isinstance(content, bytes)
        return content


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The text of ``/metrics`` of a sender and a provider that handled messages, by service."""
    store = tmp_path_factory.mktemp("sender") / "sender.db"
    policy = store.with_name("policy.toml")
    policy.write_text("quiet_hours.classes = []\nspending = {cost_per_segment = 0.5, daily_limit = 100}\n")
    with ExitStack() as running:
        config = ProviderConfig(changed_profile("lab"), admin_token=ADMIN_TOKEN, stop_grace_s=0.5)
        provider = running.enter_context(ProviderThread(config))
        route = f"smsapi+http://{provider.token}@{provider.url.removeprefix('http://')}?name=main"
        command = [sys.executable, "-m", "reference_sender", "--token", SENDER_TOKEN, "--route", route]
        command += ["--store", f"sqlite:///{store}", "--policy", str(policy)]
        sender = running.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        running.callback(sender.terminate)
        assert sender.stdout is not None
        url = json.loads(sender.stdout.readline())["url"]
        for message_class in ("otp", "marketing"):
            for number in NUMBERS:
                get(
                    f"{url}/v1/messages",
                    SENDER_TOKEN,
                    {"to": number, "text": "Hi", "message_class": message_class},
                )
        eventually(lambda: json.loads(get(f"{url}/v1/state", SENDER_TOKEN))["open"] == 0)
        eventually(lambda: b"route_balance_units{" in get(f"{url}/metrics", SENDER_TOKEN))
        yield {
            "sender": get(f"{url}/metrics", SENDER_TOKEN).decode(),
            "provider": get(f"{provider.url}/metrics", ADMIN_TOKEN).decode(),
        }


def series(scraped: Mapping[str, str]) -> Scrape:
    found: Scrape = {}
    for text in scraped.values():
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append(sample.labels)
    return found


def expressions() -> dict[str, str]:
    """By the title of a panel or the name of an alert."""
    dashboard = json.loads((PLACE / "grafana-dashboard.json").read_text(encoding="utf-8"))
    found = {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }
    rules = yaml.safe_load((PLACE / "alerts.yml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        found |= {rule["alert"]: rule["expr"] for rule in group["rules"]}
    return found


def unknown(expression: str, scrape: Scrape) -> Iterator[str]:
    """What the expression reads and the scrape does not have."""
    for read in reads(expression):
        if read.metric == "up":  # Prometheus' own
            continue
        labels = scrape.get(read.metric)
        if labels is None:
            yield f"no metric {read.metric}"
            continue
        missing = read.labels - OF_THE_SCRAPE - set().union(*labels)
        if missing:
            yield f"{read.metric} has no label {', '.join(sorted(missing))}"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(smsbench_sender_sent_total[5m])", "no metric smsbench_sender_sent_total"),
        (
            "sum by (route) (smsbench_sender_queued_messages) > 1",
            "smsbench_sender_queued_messages has no label route",
        ),
        (
            '-(smsbench_sender_queued_messages{lane="otp"} / 2)',
            "smsbench_sender_queued_messages has no label lane",
        ),
    ],
)
def test_a_wrong_expression_is_seen(scraped: dict[str, str], expression: str, expected: str) -> None:
    assert list(unknown(expression, series(scraped))) == [expected]


def test_dashboard_and_rules_read_what_exists(scraped: dict[str, str]) -> None:
    scrape, known = series(scraped), expressions()
    assert len(known) > 40
    assert not {name: faults for name, each in known.items() if (faults := list(unknown(each, scrape)))}


def test_label_values_of_the_rules_exist(scraped: dict[str, str]) -> None:
    """Except those that only a fault makes."""
    scrape = series(scraped)
    made_by_faults = {("reason", "no_report")}
    for expression in expressions().values():
        for read in reads(expression):
            for name, value in read.values:
                if read.metric != "up" and (name, value) not in made_by_faults:
                    assert value in {labels.get(name) for labels in scrape[read.metric]}, expression


def test_names_follow_one_scheme(scraped: dict[str, str]) -> None:
    for service, text in scraped.items():
        for family in text_string_to_metric_families(text):
            assert family.name.startswith(f"smsbench_{service}_"), family.name
            assert not re.search(r"_(ms|s|ns)$", family.name), family.name
            assert family.type in ("counter", "gauge", "histogram")
            assert family.type != "histogram" or family.name.endswith("_seconds"), family.name
            assert family.documentation


def test_the_page_lists_every_metric(scraped: dict[str, str]) -> None:
    """docs/monitoring.md, by the names of the scrape; a counter with its ``_total``."""
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(\w+)", page, re.MULTILINE))
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for text in scraped.values()
        for family in text_string_to_metric_families(text)
    }
    assert names - listed == set()
    optional = {
        "smsbench_provider_balance_points",
        *(f"smsbench_provider_tokens_{what}" for what in ("requests", "segments")),
    }
    optional |= {f"smsbench_sender_route_{what}" for what in OF_SEVERAL_ROUTES}
    assert listed - names - optional == set()


def test_sent_messages_are_counted(scraped: dict[str, str]) -> None:
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(scraped["sender"])
        for sample in family.samples
    }
    assert values["smsbench_sender_accepted_messages_total",] == 4
    assert values["smsbench_sender_sent_messages_total", "otp"] == 2
    assert values["smsbench_sender_ended_messages_total", "delivered", "otp"] == 1
    assert values["smsbench_sender_ended_messages_total", "failed", "marketing"] == 1
    assert values["smsbench_sender_undelivered_messages_total", "undelivered"] == 2
    assert values["smsbench_sender_delivery_duration_seconds_count", "otp"] == 1
    assert values["smsbench_sender_handover_duration_seconds_bucket", "+Inf", "otp"] == 2


def test_every_counter_and_gauge_of_the_provider_has_a_name() -> None:
    by_reason = ("refused_", "messages_refused_")
    named = {name for name in counters_by_name(Counters()) if not name.startswith(by_reason)}
    states = {"delivered", "undelivered", "expired", "rejected", "unknown"}
    assert named - states == set(COUNTERS)
    with ProviderThread(ProviderConfig(changed_profile("lab"), stop_grace_s=0.5)) as provider:
        gauges = {name for name in provider.state()["gauges"] if not name.startswith("queue_carrier_")}
    elsewhere = {"loop_lag_ms", "loop_core_wait_ms", "timer_late_ms", "report_calls_resent"}
    assert gauges - set(GAUGES) - elsewhere == set()


def test_the_provider_wants_its_admin_token(scraped: dict[str, str]) -> None:
    with ProviderThread(ProviderConfig(changed_profile("lab"), stop_grace_s=0.5)) as provider:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(f"{provider.url}/metrics", "wrong")
        assert b"smsbench_provider_open_messages 0.0" in get(f"{provider.url}/metrics", provider.admin_token)
