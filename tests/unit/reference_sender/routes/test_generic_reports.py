"""Report calls of the generic API that carry a signature and cannot be read."""

from __future__ import annotations

import hmac
import json

import pytest

from reference_sender.routes.generic.reports import read_signed_reports
from reference_sender.routes.protocol import MAX_REPORTS, MalformedReport, ReportRequest

ITEM = {"id": "p-1", "state": "delivered", "reference": "k-1"}


def call(body: bytes) -> ReportRequest:
    signature = "sha256=" + hmac.digest(b"token", body, "sha256").hex()
    return ReportRequest("POST", "http://127.0.0.1/r", {"X-Signature": signature}, body)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"reports": 1}', b'{"reports": [{"id": "p-1"}]}', b"\xff"])
def test_a_signed_body_that_is_no_list_of_reports_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReport, match="not a list of reports"):
        read_signed_reports(call(body), "token")


def test_a_call_has_a_largest_number_of_reports() -> None:
    bodies = [json.dumps({"reports": [ITEM] * count}).encode() for count in (MAX_REPORTS, MAX_REPORTS + 1)]
    assert len(read_signed_reports(call(bodies[0]), "token")) == MAX_REPORTS
    with pytest.raises(MalformedReport, match="at most 10000 reports, not 10001"):
        read_signed_reports(call(bodies[1]), "token")
