"""A provider that has no report of the carrier says so: the outcome is unknown, not a failure."""

from __future__ import annotations

import pytest

from reference_sender.dispatch.message_states import UNCERTAIN_REASONS
from reference_sender.dispatch.values import Report, State
from reference_sender.routes.generic.reports import report_of
from reference_sender.routes.protocol import ProviderReply, RouteAccount
from reference_sender.routes.smsapi.reports import reports
from reference_sender.routes.smsapi.status import SmsapiStatusQuery


def from_smsapi_status() -> Report:
    reply = ProviderReply(200, b'{"count": 1, "list": [{"id": "a", "status": "UNKNOWN"}]}')
    found = SmsapiStatusQuery(RouteAccount("http://127.0.0.1", "", "token", "")).found("a", "k", reply)
    assert found is not None
    return found


def test_a_status_of_another_message_is_not_this_one_s() -> None:
    reply = ProviderReply(200, b'{"count": 1, "list": [{"id": "b", "status": "DELIVERED"}]}')
    query = SmsapiStatusQuery(RouteAccount("http://127.0.0.1", "", "token", ""))
    assert query.found("a", "k", reply) is None


@pytest.mark.parametrize(
    "report",
    [
        reports("MsgId=a&status=408&idx=k")[0],
        from_smsapi_status(),
        report_of("a", "k", "unknown", "no_report_from_operator"),
    ],
    ids=["smsapi report", "smsapi status", "generic"],
)
def test_a_report_that_says_unknown(report: Report) -> None:
    assert report == Report("a", "k", State.EXPIRED, "unknown")
    assert report.reason in UNCERTAIN_REASONS
