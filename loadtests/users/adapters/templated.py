"""The adapter to a sender that a target file describes: fills templates for each message, judges replies by
its rules.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlsplit
from xml.sax.saxutils import escape as escape_xml

import msgspec

from loadtests.arrivals import PlannedMessage
from loadtests.targets import PLACEHOLDER, Target
from loadtests.users.adapters.adapter import ACCEPTED, Judgement, TargetRequest, endpoint_of, head


def _escape_json(value: str) -> str:
    return msgspec.json.encode(value).decode()[1:-1]


def _escape_header(value: str) -> str:
    # Header values are latin-1 and one line; other characters are percent-encoded as UTF-8.
    return quote(value, safe=" !\"#$&'()*+,-./:;<=>?@[]^_`{|}~")


_ESCAPES: dict[str, Callable[[str], str]] = {
    "json": _escape_json,
    "form": quote_plus,
    "xml": lambda value: escape_xml(value, {'"': "&quot;", "'": "&apos;"}),
    "none": str,
}


class Template:
    """A text with placeholders, cut once into literals and fields."""

    def __init__(self, text: str, escape: Callable[[str], str]) -> None:
        self._pieces = PLACEHOLDER.split(text)  # literal, field, literal, field, ... literal
        self._escape = escape
        self.fixed = text if len(self._pieces) == 1 else None

    def fill(self, values: dict[str, str]) -> str:
        if self.fixed is not None:
            return self.fixed
        escape = self._escape
        return "".join(escape(values[piece]) if at % 2 else piece for at, piece in enumerate(self._pieces))


class TemplatedTarget:
    """An adapter made from a target file."""

    def __init__(self, target: Target) -> None:
        request = target.request
        parts = urlsplit(request.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._target = target
        self.endpoint = endpoint_of(request.url)
        self.name = f"{request.method} {parts.path or '/'}"
        self.timeout_s = request.timeout_s
        self._path = Template(path, lambda value: quote(value, safe=""))
        self._headers = {name: Template(value, _escape_header) for name, value in request.headers.items()}
        self._body = Template(request.body, _ESCAPES[request.escaping()])
        self._head = self._fixed_head()

    def request(self, message: PlannedMessage) -> TargetRequest:
        values = self._values(message)
        return TargetRequest(
            self._target.request.method,
            self._path.fill(values),
            {name: template.fill(values) for name, template in self._headers.items()},
            self._body.fill(values).encode(),
        )

    def encode(self, message: PlannedMessage) -> bytes:
        if self._head is None:
            request = self.request(message)
            body = request.body
            first = head(self.endpoint, request.method, request.path, request.headers)
        else:
            body = self._body.fill(self._values(message)).encode()
            first = self._head
        return b"%b%d\r\n\r\n%b" % (first, len(body), body)

    def judge(self, status: int, body: bytes) -> Judgement:
        rules = self._target.accepted
        if status not in rules.status:
            return Judgement("refused", f"HTTP {status}")
        if rules.field is None and rules.id_path is None:
            return ACCEPTED
        try:
            reply = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return Judgement("refused", "the reply is not JSON")
        if rules.field is not None and value_at(reply, rules.field.path) != rules.field.equals:
            return Judgement("refused", f"{rules.field.path} is not {rules.field.equals!r}")
        if rules.id_path is not None and value_at(reply, rules.id_path) in (None, ""):
            return Judgement("refused", f"the reply has no id at {rules.id_path}")
        return ACCEPTED

    def _fixed_head(self) -> bytes | None:
        """The head's bytes, if no header and no part of the path changes with the message."""
        path = self._path.fixed
        fixed = {name: template.fixed for name, template in self._headers.items()}
        headers = {name: value for name, value in fixed.items() if value is not None}
        if path is None or len(headers) < len(fixed):
            return None
        return head(self.endpoint, self._target.request.method, path, headers)

    def _values(self, message: PlannedMessage) -> dict[str, str]:
        text = message.text if self._target.request.carries_key else f"{message.text} #K{message.key}#"
        return {
            "key": message.key,
            "to": message.to,
            "text": text,
            "message_class": message.message_class,
            "campaign": message.campaign,
        }


def value_at(document: object, path: str) -> object:
    """The value at a dotted path, list items by number; None if it does not exist."""
    for step in path.split("."):
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document
