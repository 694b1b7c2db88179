"""The provider in virtual time: no socket, no thread, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mock_provider.engine import Engine
from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.values import (
    Accepted,
    AcceptedMessage,
    Answer,
    Disconnect,
    Effect,
    JournalRow,
    Outbound,
    Refused,
    Reply,
    ReportsWanted,
    SendProgress,
    SendReports,
    Submit,
    SubmitOptions,
)
from mock_provider.profiles import Profile, parse_profile

REPORT_URL = "http://127.0.0.1/dlr"
TOKEN = "t"

# Whether the receiver confirms a report call. None: no answer yet; then call ``Engine.reports_answered``.
Confirms = Callable[[SendReports], bool | None]


def confirm_all(call: SendReports) -> bool:
    return True


class VirtualDriver:
    """Moves an engine from deadline to deadline and answers its report calls.

    ``on_effect`` gets each effect with its instant. ``late_ns`` delays every call of ``advance``, as a busy
    process does.
    """

    def __init__(
        self,
        engine: Engine,
        on_effect: Callable[[int, Effect], None],
        confirms: Confirms = confirm_all,
        late_ns: int = 0,
    ) -> None:
        self.engine = engine
        self.now_ns = 0
        self._on_effect = on_effect
        self._confirms = confirms
        self._late_ns = late_ns

    def submit(self, submit: Submit, at_ns: int | None = None) -> None:
        """Submit now, or run until ``at_ns`` first."""
        if at_ns is not None:
            self.run_until(at_ns)
        self.carry_out(self.engine.submit(self.now_ns, submit))

    def run_until(self, until_ns: int) -> None:
        """Process all events that are due up to and including ``until_ns``."""
        while (due_ns := self.engine.next_due()) is not None and due_ns <= until_ns:
            self._advance(due_ns)
        self.now_ns = max(self.now_ns, until_ns)

    def run(self) -> None:
        """Run until no event is pending."""
        while (due_ns := self.engine.next_due()) is not None:
            self._advance(due_ns)

    def leap_until(self, until_ns: int) -> None:
        """As ``run_until``, in the steps of a simulation (``advance_to_effects``). Needs a first input."""
        while (due_ns := self.engine.next_due()) is not None and due_ns <= until_ns:
            effects: list[Effect] = []
            self.now_ns = self.engine.advance_to_effects(until_ns, effects)
            self.carry_out(effects)
        self.now_ns = max(self.now_ns, until_ns)

    def stall_until(self, until_ns: int) -> None:
        """Let time pass and serve no deadline, as in a process that stands still."""
        self.now_ns = max(self.now_ns, until_ns)

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Pass on effects of a direct call of the engine (``reconfigure``, ``reset`` …)."""
        for effect in effects:
            self._on_effect(self.now_ns, effect)
            if type(effect) is SendReports:
                confirmed = self._confirms(effect)
                if confirmed is not None:
                    self.carry_out(self.engine.reports_answered(self.now_ns, effect.batch_id, confirmed))

    def _advance(self, due_ns: int) -> None:
        self.now_ns = max(self.now_ns, due_ns + self._late_ns)
        self.carry_out(self.engine.advance(self.now_ns))


def plain_profile(**sections: Any) -> Profile:
    """A profile without limits or delays, except those of ``sections``. Its account has the token ``TOKEN``.

    Raises ``ProfileError``.
    """
    account = {"tokens": [TOKEN], "price_per_segment": 0.1} | sections.pop("account", {})
    values = {"name": "test", "carriers": [{"name": "any", "country": "*"}], "account": account}
    return parse_profile(values | sections)


class VirtualProvider:
    """A provider that accepts messages and records its effects. Seconds count from the start.

    ``replies``, ``replied_ns`` and ``cut_ns`` are by the number that ``send`` returned: the answer, its
    instant, and the instant at which the connection was closed instead. ``calls`` are the report calls and
    ``progress`` the intermediate reports, each with its instant. ``confirms`` decides how the receiver
    answers a report call; a test may replace it.
    """

    def __init__(self, profile: Profile, seed: int = 1) -> None:
        self.profile = profile
        self.engine = Engine(profile, seed)
        self.replies: dict[int, Answer] = {}
        self.replied_ns: dict[int, int] = {}
        self.cut_ns: dict[int, int] = {}
        self.calls: list[tuple[int, SendReports]] = []
        self.progress: list[tuple[int, SendProgress]] = []
        self.confirms: Confirms = confirm_all
        self._driver = VirtualDriver(self.engine, self._record, lambda call: self.confirms(call))
        self._requests = 0
        self._rows: dict[tuple[str, str], JournalRow] = {}

    @property
    def now_ns(self) -> int:
        return self._driver.now_ns

    def send(self, at_s: float, *messages: str | Mapping[str, Any], **fields: Any) -> int:
        """Submit one request at ``at_s`` and return its number.

        A message is its key, or the fields of an ``Outbound``; ``fields`` are those of the ``Submit`` and of
        its ``SubmitOptions``.
        """
        self._requests += 1
        options = {name: fields.pop(name) for name in SubmitOptions.__struct_fields__ if name in fields}
        settings: dict[str, Any] = {
            "protocol": "smsapi",
            "token": TOKEN,
            "sender_id": "Test",
            "options": SubmitOptions(**options),
            "reports": ReportsWanted(REPORT_URL),
        } | fields
        submit = Submit(self._requests, messages=tuple(map(_outbound, messages)), **settings)
        self._driver.submit(submit, round(at_s * NS_PER_S))
        return self._requests

    def accepted(self, request: int) -> tuple[AcceptedMessage, ...]:
        """The messages that were accepted of this request. Raises ``AssertionError`` if it was refused."""
        answer = self.replies[request]
        if not isinstance(answer, Accepted):
            raise AssertionError(f"request {request} was refused: {answer}")
        return answer.messages

    def refused(self, request: int) -> Refused:
        """Why this request was refused. Raises ``AssertionError`` if it was accepted."""
        answer = self.replies[request]
        if not isinstance(answer, Refused):
            raise AssertionError(f"request {request} was accepted: {answer}")
        return answer

    def run(self, until_s: float | None = None) -> None:
        """Run until that time; without a time, until no event is pending."""
        if until_s is None:
            self._driver.run()
        else:
            self._driver.run_until(round(until_s * NS_PER_S))

    def stall(self, until_s: float) -> None:
        """Let time pass and serve no deadline, as in a process that stands still."""
        self._driver.stall_until(round(until_s * NS_PER_S))

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Record the effects of a direct call of the engine (``reconfigure``, ``reset`` …)."""
        self._driver.carry_out(effects)

    def rows(self) -> dict[tuple[str, str], JournalRow]:
        """The journal by key and provider id, as its reader sees it: of each pair the last row."""
        for row in self.engine.close_rows():
            self._rows[row.key, row.provider_id] = row
            if row.provider_id:
                self._rows.pop((row.key, ""), None)
        return self._rows

    def row(self, key: str) -> JournalRow:
        """The only row of this key."""
        (found,) = [row for row in self.rows().values() if row.key == key]
        return found

    def _record(self, now_ns: int, effect: Effect) -> None:
        if isinstance(effect, Reply):
            if effect.request_id in self.replies:
                raise AssertionError(f"request {effect.request_id} was answered twice")
            self.replies[effect.request_id] = effect.answer
            self.replied_ns[effect.request_id] = now_ns
        elif isinstance(effect, Disconnect):
            self.cut_ns[effect.request_id] = now_ns
        elif isinstance(effect, SendProgress):
            self.progress.append((now_ns, effect))
        else:
            self.calls.append((now_ns, effect))


def _outbound(message: str | Mapping[str, Any]) -> Outbound:
    fields = {"key": message, "client_ref": message} if isinstance(message, str) else dict(message)
    msisdn = fields.get("msisdn", "48600100200")
    defaults = {"msisdn": msisdn, "submitted_number": msisdn, "text": "hi", "segments": 1, "key": ""}
    return Outbound(**(defaults | fields))
