"""Whatever is left out of a request, each message gets its own result, in the request's order."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from mock_provider.engine.values import Accepted, AcceptedMessage
from mock_provider.http.messages import HttpRequest
from mock_provider.profiles import load_profile, with_token
from mock_provider.protocols.actions import Instants, QueryAction, SubmitAction
from mock_provider.protocols.generic import GenericApi
from mock_provider.settings.values import Refusal

WIRE = GenericApi(with_token(load_profile("fast"), "token"))
REASONS = st.sampled_from([Refusal.DUPLICATE_REF, Refusal.RECIPIENT_FLOOD, Refusal.COUNTRY_NOT_ALLOWED])
# A number that cannot be read; one that is taken; one that the engine leaves out, and why.
MESSAGES = st.lists(st.one_of(st.just("unreadable"), st.just("taken"), REASONS), min_size=1, max_size=30)


def ask(body: bytes) -> object:
    request = HttpRequest("POST", "/v1/messages", "", "application/json", "Bearer token", body)
    return WIRE.read(request, 1, Instants(0, 1.8e9))


@given(MESSAGES, st.booleans())
def test_results_have_the_order_of_the_request(kinds: list[str | Refusal], same_number: bool) -> None:
    numbers = [
        "no number" if kind == "unreadable" else f"48500{0 if same_number else place:06}"
        for place, kind in enumerate(kinds)
    ]
    call = ask(json.dumps({"messages": [{"to": to, "text": "x"} for to in numbers]}).encode())
    assert isinstance(call, SubmitAction)
    in_engine = [kind for kind in kinds if kind != "unreadable"]
    left_out = tuple((place, kind) for place, kind in enumerate(in_engine) if isinstance(kind, Refusal))
    taken = [m for m, kind in zip(call.submit.messages, in_engine, strict=True) if kind == "taken"]
    accepted = tuple(
        AcceptedMessage(f"id-{order}", m.msisdn, m.submitted_number, None, 1, 0.5)
        for order, m in enumerate(taken)
    )
    invalid = tuple(each.number for each in call.submit.unparsable)
    reply = json.loads(call.render(Accepted(accepted, invalid, left_out)).body)
    assert [m["to"] for m in reply["messages"]] == numbers
    expected = [
        None if kind == "taken" else "no_valid_recipient" if isinstance(kind, str) else kind.value
        for kind in kinds
    ]
    assert [m["code"] for m in reply["messages"]] == expected
    assert [m["id"] for m in reply["messages"] if m["id"]] == [m.provider_id for m in accepted]
    assert (reply["accepted"], reply["accepted"] + reply["rejected"]) == (len(accepted), len(kinds))


NAMES = st.sampled_from(
    ["messages", "to", "text", "from", "send_at", "expires_at", "validity_s", "report_url"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
)


@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_it(body: bytes) -> None:
    assert isinstance(ask(body), SubmitAction | QueryAction)
