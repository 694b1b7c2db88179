"""The query of report calls: values in lists, values that are written once, dates."""

from __future__ import annotations

from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st
from nanoseconds import S

from mock_provider.engine.values import DeliveryReport, MessageState
from mock_provider.protocols.smsapi.answers import STATUS_CODES
from mock_provider.protocols.smsapi.reports import report_url
from mock_provider.settings.protocols import SmsapiSettings

# Fields whose value is written once if all reports share it. The others are written once per report.
SHARED = {"from", "points", "parts", "mcc", "mnc", "username"}
TEXTS = st.text(max_size=12)
REPORTS = st.builds(
    DeliveryReport,
    provider_id=st.from_regex("[0-9a-f]{1,24}", fullmatch=True),
    client_ref=st.none() | TEXTS,
    msisdn=st.from_regex("[0-9]{9,15}", fullmatch=True),
    sender_id=TEXTS,
    state=st.sampled_from([state for state in MessageState if state.value in STATUS_CODES]),
    reason=TEXTS,
    t_state_ns=st.integers(0, 10**6 * S),
    segments=st.integers(1, 255),
    price=st.floats(0, 100).map(lambda price: round(price, 4)),
    mcc=st.sampled_from(["260", "310", ""]),
    mnc=st.sampled_from(["01", "410", ""]),
    t_sent_ns=st.integers(0, 10**6 * S),
)


@given(REPORTS, TEXTS, st.integers(0, 2_000_000_000 * S))
def test_a_single_report_has_the_query_of_a_list_of_one(
    report: DeliveryReport, username: str, wall_offset_ns: int
) -> None:
    settings = SmsapiSettings(username=username)
    url = "http://127.0.0.1:9/dlr"
    alone = fields(report_url(url, [report], wall_offset_ns, settings))
    twice = fields(report_url(url, [report, report], wall_offset_ns, settings))
    expected = [(name, value if name in SHARED else f"{value},{value}") for name, value in alone]
    assert twice == expected


@given(
    st.lists(st.tuples(st.integers(0, 5 * S), st.integers(0, 5 * S)), min_size=1, max_size=20),
    st.integers(0, 2_000_000_000 * S),
)
def test_the_dates_are_the_whole_seconds_of_each_report(
    instants_ns: list[tuple[int, int]], wall_offset_ns: int
) -> None:
    reports = [
        DeliveryReport("1", None, "48500", "", MessageState.DELIVERED, "", state_ns, 1, 0.1, "", "", sent_ns)
        for state_ns, sent_ns in instants_ns
    ]
    found = dict(fields(report_url("http://127.0.0.1:9/dlr", reports, wall_offset_ns, SmsapiSettings())))
    for name, column in ("donedate", 0), ("sent_at", 1):
        expected = [(instants[column] + wall_offset_ns) // S for instants in instants_ns]
        assert [int(text) for text in found[name].split(",")] == expected


def fields(url: str) -> list[tuple[str, str]]:
    """Names and encoded values, in their order. A comma in a value is encoded, so a list stays a list."""
    query = urlsplit(url).query
    return [(name, value) for name, _, value in (field.partition("=") for field in query.split("&"))]
