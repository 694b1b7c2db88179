"""The reference sender's API: ``POST /v1/messages``, one message per request (docs/load.md)."""

from __future__ import annotations

import msgspec

from loadtests.arrivals import PlannedMessage
from loadtests.users.adapters.adapter import ACCEPTED, Judgement, TargetRequest, endpoint_of, head

_PATH = "/v1/messages"
_json = msgspec.json.Encoder()


class ReferenceSender:
    """The adapter to the reference sender at ``url``, with a bearer token."""

    name = f"POST {_PATH}"

    def __init__(self, url: str, token: str, timeout_s: float = 30.0) -> None:
        self.endpoint = endpoint_of(url)
        self.timeout_s = timeout_s
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._head = head(self.endpoint, "POST", _PATH, self._headers)

    def request(self, message: PlannedMessage) -> TargetRequest:
        return TargetRequest("POST", _PATH, self._headers, _body(message))

    def encode(self, message: PlannedMessage) -> bytes:
        body = _body(message)
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)

    def judge(self, status: int, body: bytes) -> Judgement:
        return ACCEPTED if status == 202 else Judgement("refused", f"HTTP {status}")


def _body(message: PlannedMessage) -> bytes:
    fields = {
        "to": message.to,
        "text": message.text,
        "message_class": message.message_class,
        "key": message.key,
    }
    if message.campaign:
        fields["campaign"] = message.campaign
    return _json.encode(fields)
