"""The probe before a load, sent straight to a mock provider: the target is its own SMSAPI endpoint."""

from __future__ import annotations

import pytest
from report_receiver import ReportReceiver
from wire_provider import StartProvider

from loadtests.arrivals import Mix, Plan, Poisson, Stream, next_recipient
from loadtests.runner.probe import ProbeNames, ProbeStopped
from loadtests.runner.probing import MAGIC_NUMBER, MockProvider, Probing
from loadtests.targets import Target
from loadtests.users.adapters.templated import TemplatedTarget
from mock_provider.testing import ProviderThread

PLAN = Plan(streams=(Stream(Poisson(10.0, 10.0), mix=Mix(otp=1.0)),), seed=1, key_tag="ab12")
FAULT = {"kind": "outage", "start_s": 0.0, "end_s": 3_600.0}


def probing(
    provider: ProviderThread,
    *,
    own: bool = True,
    token: str = "",
    body: str = "",
    admin_token: str = "",
    report_url: str = "",
) -> Probing:
    url = f"{provider.url}/sms.do"
    request = {
        "url": f"{provider.url}/sms.do",
        "body": body or f"to={{to}}&message={{text}}&idx={{key}}&format=json&notify_url={report_url}",
        "headers": {
            "Authorization": f"Bearer {token or provider.token}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    }
    accepted = {"status": [200], "id_path": "list.0.id"}
    target = Target.model_validate({"name": "direct", "request": request, "accepted": accepted})
    mock = MockProvider(provider.url, admin_token or provider.admin_token, own)
    around = ProbeNames("direct", url, provider.url, True, 1.0)
    return Probing(TemplatedTarget(target), mock, around, PLAN)


def keys_seen(provider: ProviderThread) -> list[str]:
    return [message["key"] for message in provider.admin("/messages")[1]["messages"]]


def test_the_runs_own_mock_takes_it_whatever_its_profile_and_forgets_it(
    start: StartProvider, receiver: ReportReceiver
) -> None:
    provider = start(
        faults=[FAULT],
        reply={"errors": [{"refusal": "rejected", "share": 1.0}]},
        reports={"delay": {"kind": "fixed", "value_s": 600.0}},
        account={"balance_points": 1.0},
    )
    before = provider.admin("/profile")[1]
    assert probing(provider, report_url=receiver.url).run() == ()
    assert len(receiver.paths) + len(receiver.posts) > 0  # the report came at once
    state = provider.state()
    assert (state["accepted"], state["open"], state["faults"]) == (0, 0, [])
    assert not any(state["counters"].values())
    assert keys_seen(provider) == []
    assert provider.admin("/profile")[1] == before
    # Its fault windows count from the next message: from the load's first.
    form = b"to=48600100200&message=Hi&format=json"
    assert provider.request("/sms.do", form, Authorization=f"Bearer {provider.token}")[0] == 503
    assert len(provider.state()["faults"]) == 1


def test_a_sender_without_reports_gets_a_note_and_one_whose_receiver_refuses_them_stops(
    start: StartProvider, receiver: ReportReceiver
) -> None:
    provider = start()
    assert probing(provider).run() == (
        "direct requests no delivery reports, so it does not know what is delivered",
    )
    receiver.answers = [(404, b"")] * 50
    host = "/".join(receiver.url.split("/")[:3])
    with pytest.raises(ProbeStopped, match=f"of the probe was not confirmed: {host} answered: HTTP 404"):
        probing(provider, report_url=receiver.url).run()


def test_a_wrong_token_is_distinguished_from_a_refused_number(start: StartProvider) -> None:
    provider = start()
    with pytest.raises(ProbeStopped, match=r"101, Authorization failed \(wrong token\)"):
        probing(provider, token="wrong").run()


def test_a_message_without_the_key_stops_the_run(start: StartProvider) -> None:
    provider = start()
    body = "to={to}&message={text}&x={key}&format=json"
    with pytest.raises(ProbeStopped, match="with another key"):
        probing(provider, body=body).run()
    # Where the target file leaves it out it travels in the text, and all is well.
    assert len(probing(provider, body="to={to}&message={text}&format=json").run()) == 1


def test_a_provider_of_the_users_own_is_only_asked(start: StartProvider) -> None:
    provider = start(delivery={"latency": {"kind": "fixed", "value_s": 600.0}})
    assert probing(provider, own=False).run() == ()
    assert keys_seen(provider) == ["probe-ab12.1"]
    message = provider.admin("/messages")[1]["messages"][0]
    assert message["number"] == next_recipient(PLAN) != MAGIC_NUMBER
    assert provider.state()["open"] == 1


def test_faults_of_a_users_provider_do_not_stop_the_run_and_a_wrong_admin_token_is_reported(
    start: StartProvider,
) -> None:
    provider = start(reply={"errors": [{"refusal": "internal_error", "share": 1.0}]})
    with pytest.raises(ProbeStopped, match="the mock provider refused it: 201"):
        probing(provider, own=False).run()  # the API itself says so: this target is the provider
    provider = start()
    (first, second) = probing(provider, own=False, admin_token="wrong").run()
    assert "check provider.admin_token" in first
    assert "the run cannot check whether it" in second
