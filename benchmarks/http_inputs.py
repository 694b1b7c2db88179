"""Requests that no client should send, made by hypothesis for ``fuzz_http.py``: forms, JSON, raw bytes."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import urlencode

from hypothesis import strategies as st

TOKEN, ADMIN = "fuzz-token", "fuzz-admin"
ACCOUNT = "AC" + "0" * 32
BASIC = "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()

FIELDS = [
    *("to", "message", "from", "format", "idx", "date", "expiration_date", "notify_url", "encoding", "udh"),
    *("To", "From", "Body", "MessagingServiceSid", "StatusCallback", "ValidityPeriod", "SendAt"),
    *("messages", "text", "reference", "message_class", "send_at", "report_url", "limit", "cursor", "group"),
    *("kind", "start_s", "duration_s", "share", "throttle", "carriers", "reply", "phone_number", "code"),
    *(
        "to[]",
        "to[0]",
        "to[1]",
        "idx[0]",
        "param1[7]",
        "message[x]",
        "group[]",
        "template",
        "number",
        "single",
    ),
    *("email", "first_name", "birthday_date", "gender", "name", "expire_at", "offset", "q", "order_by", "0"),
]
VALUES = st.one_of(
    st.text(max_size=40), st.integers().map(str), st.floats().map(str), st.just(""), st.just("48500100200"),
    st.sampled_from(["json", "[%1%]", "\x00", "\ud800", "+48500100200", "http://127.0.0.1:9/", "1e999"]),
    st.text("0123456789,|+ ", max_size=200),
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=12,
)
FORMS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8)
METHODS = st.sampled_from(["GET", "POST", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
KINDS = st.sampled_from(
    ["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", "", "text/x"]
)


def _encoded(form: dict[str, str]) -> bytes:
    return urlencode(form, errors="surrogatepass").encode()


def _multipart(form: dict[str, str]) -> bytes:
    parts = (f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in form.items())
    return "".join([*parts, "--x--\r\n"]).encode("utf-8", "surrogatepass")


BODIES = st.one_of(
    FORMS.map(_encoded),
    FORMS.map(_multipart),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
    st.just(b"[" * 5000),
)


def _request(method: str, target: str, body: bytes, kind: str, authorization: str) -> bytes:
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Type: {kind}\r\n"
    )
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


AUTHORIZATIONS = st.sampled_from(
    [f"Bearer {TOKEN}", f"Bearer {ADMIN}", BASIC, "Bearer", "Basic %%%", "Bearer \xff", ""]
)


def requests_to(paths: list[str]) -> st.SearchStrategy[bytes]:
    """Whole requests to these paths."""
    targets = st.tuples(st.sampled_from(paths), FORMS).map(
        lambda t: f"{t[0]}?{_encoded(t[1]).decode()}" if t[1] else t[0]
    )
    return st.builds(_request, METHODS, st.sampled_from(paths) | targets, BODIES, KINDS, AUTHORIZATIONS)


def corrupted_requests_to(paths: list[str]) -> st.SearchStrategy[bytes]:
    """The same, with some of their bytes taken out and others put in their place."""
    parts = (requests_to(paths), st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=20))
    return st.tuples(*parts).map(_corrupted)


def _corrupted(parts: tuple[bytes, int, int, bytes]) -> bytes:
    request, at, length, put = parts
    at %= len(request)
    return request[:at] + put + request[at + length :]
