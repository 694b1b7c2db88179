"""The target file and the adapter made from it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote

import pytest

from loadtests.arrivals import PlannedMessage
from loadtests.runner.testbed import described
from loadtests.targets import TargetError, address_of, load_target
from loadtests.users.adapters.adapter import endpoint_of
from loadtests.users.adapters.reference_sender import ReferenceSender
from loadtests.users.adapters.templated import TemplatedTarget

MESSAGE = PlannedMessage(
    key="4f2a-0000007",
    to="48500100200",
    text='Kod "12" \\ łąka & 100%\n',
    message_class="otp",
    campaign="",
)

JSON_TARGET = """
[request]
url = "http://127.0.0.1:8080/api/send?v=2"
body = '{"to": "+{to}", "message": "{text}", "meta": {"kind": "{message_class}"}}'
[request.headers]
Authorization = "Bearer ${MY_TOKEN}"
[accepted]
status = [200]
field = { path = "status", equals = "ok" }
id_path = "result.0.id"
"""


def target_of(folder: Path, text: str, **environment: str) -> TemplatedTarget:
    path = folder / "target.toml"
    path.write_text(text)
    return TemplatedTarget(load_target(path, environment))


def split(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_a_json_body_is_escaped_and_carries_the_key_in_its_text(tmp_path: Path) -> None:
    adapter = target_of(tmp_path, JSON_TARGET, MY_TOKEN="s3cret")
    first, headers, body = split(adapter.encode(MESSAGE))
    assert first == "POST /api/send?v=2 HTTP/1.1"
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Host"] == "127.0.0.1:8080"
    assert int(headers["Content-Length"]) == len(body)
    assert json.loads(body) == {
        "to": "+48500100200",
        "message": 'Kod "12" \\ łąka & 100%\n #K4f2a-0000007#',
        "meta": {"kind": "otp"},
    }
    assert adapter.request(MESSAGE).body == body


def test_form_and_url_are_percent_encoded_and_a_key_of_its_own_stays_out_of_the_text(
    tmp_path: Path,
) -> None:
    adapter = target_of(
        tmp_path,
        """
[request]
url = "http://localhost:1/send/{key}?message_class={message_class}"
body = "to={to}&text={text}"
headers = { Content-Type = "application/x-www-form-urlencoded", X-Text = "{text}" }
""",
    )
    first, headers, body = split(adapter.encode(MESSAGE))
    assert first == "POST /send/4f2a-0000007?message_class=otp HTTP/1.1"
    assert parse_qs(body.decode()) == {"to": ["48500100200"], "text": [MESSAGE.text]}
    assert "\n" not in headers["X-Text"] and unquote(headers["X-Text"]).startswith('Kod "12"')


def test_xml_is_escaped(tmp_path: Path) -> None:
    adapter = target_of(
        tmp_path,
        """
[request]
url = "http://[::1]:8080/"
body = '<sms to="{to}" ref="{key}">{text}</sms>'
headers = { Content-Type = "text/xml" }
""",
    )
    _, headers, body = split(adapter.encode(MESSAGE))
    assert headers["Host"] == "[::1]:8080"
    assert b"&quot;12&quot;" in body and "łąka &amp; 100%".encode() in body


@pytest.mark.parametrize(
    ("status", "reply", "outcome", "reason"),
    [
        (200, b'{"status": "ok", "result": [{"id": 7}]}', "accepted", ""),
        (200, b'{"status": "ok", "result": []}', "refused", "the reply has no id at result.0.id"),
        (200, b'{"status": "no", "result": [{"id": 7}]}', "refused", "status is not 'ok'"),
        (200, b"<html>", "refused", "the reply is not JSON"),
        (503, b'{"status": "ok"}', "refused", "HTTP 503"),
    ],
)
def test_replies_are_judged_by_the_files_rules(
    tmp_path: Path, status: int, reply: bytes, outcome: str, reason: str
) -> None:
    judgement = target_of(tmp_path, JSON_TARGET, MY_TOKEN="t").judge(status, reply)
    assert (judgement.outcome, judgement.reason) == (outcome, reason)


def test_every_error_is_listed_at_once_and_no_secret_shown(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        """
name = ""
speed = 3
[request]
url = "ftp://${PASSWORD}@host/"
method = "FETCH"
timeout_s = 0
body = "{text} {nope} ${PASSWORD}"
headers = { Host = "x", X-Run = "{run}" }
[accepted]
status = [99]
field = { path = "a", equals = 1, like = 2 }
[provider]
admin_token = "${ABSENT}"
"""
    )
    with pytest.raises(TargetError) as caught:
        load_target(path, {"PASSWORD": "hunter2"})
    text = str(caught.value)
    for expected in (
        "environment variable ABSENT is not set: export ABSENT=…",
        "name:",
        "request.url: must be an http:// or https:// URL with a host",
        "request.method:",
        "speed: unknown key; known here: name, health_url,",
        "accepted.field.like: unknown key; known here: path, equals",
        "request: neither url nor body has a placeholder for {to}",
        "request.body: unknown placeholder {nope}; allowed: {key}, {to}, {text}, {message_class}, {campaign}",
        "request.headers.X-Run: unknown placeholder {run}",
        "request.url: host is not on this machine; localhost, 127.0.0.1 and ::1 are allowed",
        "request.timeout_s:",
        "request.headers: header 'Host' is set by the load itself",
        "accepted.status.0:",
    ):
        assert expected in text
    assert "hunter2" not in text and "{PASSWORD}" not in text
    assert caught.value.__cause__ is None


def test_a_file_without_a_provider_lists_that_too(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('request = {url = "http://127.0.0.1:1/", body = "{to}{text}{nope}"}')
    with pytest.raises(TargetError) as caught:
        load_target(path, {}, needs_provider=True)
    said = str(caught.value)
    assert "unknown placeholder {nope}" in said
    assert "does not say where the mock provider" in said and "port = 9500" in said
    path.write_text('speed = 1\nrequest = {url = "http://127.0.0.1:1/", body = "{to}{text}"}')
    with pytest.raises(TargetError) as caught:
        load_target(path, {}, needs_provider=True)
    said = str(caught.value)
    assert "speed: unknown key" in said and "does not say where the mock provider" in said
    for provider in ("port = 9500", 'url = "http://127.0.0.1:9500"'):
        path.write_text(
            f'request = {{url = "http://127.0.0.1:1/", body = "{{to}}{{text}}"}}\n[provider]\n{provider}'
        )
        load_target(path, {}, needs_provider=True)


@pytest.mark.parametrize(
    ("body", "headers", "position"),
    [
        ('{"to": "{to}", "text": "{text}}', 'Content-Type = "application/json"', 24),
        ('{"to": "{to}", "text": {text}}', 'content-type = "application/json; charset=utf-8"', 24),
        ('{"to": "{to}" "text": "{text}"}', 'Content-Type = "application/problem+json"', 15),
        (
            '{"to": {to}, "text": "{text}", "kind": "{message_class}"}',
            'Content-Type = "application/json"',
            None,
        ),
        ('{"to": "{to}", "text": "{text}}', 'Content-Type = "text/plain"', None),
        ('{"to": "{to}", "text": "{text}}', 'Content-Type = "application/x-ndjson"', None),
        ("to={to}&text={text}", 'Content-Type = "application/x-www-form-urlencoded"', None),
        ('{"to": "{to}", "text": "{text}", "from": ${FROM}}', 'Content-Type = "application/json"', None),
    ],
)
def test_a_body_that_is_not_the_json_that_its_header_says(
    tmp_path: Path, body: str, headers: str, position: int | None
) -> None:
    """It made the sender answer HTTP 400 or 500, and the probe named the provider's URL."""
    path = tmp_path / "target.toml"
    path.write_text(
        f"[request]\nurl = \"http://127.0.0.1:1/\"\nbody = '{body}'\n[request.headers]\n{headers}\n"
    )
    if position is None:
        load_target(path, {"FROM": '{"name": "a"}'})
        return
    with pytest.raises(TargetError, match=rf"request\.body: is not JSON \(position {position}\): "):
        load_target(path, {})


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('url = "http://127.0.0.1:1/"\nbody = "{text}"', "has a placeholder for {to}"),
        ('url = "http://127.0.0.1:1/"\nbody = "{to}{text}{nope}"', "unknown placeholder {nope}; allowed:"),
        ('url = "http://sms.example.com/"\nbody = "{to}{text}"', "set allow_remote = true"),
        ('url = "http://127.0.0.1:1/\\u0000"\nbody = "{to}{text}"', "request.url: must be an http"),
        ('url = "http://127.0.0.1:1 /"\nbody = "{to}{text}"', "request.url: must be an http"),
    ],
)
def test_a_target_file_that_cannot_work_is_refused(tmp_path: Path, lines: str, expected: str) -> None:
    path = tmp_path / "t.toml"
    path.write_text(f"[request]\n{lines}")
    with pytest.raises(TargetError, match=expected.replace("{", r"\{").replace("}", r"\}")):
        load_target(path, {})


def test_the_manifest_learns_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "t.toml"
    path.write_text(
        '[request]\nurl = "http://u:${P}@127.0.0.1:8080/send?key=${P}"\nbody = "{to}{text}"\n'
        'headers = { Authorization = "${P}" }'
    )
    found = described(load_target(path, {"P": "hunter2"}), path)
    assert "hunter2" not in repr(found)
    assert (found["name"], found["file"]) == ("t", "t.toml")
    assert str(tmp_path) not in repr(found)
    assert found["url"] == "http://127.0.0.1:8080/send"


@pytest.mark.parametrize("shown", ["t.toml", "examples/t.toml", "../t.toml", "../else/t.toml"])
def test_the_path_of_the_target_file_is_relative_so_that_an_advised_command_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    here = tmp_path / "home-of-a-user" / "here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    path = tmp_path / "t.toml"
    path.write_text('[request]\nurl = "http://127.0.0.1:8080/send"\nbody = "{to}{text}"\n')
    for given in (Path(shown), (here / shown).resolve()):
        assert described(load_target(path, {}), given)["file"] == shown


def test_the_reference_sender_is_asked_in_its_own_words() -> None:
    adapter = ReferenceSender("http://127.0.0.1:9000", "t0ken")
    first, headers, body = split(adapter.encode(MESSAGE))
    assert first == "POST /v1/messages HTTP/1.1"
    assert headers["Authorization"] == "Bearer t0ken"
    assert json.loads(body) == {
        "to": "48500100200",
        "text": MESSAGE.text,
        "message_class": "otp",
        "key": "4f2a-0000007",
    }
    assert adapter.judge(202, b"").outcome == "accepted"
    assert adapter.judge(429, b"").reason == "HTTP 429"


def test_endpoints() -> None:
    assert endpoint_of("https://h").port == 443
    with pytest.raises(ValueError, match="not an http"):
        endpoint_of("localhost:80")


SENDER = '[request]\nurl = "http://127.0.0.1:1/"\nbody = "{to}{text}"\nheaders = { X-Token = "${T}" }\n'


def test_a_byte_order_mark_is_read_over_and_utf_16_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_bytes(SENDER.encode("utf-8-sig"))
    assert load_target(path, {"T": "t"}).request.url == "http://127.0.0.1:1/"
    path.write_bytes(SENDER.encode("utf-16"))
    with pytest.raises(TargetError, match="it is in UTF-16; save it as UTF-8"):
        load_target(path, {"T": "t"})
    with pytest.raises(TargetError, match="cannot be read: Is a directory"):
        load_target(tmp_path)


def test_only_trailing_newlines_are_removed_from_secrets(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(SENDER + '[provider]\nadmin_token = "${A}"\ntoken = "of-a-file\\n"\n')
    target = load_target(path, {"T": "secret\n", "A": "admin\r\n"})
    assert target.request.headers == {"X-Token": "secret"}
    assert (target.provider.admin_token, target.provider.token) == ("admin", "of-a-file")
    for secret in ("hush\x01", "hush\nhush", "hush\u0142"):
        with pytest.raises(TargetError, match="header 'X-Token' must be one line of printable") as refused:
            load_target(path, {"T": secret, "A": "a"})
        assert "hush" not in str(refused.value)
    with pytest.raises(TargetError, match=r"provider\.admin_token: it has a character") as refused:
        load_target(path, {"T": "t", "A": "hush hush"})
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://[::1]:9/send?k=v", "http://[::1]:9/send"),
        ("http://u:p@[::1]/send", "http://[::1]/send"),
        ("https://localhost:8443", "https://localhost:8443"),
    ],
)
def test_an_address_can_be_pasted(url: str, address: str) -> None:
    assert address_of(url) == address


def test_a_url_with_a_bad_port_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(SENDER.replace(":1/", ":70000/"))
    with pytest.raises(TargetError, match=r"request\.url: must be an http:// or https:// URL"):
        load_target(path, {"T": "t"})


@pytest.mark.parametrize("fragment", ["#1&k=v", "#"])
def test_a_url_with_a_fragment_is_refused(fragment: str, tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(re.sub(r'(url = "http[^"]*)"', rf'\g<1>{fragment}"', SENDER, count=1))
    with pytest.raises(TargetError, match=r"request\.url: must be a URL without a fragment: write %23"):
        load_target(path, {"T": "t"})


def test_relative_paths_begin_at_the_directory_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "targets").mkdir()
    file = tmp_path / "targets" / "mine.toml"
    file.write_text(
        'process = "my.pid"\n[request]\nurl = "http://127.0.0.1:1/"\nbody = "{to}{text}"\n'
        '[provider]\nurl = "http://127.0.0.1:2"\njournal = "provider.arrow"\n'
    )
    monkeypatch.chdir(tmp_path)
    found = load_target(Path("targets/mine.toml"), {})
    assert found.provider.journal == tmp_path / "targets" / "provider.arrow"
    assert found.process == tmp_path / "targets" / "my.pid"
    file.write_text(file.read_text().replace('"my.pid"', "4711").replace('"provider.arrow"', '"/p.arrow"'))
    found = load_target(file, {})
    assert (found.process, found.provider.journal) == (4711, Path("/p.arrow"))


def test_a_status_that_is_no_list_is_answered_with_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('request = {url = "http://127.0.0.1:1/", body = "{to}{text}"}\naccepted.status = 200\n')
    with pytest.raises(TargetError, match=r"accepted\.status: must be a list such as \[200\]"):
        load_target(file, {})


SENDS = '[request]\nurl = "http://127.0.0.1:1/"\nbody = "{to}{text}"\n'
AS_JSON = 'headers = {"Content-Type" = "application/json"}'


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("provider.token", f'{SENDS}[provider]\ntoken = "${{UNSET}}"'),
        ("request.url", '[request]\nurl = "${UNSET}/sms"\nbody = "{to}{text}"'),
        ("request.body", f'[request]\nurl = "http://127.0.0.1:1/"\nbody = "${{UNSET}}"\n{AS_JSON}'),
        ("provider.url", f'{SENDS}[provider]\nurl = "${{UNSET}}"'),
        ("accepted.status", f'{SENDS}[accepted]\nstatus = ["${{UNSET}}"]'),
    ],
)
def test_a_key_whose_variable_is_not_set_has_no_other_problem(
    tmp_path: Path, place: str, content: str
) -> None:
    """Its value is not known."""
    path = tmp_path / "t.toml"
    path.write_text(content)
    with pytest.raises(TargetError) as caught:
        load_target(path, {}, needs_provider=place == "provider.url")
    assert str(caught.value) == f"{path}: environment variable UNSET is not set: export UNSET=…", place


def test_other_keys_keep_their_problems_beside_a_variable_that_is_not_set(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(f'speed = 1\n{SENDS.replace("{text}", "{text}{nope}")}[provider]\ntoken = "${{UNSET}}"')
    with pytest.raises(TargetError) as caught:
        load_target(path, {})
    text = str(caught.value)
    assert "variable UNSET is not set" in text and "speed: unknown key" in text and "{nope}" in text
    assert "provider.token" not in text


def test_a_variable_that_is_set_and_empty_is_a_problem_of_its_key(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(f'{SENDS}[provider]\ntoken = "${{EMPTY}}"')
    with pytest.raises(TargetError, match=r"provider\.token: it is empty"):
        load_target(path, {"EMPTY": ""})
