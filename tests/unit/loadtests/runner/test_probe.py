"""What the probe before the load concludes, case by case."""

from __future__ import annotations

import msgspec
import pytest

from loadtests.arrivals import Mix, Plan, Poisson, Schedule, Stream, next_recipient
from loadtests.runner.probe import (
    ApiAnswer,
    AtProvider,
    ProbeFacts,
    ProbeFailed,
    ProbeNames,
    ProbePassed,
    ProbeRefusal,
    decide,
    probe_refusal_text,
)

AROUND = ProbeNames("shop", "http://127.0.0.1:8080/send", "http://127.0.0.1:9500", True, 5.0)
ACCEPTED = ApiAnswer("accepted", 202)
AT_PROVIDER = AtProvider(requests=1, accepted=True, report_url="http://127.0.0.1:8080/dlr/secret?token=x")
UNAUTHORIZED = ProbeRefusal("smsapi", 200, "unauthorized", "101", "Authorization failed")
THROTTLED = ProbeRefusal("smsapi", 200, "throttled_requests", "202", "Too many queries")


def cause(**facts: object) -> str:
    verdict = decide(msgspec.structs.replace(ProbeFacts(1.0), **facts), AROUND)
    assert isinstance(verdict, ProbeFailed), verdict
    assert "\n" not in verdict.cause
    return verdict.cause


def passed(**facts: object) -> tuple[str, ...]:
    verdict = decide(msgspec.structs.replace(ProbeFacts(1.0), **facts), AROUND)
    assert isinstance(verdict, ProbePassed), verdict
    return verdict.notes


def waits(**facts: object) -> bool:
    return decide(msgspec.structs.replace(ProbeFacts(1.0), **facts), AROUND) is None


def test_accepted_by_api_and_provider_is_enough() -> None:
    assert passed(answer=ACCEPTED, provider=AT_PROVIDER) == ()
    assert waits(answer=None, provider=AT_PROVIDER)  # the API has the last word


def test_a_target_that_does_not_answer() -> None:
    text = cause(answer=ApiAnswer("failed", 0, "Connection refused"), provider=AtProvider())
    assert text == (
        "shop gave no answer at http://127.0.0.1:8080/send (Connection refused): start it, or correct "
        "its address"
    )
    assert waits(answer=None, provider=AtProvider())
    text = cause(elapsed_s=5.0, answer=None, provider=AtProvider())
    assert text == (
        "shop did not answer the probe within 5 s at http://127.0.0.1:8080/send "
        "(for a sender that may take longer to answer: --probe-timeout S or --no-probe)"
    )


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "check the credential in [request.headers] of the target file"),
        (404, "check whether [request] of the target file is what it expects"),
        (422, "check whether [request] of the target file is what it expects"),
        (200, "check whether [accepted] of the target file describes its reply"),
    ],
)
def test_an_api_that_refuses(status: int, hint: str) -> None:
    text = cause(answer=ApiAnswer("refused", status, f"HTTP {status}"), provider=AtProvider())
    assert text == f"shop refused the probe (HTTP {status}): {hint}"
    # Without a view of the provider the answer is all there is.
    assert cause(answer=ApiAnswer("refused", status, f"HTTP {status}")) == text


def test_an_api_that_fails_because_it_does_not_reach_the_provider() -> None:
    text = cause(answer=ApiAnswer("refused", 502, "HTTP 502"), provider=AtProvider())
    assert text == (
        "shop refused the probe (HTTP 502), and the mock provider got no request. See the log of shop first. "
        "Check the provider URL of shop: it should be http://127.0.0.1:9500"
    )
    text = cause(answer=ApiAnswer("refused", 502, "HTTP 502"), provider=AtProvider(refusals=(UNAUTHORIZED,)))
    assert text.endswith("because the mock provider refused it: 101, Authorization failed (wrong token)")


@pytest.mark.parametrize("refused_by_api", [False, True])
def test_a_wrong_token_says_where_the_right_one_is(refused_by_api: bool) -> None:
    around = msgspec.structs.replace(AROUND, token_file="shop.toml")
    answer = ApiAnswer("refused", 502, "HTTP 502") if refused_by_api else ACCEPTED
    provider = AtProvider(requests=1, refusals=(UNAUTHORIZED,))
    verdict = decide(ProbeFacts(1.0, answer=answer, provider=provider), around)
    assert isinstance(verdict, ProbeFailed)
    assert verdict.cause.endswith("(wrong token). Set the token of shop to provider.token of shop.toml")
    other = msgspec.structs.replace(UNAUTHORIZED, reason="invalid", code="13", text="")
    verdict = decide(
        ProbeFacts(1.0, answer=answer, provider=AtProvider(requests=1, refusals=(other,))), around
    )
    assert isinstance(verdict, ProbeFailed) and "token" not in verdict.cause


def test_an_api_that_refuses_what_the_mock_provider_accepted_is_described_wrongly() -> None:
    text = cause(answer=ApiAnswer("refused", 201, "HTTP 201"), provider=AT_PROVIDER)
    assert "the mock provider accepted its message: check whether [accepted]" in text


def test_accepted_and_never_seen() -> None:
    assert waits(answer=ACCEPTED, provider=AtProvider())
    text = cause(elapsed_s=5.0, answer=ACCEPTED, provider=AtProvider())
    assert text == (
        "shop answered 202, and the mock provider got no request within 5 s. Check the provider URL of shop: "
        "it should be http://127.0.0.1:9500 (for a sender that queues for longer: "
        "--probe-timeout S or --no-probe)"
    )


def test_a_lasting_refusal_stops_at_once_and_one_that_passes_at_the_timeout() -> None:
    refused = AtProvider(requests=1, refusals=(UNAUTHORIZED,))
    text = cause(answer=ACCEPTED, provider=refused)
    assert (
        text == "shop answered 202, and the mock provider refused it: 101, Authorization failed (wrong token)"
    )
    throttled = AtProvider(requests=1, refusals=(THROTTLED,))
    assert waits(answer=ACCEPTED, provider=throttled)
    assert "202, Too many queries" in cause(elapsed_s=5.0, answer=ACCEPTED, provider=throttled)
    # A provider of the user's own may have faults and limits that the run is about.
    notes = passed(elapsed_s=5.0, answer=ACCEPTED, provider=throttled, own_mock=False)
    assert "refuses messages now: 202, Too many queries" in notes[0]
    assert passed(elapsed_s=5.0, answer=ACCEPTED, provider=AtProvider(requests=1), own_mock=False)


def test_a_message_with_another_key_cannot_be_followed() -> None:
    text = cause(answer=ACCEPTED, provider=AtProvider(requests=1, other_key="4711"))
    assert "another key ('4711')" in text and "idx" in text


def test_a_report_that_was_requested_and_is_not_confirmed() -> None:
    """The sender would never know what is delivered, and every report of the load would be repeated."""
    quick = {"answer": ACCEPTED, "quick_report": True}
    assert passed(provider=msgspec.structs.replace(AT_PROVIDER, reported=True), **quick) == ()
    assert waits(provider=AT_PROVIDER, accepted_for_s=1.0, **quick)
    failing = msgspec.structs.replace(AT_PROVIDER, report_failure="HTTP 404")
    what_to_do = (
        "Check the report URL that shop gives to the provider, and that it answers with success (to measure "
        "it without reports: --no-probe)"
    )
    unconfirmed = "the delivery report of the probe was not confirmed: http://127.0.0.1:8080"
    refused = f"{unconfirmed} answered: HTTP 404"
    assert cause(provider=failing, accepted_for_s=2.0, **quick) == f"{refused}. {what_to_do}"
    silent = f"{unconfirmed} did not answer within 2 s"
    assert cause(provider=AT_PROVIDER, accepted_for_s=2.0, **quick) == f"{silent}. {what_to_do}"
    # The faults of a provider that the run did not start may be the reason.
    (note,) = passed(provider=failing, accepted_for_s=2.0, own_mock=False, **quick)
    assert note == f"{refused}; the run starts anyway"


def test_a_sender_may_request_no_reports() -> None:
    provider = msgspec.structs.replace(AT_PROVIDER, report_url="")
    notes = passed(answer=ACCEPTED, quick_report=True, provider=provider)
    assert notes == ("shop requests no delivery reports, so it does not know what is delivered",)


def test_without_access_to_the_provider_the_api_response_decides() -> None:
    assert "provider.admin_token" in passed(answer=ACCEPTED)[0]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (UNAUTHORIZED, "101, Authorization failed (wrong token)"),
        (ProbeRefusal("smsapi", 200, "unauthorized", "101"), "101, unauthorized (wrong token)"),
        (
            ProbeRefusal("twilio", 401, "unauthorized", "20003", "Authenticate"),
            "20003, Authenticate (wrong token)",
        ),
        (
            ProbeRefusal("generic", 422, "rejected", "", "The text takes too many segments."),
            "422, The text takes too many segments",
        ),
        (
            ProbeRefusal("/sms", 404, "", "http_404", "Not found"),
            "HTTP 404, it has no /sms: the path of the provider URL is wrong",
        ),
        (ProbeRefusal("smsapi", 503, "unavailable", "503"), "503, unavailable"),
    ],
)
def test_refusals_of_every_protocol_as_text(refusal: ProbeRefusal, words: str) -> None:
    assert probe_refusal_text(refusal) == words


def test_the_probes_ordinary_number_is_none_of_the_load() -> None:
    plan = Plan(streams=(Stream(Poisson(50.0, 10.0), mix=Mix(1.0, 1.0, 1.0)),), seed=3, key_tag="t")
    schedule = Schedule(plan)
    numbers = {schedule.message(slot).to for slot in range(len(schedule))}
    assert next_recipient(plan) not in numbers
    assert len(next_recipient(plan)) == 11
