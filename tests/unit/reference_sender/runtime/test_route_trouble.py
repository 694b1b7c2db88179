"""The log says why a route cannot be used, once, and when it works again."""

from __future__ import annotations

import logging

import pytest
from nanoseconds import S

from reference_sender.dispatch.values import Outcome, Result
from reference_sender.runtime.route_trouble import RouteTrouble

REFUSED = Result(Outcome.ROUTE_DOWN, reason="smsapi_101")
NOT_SENT = Result(Outcome.RETRYABLE, reason="connection_refused")
ACCEPTED = Result(Outcome.ACCEPTED, provider_id="1")


def test_a_refused_account_and_its_recovery_are_each_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    trouble = RouteTrouble()
    for second, result in enumerate((ACCEPTED, REFUSED, REFUSED, ACCEPTED, ACCEPTED)):
        trouble.answered(second * S, "main", [result, result])
    began, ended = [record.getMessage() for record in caplog.records]
    assert began.startswith("route main: the provider refuses the account or the address (smsapi_101)")
    assert ended == "route main works again"


def test_a_route_without_a_connection_names_the_host_and_the_port(caplog: pytest.LogCaptureFixture) -> None:
    RouteTrouble().answered(0, "main", [NOT_SENT])
    assert "check the host and the port of --route" in caplog.text


def test_the_log_does_not_say_that_messages_wait_if_there_is_another_route(
    caplog: pytest.LogCaptureFixture,
) -> None:
    RouteTrouble(alone=False).answered(0, "main", [NOT_SENT])
    assert caplog.text.rstrip().endswith("; other routes send its messages if they can")


def test_a_route_that_fails_and_works_in_turn_is_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trouble = RouteTrouble()
    for second in range(120):
        trouble.answered(second * S, "main", [ACCEPTED if second % 2 else NOT_SENT])
    assert len(caplog.records) == 4
    trouble.answered(121 * S, "other", [NOT_SENT])
    assert len(caplog.records) == 5


@pytest.mark.parametrize("reason", ["http_500", "smsapi_200"])
def test_an_internal_error_of_the_provider_is_not_logged(
    caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    RouteTrouble().answered(0, "main", [Result(Outcome.RETRYABLE, reason=reason)])
    RouteTrouble().answered(0, "main", [Result(Outcome.UNKNOWN, reason="timed_out")])
    assert not caplog.records
