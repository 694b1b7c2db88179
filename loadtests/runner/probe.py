"""Decides from one probe message before the load whether the run can begin, and if not, why. ``probing``
sends the message and queries the mock provider.

The probe is sent through the target as every message of the load. The facts about it, in order: the API's
answer, whether the mock provider received it, whether it accepted it, whether its delivery report was
confirmed.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

QUEUES_LONGER = "for a sender that queues for longer: --probe-timeout S or --no-probe"
ANSWERS_LATER = "for a sender that may take longer to answer: --probe-timeout S or --no-probe"
REPORT_WITHIN_S = 2.0  # time after the provider accepted a message whose report it sends at once
_REFUSAL_SHOWN = 120  # characters
# Temporary refusals, by limits, faults and simulated errors; the load gets them, too.
_PASSING = frozenset(
    (
        *("throttled_requests", "throttled_segments", "throttled_concurrency", "queue_full"),
        *("sender_queue_full", "rejected", "internal_error", "unavailable", "quiet_hours"),
    )
)
_UNAUTHORIZED = "unauthorized"
_WRONG_TOKEN = " (wrong token)"


class ProbeStopped(RuntimeError):
    """The run cannot begin; the text is the cause in one line."""


class ApiAnswer(Struct, frozen=True):
    """The answer of the target's API. ``reason`` says in a few words why it did not accept.

    ``status`` 0: there was no HTTP answer.
    """

    outcome: Literal["accepted", "refused", "failed"]
    status: int = 0
    reason: str = ""


class ProbeRefusal(Struct, frozen=True):
    """One refusal of ``GET /admin/refusals``."""

    where: str = ""
    status: int = 0
    reason: str = ""
    code: str = ""
    text: str = ""
    key: str = ""
    t_ns: int = 0


class AtProvider(Struct, frozen=True):
    """What the mock provider shows about the probe."""

    requests: int = 0  # number of submits since the probe began
    accepted: bool = False  # it accepted the message with the probe's key
    other_key: str | None = None  # it accepted a message to the probe's number, with this key instead
    refusals: tuple[ProbeRefusal, ...] = ()  # since the probe began
    report_url: str = ""  # URL of the probe's delivery report; "": the sender requested none
    reported: bool = False  # the receiver confirmed the report
    report_failure: str = ""  # result of the last report call that was not confirmed


class ProbeFacts(Struct, frozen=True):
    """The facts after ``elapsed_s``. ``answer`` None: the API has not answered yet.

    ``provider`` None: the mock provider cannot be asked. ``own_mock``: the run started it, so no fault or
    limit affects the probe there. ``quick_report``: it sends the probe's report at once.
    """

    elapsed_s: float
    answer: ApiAnswer | None = None
    provider: AtProvider | None = None
    own_mock: bool = True
    quick_report: bool = False
    accepted_for_s: float = 0.0  # when the provider accepted it


class ProbeNames(Struct, frozen=True):
    """The names that a cause mentions. ``described``: a target file describes the sender. ``token_file``:
    its name, if it has the token of the mock provider.
    """

    target: str
    target_address: str
    provider_url: str
    described: bool
    timeout_s: float
    token_file: str = ""


class ProbePassed(Struct, frozen=True):
    notes: tuple[str, ...] = ()


class ProbeFailed(Struct, frozen=True):
    cause: str  # one line


ProbeVerdict = ProbePassed | ProbeFailed | None
"""None: wait on."""


def decide(facts: ProbeFacts, around: ProbeNames) -> ProbeVerdict:
    """The verdict by the facts; the earliest certain fact decides."""
    answer, late = facts.answer, facts.elapsed_s >= around.timeout_s
    if answer is not None and answer.outcome == "failed":
        return ProbeFailed(_failed(answer, facts.provider, around))
    if facts.provider is None:
        return _unseen(answer, late, around)
    if answer is not None and answer.outcome == "refused":
        return ProbeFailed(_refused(answer, facts.provider, around))
    if facts.provider.accepted:
        return _accepted(facts, answer, late, around)
    lasting = _lasting(facts.provider)
    if lasting is not None and (answer is not None or late):
        return ProbeFailed(
            f"{_answer_text(answer, around)}the mock provider refused it: {_refusal(lasting, around)}"
        )
    if facts.provider.other_key is not None and (answer is not None or late):
        return ProbeFailed(_without_key(facts.provider.other_key, around))
    return _at_timeout(facts, facts.provider, around) if late else None


def probe_refusal_text(refusal: ProbeRefusal) -> str:
    """Code and text of the refusal, and what they mean: ``101, Authorization failed (wrong token)``.

    The protocol of the request has read them in its reply.
    """
    code = refusal.code or str(refusal.status)
    text = refusal.text.strip().replace("\n", " ")[:_REFUSAL_SHOWN].rstrip(". ")
    words = text or refusal.reason.replace("_", " ")
    if code == "http_404":
        return f"HTTP 404, it has no {refusal.where}: the path of the provider URL is wrong"
    wrong = refusal.reason == _UNAUTHORIZED
    return ", ".join(part for part in (code, words) if part) + (_WRONG_TOKEN if wrong else "")


def _refusal(refusal: ProbeRefusal, around: ProbeNames) -> str:
    """With what to do about a wrong token, where the run knows the right one."""
    words = probe_refusal_text(refusal)
    if words.endswith(_WRONG_TOKEN) and around.token_file:
        words += f". Set the token of {around.target} to provider.token of {around.token_file}"
    return words


def _failed(answer: ApiAnswer, provider: AtProvider | None, around: ProbeNames) -> str:
    cause = f"{around.target} gave no answer at {around.target_address} ({answer.reason})"
    if provider is not None and provider.refusals:
        return f"{cause}; the mock provider refused its request: {_refusal(provider.refusals[-1], around)}"
    return f"{cause}: start it, or correct its address"


def _unseen(answer: ApiAnswer | None, late: bool, around: ProbeNames) -> ProbeVerdict:
    """The mock provider cannot be queried: only the API's answer is known."""
    if answer is None:
        return ProbeFailed(_no_answer(around)) if late else None
    if answer.outcome == "refused":
        return ProbeFailed(_refused(answer, None, around))
    return ProbePassed(
        (
            "the API accepted the probe; without provider.admin_token the run cannot check whether it "
            "reached the mock provider",
        )
    )


def _refused(answer: ApiAnswer, provider: AtProvider | None, around: ProbeNames) -> str:
    """The API did not accept it: because of the provider, of the request, or of [accepted]."""
    cause = f"{around.target} refused the probe ({answer.reason})"
    if provider is not None:
        if provider.accepted or provider.other_key is not None:
            return (
                f"{cause}, but the mock provider accepted its message: check whether [accepted] of the "
                "target file describes the reply"
            )
        if provider.refusals:
            return f"{cause}, because the mock provider refused it: {_refusal(provider.refusals[-1], around)}"
        if answer.status >= 500 and not provider.requests:
            return f"{cause}, and the mock provider got no request. {_log_first(around)}{_check_url(around)}"
    return f"{cause}: {_request_hint(answer.status, around)}"


def _request_hint(status: int, around: ProbeNames) -> str:
    if not around.described:
        return "see logs/sender.log in the run directory"
    if status in (401, 403):
        return "check the credential in [request.headers] of the target file"
    if 400 <= status < 500:
        return "check whether [request] of the target file is what it expects"
    if status >= 500:
        return f"see its log first. Its provider URL should be {around.provider_url}"
    return "check whether [accepted] of the target file describes its reply"


def _accepted(facts: ProbeFacts, answer: ApiAnswer | None, late: bool, around: ProbeNames) -> ProbeVerdict:
    """The provider has accepted it. The report is checked only if it is sent at once."""
    provider = facts.provider
    assert provider is not None
    if answer is None:
        return ProbeFailed(_no_answer(around)) if late else None
    if not facts.quick_report or provider.reported:
        return ProbePassed()
    if not provider.report_url:
        return ProbePassed(
            (f"{around.target} requests no delivery reports, so it does not know what is delivered",)
        )
    if facts.accepted_for_s < REPORT_WITHIN_S and not late:
        return None
    failure = provider.report_failure
    what = f"answered: {failure}" if failure else f"did not answer within {REPORT_WITHIN_S:g} s"
    cause = f"the delivery report of the probe was not confirmed: {_shown_url(provider.report_url)} {what}"
    if facts.own_mock:
        return ProbeFailed(f"{cause}. {_check_reports(around)}")
    return ProbePassed((f"{cause}; the run starts anyway",))


def _at_timeout(facts: ProbeFacts, provider: AtProvider, around: ProbeNames) -> ProbeVerdict:
    if provider.refusals:
        words = _refusal(provider.refusals[-1], around)
        if facts.own_mock:
            return ProbeFailed(f"{_answer_text(facts.answer, around)}the mock provider refused it: {words}")
        return ProbePassed((f"the mock provider refuses messages now: {words}; the run starts anyway",))
    if provider.requests and not facts.own_mock:
        return ProbePassed(
            ("the mock provider got a request and has not answered it; the run starts anyway",)
        )
    if facts.answer is None:
        return ProbeFailed(_no_answer(around))
    return ProbeFailed(
        f"{_answer_text(facts.answer, around)}the mock provider got no request within {around.timeout_s:g} s."
        f" {_check_url(around)} ({QUEUES_LONGER})"
    )


def _no_answer(around: ProbeNames) -> str:
    return (
        f"{around.target} did not answer the probe within {around.timeout_s:g} s at {around.target_address} "
        f"({ANSWERS_LATER})"
    )


def _answer_text(answer: ApiAnswer | None, around: ProbeNames) -> str:
    if answer is None:
        return f"{around.target} has not answered, and "
    return f"{around.target} answered {answer.status}, and "


def _check_url(around: ProbeNames) -> str:
    return f"Check the provider URL of {around.target}: it should be {around.provider_url}"


def _check_reports(around: ProbeNames) -> str:
    """A sender that requests reports and does not confirm them never knows what is delivered."""
    return (
        f"Check the report URL that {around.target} gives to the provider, and that it answers with success "
        "(to measure it without reports: --no-probe)"
    )


def _log_first(around: ProbeNames) -> str:
    """A sender that fails before it calls the provider says why in its log."""
    return f"See the log of {around.target} first. " if around.described else "See logs/sender.log first. "


def _without_key(key: str, around: ProbeNames) -> str:
    return (
        f"the mock provider accepted the probe with another key ({key!r}): messages cannot be followed. Let "
        f"{around.target} pass the key on as the provider's client reference (idx), or leave {{key}} out of "
        "the target file: the key is then in the text"
    )


def _lasting(provider: AtProvider) -> ProbeRefusal | None:
    """The last refusal that is not temporary."""
    for refusal in reversed(provider.refusals):
        if refusal.reason not in _PASSING and refusal.status not in (429, 503):
            return refusal
    return None


def _shown_url(url: str) -> str:
    """Only its host: path and query may contain a secret."""
    return "/".join(url.split("/")[:3])
