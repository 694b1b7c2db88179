"""A provider in virtual time: no socket, no clock, every effect kept with its instant."""

from __future__ import annotations

import pytest

from mock_provider.engine import Engine
from mock_provider.engine.values import Disconnect, Outbound, Reply, SendProgress, SendReports, Submit
from mock_provider.profiles import parse_profile

SECOND_NS = 1_000_000_000
URL = "http://127.0.0.1/dlr"


def profile_of(**sections):
    """A profile without limits or delays, except those of ``sections``."""
    values = {"name": "test", "carriers": [{"name": "any", "country": "*"}]}
    values["account"] = {"tokens": ["t"], "price_per_segment": 0.1} | sections.pop("account", {})
    return parse_profile(values | sections)


class VirtualProvider:
    """Drives an engine by its own deadlines. ``confirms``: whether the receiver confirms a report call."""

    def __init__(self, profile, seed=1):
        self.engine = Engine(profile, seed)
        self.now_ns = 0
        self.replies = {}
        self.replied_ns = {}
        self.cut_ns = {}
        self.calls = []
        self.progress = []
        self.confirms = lambda call: True
        self._requests = 0
        self._rows = {}

    def send(self, at_s, *messages, **fields):
        """Submit at ``at_s``; the number of the request. A message is its key, or fields of an Outbound."""
        self.run(at_s)
        self._requests += 1
        fields = {"protocol": "smsapi", "token": "t", "sender_id": "Test", "report_url": URL} | fields
        outbound = tuple(self._outbound(message) for message in messages)
        submit = Submit(request_id=self._requests, messages=outbound, **fields)
        self._carry_out(self.engine.submit(self.now_ns, submit))
        return self._requests

    def run(self, until_s=None):
        """Live until then, or until nothing is left to do."""
        until_ns = None if until_s is None else round(until_s * SECOND_NS)
        while (due_ns := self.engine.next_due()) is not None and (until_ns is None or due_ns <= until_ns):
            self.now_ns = max(self.now_ns, due_ns)
            self._carry_out(self.engine.advance(self.now_ns))
        if until_ns is not None:
            self.now_ns = max(self.now_ns, until_ns)

    def rows(self):
        """The journal as its reader sees it: the last row of each key and provider id."""
        for row in self.engine.close_rows():
            self._rows[row.key, row.provider_id] = row
            if row.provider_id:
                self._rows.pop((row.key, ""), None)
        return self._rows

    def row(self, key):
        (found,) = [row for row in self.rows().values() if row.key == key]
        return found

    def _outbound(self, message):
        if isinstance(message, str):
            message = {"key": message, "client_ref": message}
        msisdn = message.get("msisdn", "48600100200")
        defaults = {"msisdn": msisdn, "submitted_number": msisdn, "text": "hi", "segments": 1, "key": ""}
        return Outbound(**(defaults | message))

    def _carry_out(self, effects):
        for effect in effects:
            if isinstance(effect, Reply):
                assert effect.request_id not in self.replies, "answered twice"
                self.replies[effect.request_id] = effect.answer
                self.replied_ns[effect.request_id] = self.now_ns
            elif isinstance(effect, Disconnect):
                self.cut_ns[effect.request_id] = self.now_ns
            elif isinstance(effect, SendProgress):
                self.progress.append((self.now_ns, effect.reached.value))
            elif isinstance(effect, SendReports):
                self.calls.append((self.now_ns, effect))
                confirmed = self.confirms(effect)
                if confirmed is not None:
                    answered = self.engine.reports_answered(self.now_ns, effect.batch_id, confirmed)
                    self._carry_out(answered)


@pytest.fixture
def provider():
    def start(seed=1, **sections):
        return VirtualProvider(profile_of(**sections), seed)

    return start


@pytest.fixture
def make_profile():
    return profile_of
