"""The pure parts of the Twilio protocol."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nanoseconds import S
from protocol_calls import twilio_with

from mock_provider.engine.draws import id_of
from mock_provider.engine.values import (
    DeliveryReport,
    MessageState,
    Refused,
    ReportStage,
    SendProgress,
    Submit,
)
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.twilio.addresses import read_recipient, read_sender, sender_of
from mock_provider.protocols.twilio.credentials import Credentials, read_credentials
from mock_provider.protocols.twilio.errors import (
    ERRORS,
    RequestFacts,
    TwilioError,
    refusal_reply,
)
from mock_provider.protocols.twilio.form import MalformedFormError, count_of, parse_form
from mock_provider.protocols.twilio.memo import TwilioMemo, read_memo, write_memo
from mock_provider.protocols.twilio.openapi import document
from mock_provider.protocols.twilio.phone_numbers import numbers_of, numbers_page, read_numbers_query
from mock_provider.protocols.twilio.reports import signature, status_callbacks
from mock_provider.protocols.twilio.send import read_create
from mock_provider.protocols.twilio.smart_encoding import REPLACEMENTS
from mock_provider.protocols.twilio.statuses import (
    ERROR_WORDS,
    TwilioStatus,
    failure_of,
    outcome_of,
)
from mock_provider.protocols.twilio.times import read_day_s, read_instant_s
from mock_provider.settings.protocols import TwilioSettings
from mock_provider.settings.protocols.twilio import MessagingService
from mock_provider.settings.sections import AccountSettings
from mock_provider.settings.values import Refusal

SMART_ENCODING = json.loads(
    (Path(__file__).parents[4] / "vectors" / "smart_encoding.json").read_text("utf-8")
)["replacements"]
ACCOUNT, SERVICE = "AC" + "0" * 32, "MG" + "a" * 32
AT = Instants(5 * S, 1_000_000.0)
SETTINGS = TwilioSettings(
    messaging_services=(MessagingService(sid=SERVICE, senders=("+15017122661", "Acme")),)
)


def submit_of(**fields: str) -> Submit:
    wanted = {"To": "+48500100200", "From": "+15017122661", "Body": "x"} | fields
    return read_create(wanted, 0, Credentials(ACCOUNT, "t"), 7, AT, SETTINGS).submit


def test_the_signature_is_that_of_twilios_own_example() -> None:
    parameters = [
        ("CallSid", "CA1234567890ABCDE"),
        ("From", "+12349013030"),
        ("Digits", "1234"),
        ("To", "+18005551212"),
        ("Caller", "+12349013030"),
    ]
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, parameters) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


def test_a_create_as_a_submit() -> None:
    submit = submit_of(
        Body="#Kj-1# hello", StatusCallback="http://localhost/s", ValidityPeriod="60", MessageIntent="otp"
    )
    assert (submit.request_id, submit.protocol, submit.token, submit.sender_id) == (
        7,
        "twilio",
        "t",
        "+15017122661",
    )
    (message,) = submit.messages
    assert (message.msisdn, message.submitted_number, message.key) == ("48500100200", "+48500100200", "j-1")
    assert (message.client_ref, message.segments, submit.memo) == (None, 1, ACCOUNT)
    assert (submit.reports.address, submit.reports.progress) == ("http://localhost/s", True)
    assert submit.expires_ns == AT.now_ns + 60 * S
    options = submit.options
    assert (options.expires_in_queue, submit.scheduled_ns, options.message_class.value) == (True, None, "otp")


def test_a_validity_counts_from_when_a_scheduled_message_is_due() -> None:
    submit = submit_of(
        MessagingServiceSid=SERVICE,
        ScheduleType="fixed",
        SendAt="1970-01-12T14:46:40Z",  # 1,000,000 s and an hour
        ValidityPeriod="10",
    )
    assert submit.scheduled_ns == AT.now_ns + 3_600 * S
    assert submit.expires_ns == AT.now_ns + 3_610 * S


@pytest.mark.parametrize(("listed", "replacement"), SMART_ENCODING)
def test_smart_encoding_saves_a_segment(listed: str, replacement: str) -> None:
    character = chr(int(listed.removeprefix("U+"), 16))
    text = "a" * 120 + character
    assert submit_of(Body=text).messages[0].segments == 2
    smart = submit_of(Body=text, SmartEncoded="true").messages[0]
    assert (smart.segments, smart.text) == (1, "a" * 120 + replacement)


def test_smart_encoding_is_twilios_list_and_no_more() -> None:
    assert len(SMART_ENCODING) == len(REPLACEMENTS) == 271
    # Accents are not on the list: SMSAPI's normalize takes them off, Twilio does not.
    assert submit_of(Body="łódka “x”", SmartEncoded="true").messages[0].text == 'łódka "x"'


def test_a_message_with_media_has_ids_of_its_own() -> None:
    wanted = {"To": "+48500100200", "From": "+15017122661"}
    media = read_create(wanted, 1, Credentials(ACCOUNT, "t"), 7, AT, SETTINGS).submit
    assert (media.options.id_style, submit_of().options.id_style) == ("media_sid", None)
    assert id_of(bytes(48), "media_sid") == "MM" + "0" * 32


@pytest.mark.parametrize(
    ("to", "read"),
    [
        ("+48500100200", "48500100200"),
        ("+1 (501) 712-2661", "15017122661"),
        ("15017122661", "15017122661"),
        ("+1234567", 21211),
        ("+" + "1" * 16, 21211),
        ("+0123456789", 21211),
        ("++48500100200", 21211),
        ("٤٨٥٠٠١٠٠٢٠٠", 21211),
        ("+48221234567", 21614),  # a landline of Warsaw
    ],
)
def test_recipients(to: str, read: str | int) -> None:
    if isinstance(read, str):
        assert read_recipient(to) == read
        return
    with pytest.raises(TwilioError) as refused:
        read_recipient(to)
    assert refused.value.code == read


@pytest.mark.parametrize(
    ("sender", "read"),
    [
        ("+1 501-712-2661", "+15017122661"),
        ("15017122661", "+15017122661"),
        ("12345", "12345"),
        ("My Shop 24", "My Shop 24"),
        ("elevenchars", "elevenchars"),
        ("twelve chars", None),
        ("żółw", None),
        ("whatsapp:+1", None),
        ("&&&", None),
    ],
)
def test_senders(sender: str, read: str | None) -> None:
    if read is not None:
        assert read_sender(sender) == read
        return
    with pytest.raises(TwilioError) as refused:
        read_sender(sender)
    assert refused.value.code == 21212


def test_a_pool_is_used_evenly_and_sticks() -> None:
    pool = tuple(f"+1501712266{n}" for n in range(4))
    service = MessagingService(sid=SERVICE, senders=pool)
    chosen = [sender_of(service, "", f"4850010{n:04}", "a") for n in range(4_000)]
    assert chosen == [sender_of(service, "", f"4850010{n:04}", "b") for n in range(4_000)]
    assert all(850 <= chosen.count(sender) <= 1_150 for sender in pool)  # 5.5 sigma of a fair choice
    roaming = MessagingService(sid=SERVICE, senders=pool, sticky_sender=False)
    assert len({sender_of(roaming, "", "48500100200", str(n)) for n in range(50)}) == 4
    with pytest.raises(TwilioError) as empty:
        sender_of(MessagingService(sid=SERVICE), "", "48500100200", "a")
    assert empty.value.code == 21703


def test_credentials() -> None:
    def token(header: str, configured: str = "") -> str:
        return read_credentials(header, ACCOUNT, configured).token

    basic = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDpzZWNyZXQ="  # ACCOUNT:secret
    assert token(basic) == token(basic, ACCOUNT) == "secret"
    assert token(basic, "AC" + "1" * 32) == ""
    assert token("Bearer secret") == token("Basic !!") == token("Basic /w==") == token("") == ""
    assert token("Basic b3RoZXI6c2VjcmV0") == ""  # other:secret


def test_forms() -> None:
    assert parse_form(b"Body=a+%C5%BC%26&To=%2B48&DateSent%3E=x&&flag") == {
        "Body": "a ż&",
        "To": "+48",
        "DateSent>": "x",
        "flag": "",
    }
    assert count_of(b"MediaUrl=a&Body=MediaUrl&MediaUrl=b", b"MediaUrl") == 2
    for malformed in (b"Body=%FF", b"Body=\xff"):
        with pytest.raises(MalformedFormError):
            parse_form(malformed)


def test_a_memo_is_read_as_it_was_written() -> None:
    for memo in (
        TwilioMemo(ACCOUNT),
        TwilioMemo(ACCOUNT, SERVICE),
        TwilioMemo(ACCOUNT, "", 3),
        TwilioMemo(ACCOUNT, SERVICE, 3),
    ):
        assert read_memo(write_memo(memo.account_sid, memo.service_sid, memo.media)) == memo


@pytest.mark.parametrize(
    ("state", "reason", "outcome"),
    [
        ("undelivered", "unknown_subscriber", TwilioStatus("undelivered", 30005)),
        ("undelivered", "absent_subscriber", TwilioStatus("undelivered", 30003)),
        ("undelivered", "Landline", TwilioStatus("undelivered", 30006)),
        ("undelivered", "something else", TwilioStatus("undelivered", 30008)),
        ("rejected", "blocked_by_operator", TwilioStatus("undelivered", 30004)),
        ("rejected", "of its own", TwilioStatus("undelivered", 30007)),
        ("rejected", "cancelled", TwilioStatus("canceled")),
        ("expired", "handset_off", TwilioStatus("undelivered", 30003)),
        ("expired", "validity_passed", TwilioStatus("failed", 30036)),
        ("undelivered", "sender_queue_full", TwilioStatus("failed", 30001)),
    ],
)
def test_how_messages_fail(state: str, reason: str, outcome: TwilioStatus) -> None:
    assert failure_of(state, reason) == outcome
    assert outcome.error_code is None or outcome.error_code in ERROR_WORDS


def test_statuses_on_the_way() -> None:
    stages = ("ANSWERING", "QUEUED", "AT_CARRIER", "ON_AIR")
    assert [outcome_of("open", "", stage, False).status for stage in stages] == [
        *("queued", "queued", "sending", "sent")
    ]
    assert outcome_of("open", "", "ANSWERING", True).status == "accepted"
    assert outcome_of("unknown", "no_report", "CLOSED", False) == TwilioStatus("sent")


def report(state: MessageState, reason: str = "") -> DeliveryReport:
    return DeliveryReport(
        provider_id="SM" + "0" * 32,
        client_ref=None,
        msisdn="48500100200",
        sender_id="+15017122661",
        state=state,
        reason=reason,
        t_state_ns=0,
        segments=1,
        price=0.0,
        mcc="260",
        mnc="01",
        t_sent_ns=0,
        memo=ACCOUNT,
    )


def test_callbacks() -> None:
    reports = [report(MessageState.DELIVERED), report(MessageState.UNKNOWN), report(MessageState.EXPIRED)]
    delivered, expired = status_callbacks("http://localhost/s#here", reports, 86_400 * S, "t")
    assert (delivered.method, delivered.url) == ("POST", "http://localhost/s#here")
    assert (delivered.confirming_body, delivered.user_agent) == (None, "TwilioProxy/1.1")
    parameters = parse_form(delivered.body)
    assert parameters["MessageStatus"] == "delivered"
    assert parameters["RawDlrDoneDate"] == "7001020000"
    assert parse_form(expired.body)["ErrorCode"] == "30003"
    assert dict(delivered.headers)["X-Twilio-Signature"] == signature(
        "t", "http://localhost/s", list(parameters.items())
    )


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://joe:s3cret@127.0.0.1:9/st?x=1", "http://127.0.0.1:9/st?x=1"),
        ("http://joe@[::1]:9/st", "http://[::1]:9/st"),
        ("HTTP://localhost?x=1", "http://localhost/?x=1"),
        ("http://localhost", "http://localhost/"),
        ("http://localhost/ż?q=ó%20a#part", "http://localhost/%C5%BC?q=%C3%B3%20a"),
        ("http://localhost/a@b:c?d@e", "http://localhost/a@b:c?d@e"),
    ],
)
def test_what_is_signed_is_what_the_receiver_sees(url: str, seen: str) -> None:
    (call,) = status_callbacks(url, [report(MessageState.DELIVERED)], 0, "t")
    parameters = list(parse_form(call.body).items())
    assert dict(call.headers)["X-Twilio-Signature"] == signature("t", seen, parameters)


def test_a_repeated_callback_has_the_same_idempotency_token() -> None:
    def token(state: MessageState) -> str:
        (call,) = status_callbacks("http://localhost/s", [report(state)], 0, "t")
        return dict(call.headers)["I-Twilio-Idempotency-Token"]

    assert token(MessageState.DELIVERED) == token(MessageState.DELIVERED)
    assert token(MessageState.DELIVERED) != token(MessageState.EXPIRED)
    assert len(token(MessageState.DELIVERED)) == 36


@pytest.mark.parametrize(
    ("reached", "status"),
    [(ReportStage.QUEUED, "queued"), (ReportStage.HANDED_OVER, "sent"), (ReportStage.CANCELLED, "canceled")],
)
def test_every_step_on_the_way_has_its_status(reached: ReportStage, status: str) -> None:
    effect = SendProgress("http://localhost/s", report(MessageState.OPEN), "twilio", reached)
    (call,) = twilio_with(SETTINGS).report_calls(effect, 0)
    assert parse_form(call.body)["MessageStatus"] == status


def test_the_profiles_numbers() -> None:
    account = AccountSettings(sender_names=("+15017122661", "Acme", "12345", "15017122662"))
    numbers = numbers_of(SETTINGS, account)
    assert numbers == ("+15017122661", "+15017122662")  # neither names nor short codes, each once

    def found(**asked: str) -> list[str]:
        page = numbers_page(numbers, ACCOUNT, read_numbers_query(asked))
        return [number.phone_number for number in page.incoming_phone_numbers]

    assert found() == list(numbers)
    assert found(PhoneNumber="712266*") == list(numbers)
    assert found(PhoneNumber="+15017122662") == found(FriendlyName="+15017122662") == [numbers[1]]
    assert found(PhoneNumber="999") == []
    first = numbers_page(numbers, ACCOUNT, read_numbers_query({"PageSize": "1"}))
    assert (first.next_page_uri or "").endswith("IncomingPhoneNumbers.json?PageSize=1&Page=1")
    assert found(PageSize="1", Page="1") == [numbers[1]]


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_has_a_message(refusal: Refusal) -> None:
    reply = refusal_reply(Refused(refusal), RequestFacts("+48500100200", "Acme", 1_600, 7))
    assert reply.status >= 400
    assert b"{}" not in reply.body
    headers = dict(reply.headers)
    throttled = b'"code":20429' in reply.body
    assert headers.get("Twilio-Concurrent-Requests") == ("7" if throttled else None)


def test_errors_are_answered_with_statuses_that_the_openapi_names() -> None:
    create = document()["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
    assert {str(status) for status, _ in ERRORS.values()} <= set(create["responses"])


def test_instants() -> None:
    assert read_instant_s("1970-01-02T00:00:00Z") == read_instant_s("1970-01-02T01:00:00+01:00") == 86_400
    assert read_instant_s("1970-01-02T00:00:00") == 86_400
    assert read_day_s("1970-01-02T12:00:00Z") == read_day_s("1970-01-02") == (86_400, 172_800)
    for nonsense in ("", "tomorrow", "1970-13-01", "1970-01-02T25:00:00Z"):
        assert read_instant_s(nonsense) is None
    for nonsense in ("", "tomorrow", "1970-13-01", "9999-12-31"):
        assert read_day_s(nonsense) is None
