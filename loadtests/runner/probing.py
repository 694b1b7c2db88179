"""Sends the probe (``probe``) through the target and queries the mock provider for it.

A mock provider that the run started is prepared: no faults, no simulated errors, magic numbers
(docs/network.md), reports at once. When the probe has passed, the provider is reset and gets its profile
back, so that counters, limits, credit and fault windows begin with the load. The user's provider is only
queried.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec

from analysis.records import PROBE_KEY
from loadtests.arrivals import TRANSACTIONAL, Plan, PlannedMessage, next_recipient
from loadtests.runner import queries
from loadtests.runner.probe import (
    ApiAnswer,
    AtProvider,
    ProbeFacts,
    ProbeFailed,
    ProbeNames,
    ProbePassed,
    ProbeRefusal,
    ProbeStopped,
    ProbeVerdict,
    decide,
)
from loadtests.runner.settings import RunSettings
from loadtests.runner.testbed import LoadTestbed
from loadtests.targets import address_of
from loadtests.users.adapters import Adapter, Endpoint
from loadtests.users.adapters.reference_sender import ReferenceSender
from loadtests.users.adapters.templated import TemplatedTarget

MAGIC_NUMBER = "48100000000"  # delivered at once, if the profile has magic numbers
_LOOK_EVERY_S = 0.05
_ASK_WITHIN_S = 2.0
_TEXT = "smsbench: one message before the load, to check that everything is connected."
# null: the default, which is off.
_UNDISTURBED = {"faults": None, "reply": None, "reports": None, "numbers": {"magic": True}}


class MockProvider:
    """The functions of the mock provider's admin API that the probe needs. ``own``: the run started it."""

    def __init__(self, url: str, token: str, own: bool) -> None:
        self.own = own
        self.url = url.rstrip("/")
        self._token = token
        self._began_s = 0.0
        self._began_ns = 0
        self._requests_before = 0

    def begin(self) -> bool:
        """Prepare. Returns whether it will certainly accept the probe to a magic number and report it at
        once.
        """
        if self.own:
            self._call("PATCH", "/admin/profile", _UNDISTURBED)
        magic = self.own or bool(self._call("GET", "/admin/profile").get("numbers", {}).get("magic"))
        self._requests_before = self._requests()
        self._began_s, self._began_ns = time.time(), time.monotonic_ns()
        return magic

    def find(self, key: str, number: str) -> AtProvider:
        """Raises ``OSError`` if it does not answer."""
        requests = self._requests() - self._requests_before
        answer = self._call("GET", "/admin/refusals")
        refusals = msgspec.convert(answer.get("refusals", []), tuple[ProbeRefusal, ...])
        mine = tuple(refusal for refusal in refusals if refusal.t_ns >= self._began_ns)
        messages = self._call("GET", f"/admin/messages?number={quote(number)}&limit=10")["messages"]
        since = [each for each in messages if each["accepted_unix_s"] >= self._began_s - 1.0]
        found = next((each for each in since if each["key"] == key), None)
        if found is None:
            other = since[0]["key"] if since else None
            return AtProvider(requests=requests, other_key=other, refusals=mine)
        way = self._call("GET", f"/admin/messages/{quote(found['provider_id'])}").get("journey") or {}
        timestamps = {each["name"]: each["unix_s"] for each in way.get("timestamps", [])}
        return AtProvider(
            requests=requests,
            accepted=True,
            refusals=mine,
            report_url=way.get("report_address", ""),
            reported=timestamps.get("confirmed") is not None,
            report_failure=answer.get("report_failure", ""),
        )

    def forget(self) -> None:
        """Restore the state before the probe."""
        if self.own:
            self._call("POST", "/admin/reset")
            self._call("POST", "/admin/profile/restore")

    def _requests(self) -> int:
        return int(self._call("GET", queries.PROVIDER_STATE)["counters"].get("requests", 0))

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return queries.call_json(method, self.url + path, self._token, body, _ASK_WITHIN_S)


class Probing:
    """One probe. ``interrupted`` ends the waiting early, as if the probe had passed."""

    def __init__(
        self,
        adapter: Adapter,
        mock: MockProvider | None,
        around: ProbeNames,
        plan: Plan,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._adapter = adapter
        self._mock = mock
        self._around = around
        self._plan = plan
        self._interrupted = interrupted

    def run(self) -> tuple[str, ...]:
        """Notes for the user.

        Raises ``ProbeStopped`` with the cause if the run cannot begin, and ``OSError`` or ``ValueError`` if
        the run's own mock provider does not answer.
        """
        notes: tuple[str, ...] = ()
        try:
            magic = self._mock.begin() if self._mock is not None else False
        except (OSError, ValueError) as error:
            notes, magic = (self._unasked(error),), False
            self._mock = None
        try:
            verdict, facts = self._send(MAGIC_NUMBER if magic else next_recipient(self._plan), 1, magic)
            if magic and _number_refused(facts):
                # A sender that checks numbers may refuse an unassigned one, but must accept the load's.
                verdict, facts = self._send(next_recipient(self._plan), 2, quick_report=False)
            if isinstance(verdict, ProbeFailed):
                raise ProbeStopped(verdict.cause)
            if self._mock is not None:
                self._mock.forget()
        except (OSError, KeyError, ValueError) as error:
            return (*notes, self._unasked(error))
        return (*notes, *verdict.notes) if isinstance(verdict, ProbePassed) else notes

    def _unasked(self, error: Exception) -> str:
        """A note if the user's mock provider cannot be queried. Raises ``error`` for the run's own."""
        if self._mock is None or self._mock.own:
            raise error
        return f"the mock provider could not be queried for the probe ({error}): check provider.admin_token"

    def _send(self, number: str, attempt: int, quick_report: bool) -> tuple[ProbeVerdict, ProbeFacts]:
        """Send a message to this number and poll until there is a verdict."""
        key = f"{PROBE_KEY}{self._plan.key_tag}.{attempt}"
        message = PlannedMessage(key=key, to=number, text=_TEXT, message_class=TRANSACTIONAL, campaign="")
        began_s = time.monotonic()
        call = ApiCall(self._adapter, message, self._around.timeout_s)
        accepted_at_s: float | None = None
        while True:
            answer = call.answer  # before the provider is queried, so that its state includes this answer
            seen = self._mock.find(key, number) if self._mock is not None else None
            now_s = time.monotonic()
            if accepted_at_s is None and seen is not None and seen.accepted:
                accepted_at_s = now_s
            facts = ProbeFacts(
                elapsed_s=now_s - began_s,
                answer=answer,
                provider=seen,
                own_mock=self._mock is not None and self._mock.own,
                quick_report=quick_report,
                accepted_for_s=0.0 if accepted_at_s is None else now_s - accepted_at_s,
            )
            verdict = decide(facts, self._around)
            if verdict is not None or self._interrupted():
                return verdict, facts
            time.sleep(_LOOK_EVERY_S)


def _number_refused(facts: ProbeFacts) -> bool:
    """Whether the API may have refused the number: with a client error, before it sent anything."""
    answer, seen = facts.answer, facts.provider
    if answer is None or answer.outcome != "refused" or not 400 <= answer.status < 500:
        return False
    return seen is None or not (seen.requests or seen.refusals)


def probe_target(
    testbed: LoadTestbed, plan: Plan, settings: RunSettings, interrupted: Callable[[], bool]
) -> tuple[str, ...]:
    """Send the probe through the target of the run. Returns notes for the user.

    Raises ``ProbeStopped`` if the run cannot begin, ``OSError`` or ``ValueError`` if the run's own mock
    provider does not answer. ``interrupted`` ends the waiting early, as if the probe had passed.
    """
    target, query = settings.target, testbed.states.get("provider")
    mock = None
    if query is not None:
        own = target is None or target.provider.url is None
        mock = MockProvider(query.url.removesuffix(queries.PROVIDER_STATE), query.token, own)
    if target is None:
        assert testbed.host is not None  # the reference sender has been started
        token = testbed.environment["SMSBENCH_SENDER_TOKEN"]
        adapter: Adapter = ReferenceSender(testbed.host, token)
        name, address = "reference_sender", testbed.host
        provider_url = mock.url if mock is not None else ""
    else:
        adapter = TemplatedTarget(target)
        name, address, provider_url = target.name, address_of(target.request.url), target.provider.address
    token_in_file = target is not None and target.provider.url is None and bool(target.provider.token)
    file = settings.target_file.name if token_in_file and settings.target_file is not None else ""
    around = ProbeNames(name, address, provider_url, target is not None, settings.probe_timeout_s, file)
    return Probing(adapter, mock, around, plan, interrupted).run()


class ApiCall:
    """One request with the bytes that the load sends, in a thread. ``answer`` is None until it ends."""

    def __init__(self, adapter: Adapter, message: PlannedMessage, timeout_s: float) -> None:
        self.answer: ApiAnswer | None = None
        self._adapter = adapter
        self._timeout_s = timeout_s + 1.0  # the waiting thread ends first, with a better message
        threading.Thread(target=self._call, args=(adapter.encode(message),), daemon=True).start()

    def _call(self, request: bytes) -> None:
        try:
            status, body = _exchanged(self._adapter.endpoint, request, self._timeout_s)
            judged = self._adapter.judge(status, body)
            self.answer = ApiAnswer(judged.outcome, status, _reason(judged.reason, status))
        except TimeoutError:
            self.answer = ApiAnswer("failed", 0, "timeout")
        except (OSError, http.client.HTTPException) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            self.answer = ApiAnswer("failed", 0, reason)


def _reason(reason: str, status: int) -> str:
    return reason if not reason or str(status) in reason else f"HTTP {status}, {reason}"


def _exchanged(endpoint: Endpoint, request: bytes, timeout_s: float) -> tuple[int, bytes]:
    """Status and body of the answer. Raises ``OSError`` and ``HTTPException``."""
    with socket.create_connection((endpoint.host, endpoint.port), timeout=timeout_s) as plain:
        sock: socket.socket = plain
        if endpoint.tls:
            sock = ssl.create_default_context().wrap_socket(plain, server_hostname=endpoint.host)
        sock.sendall(request)
        reply = http.client.HTTPResponse(sock)
        reply.begin()
        return reply.status, reply.read()
