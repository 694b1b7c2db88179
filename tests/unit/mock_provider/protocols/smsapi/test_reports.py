"""One report is written by a shorter way than several: both must give the same query."""

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


def fields(url: str) -> list[tuple[str, str]]:
    """Names and encoded values, in their order. A comma in a value is encoded, so a list stays a list."""
    query = urlsplit(url).query
    return [(name, value) for name, _, value in (field.partition("=") for field in query.split("&"))]
