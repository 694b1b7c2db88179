"""The provider as a process: its ready line, its tokens, its journal, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
from called import called

ENVIRONMENT = {
    **os.environ,
    "SMSBENCH_PROVIDER_TOKEN": "process-token",
    "SMSBENCH_ADMIN_TOKEN": "process-admin",
}


@contextmanager
def provider_process(
    *options: str, env: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """The process and its ready line; it is killed if the test does not end it."""
    with subprocess.Popen(
        [sys.executable, "-m", "mock_provider", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env or ENVIRONMENT,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield process, json.loads(line) if line else None
        finally:
            process.kill()


def send(url: str, token: str, **fields: str) -> Any:
    body = urlencode({"to": "48500100200", "message": "Hi", "format": "json"} | fields).encode()
    request = urllib.request.Request(url + "/sms.do", body, {"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)


def end(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
    process.send_signal(number)
    _, log = process.communicate(timeout=20)
    return process.returncode, log


def test_the_ready_line_names_the_backup_host() -> None:
    with provider_process("--profile", "fast", "--backup-port", "0") as (process, ready):
        assert ready["backup_url"] != ready["url"]
        sent = send(ready["backup_url"], "process-token")
        code, _ = end(process)
    assert (code, sent["count"]) == (0, 1)


def test_ready_line_journal_and_a_clean_end(tmp_path: Path) -> None:
    journal = tmp_path / "deep" / "provider.arrow"
    with provider_process("--profile", "fast", "--seed", "7", "--journal", str(journal)) as (process, ready):
        assert ready == {"ready": True, "service": "provider", "url": ready["url"], "pid": process.pid}
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", ready["url"])
        sent = send(ready["url"], "process-token", to="500100200,500100201", idx="k-1|k-2")
        refused = send(ready["url"], "wrong", idx="k-3")
        code, log = end(process)
    assert code == 0
    assert refused["error"] == 101
    assert "500100200" not in log
    assert "process-token" not in log
    with pa.OSFile(str(journal)) as source:
        rows = {row["key"]: row for row in pa.ipc.open_stream(source).read_all().to_pylist()}
    assert {row["provider_id"] for row in rows.values()} - {""} == {m["id"] for m in sent["list"]}
    assert rows["k-1"]["state"] in ("open", "delivered")
    assert (rows["k-1"]["submits"], rows["k-1"]["accepts"], rows["k-1"]["protocol"]) == (1, 1, "smsapi")
    assert (rows["k-3"]["state"], rows["k-3"]["provider_id"]) == ("rejected", "")


def test_random_tokens_are_in_the_ready_line_only() -> None:
    bare = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("SMSBENCH_")}
    with provider_process("--profile", "fast", env=bare) as (process, ready):
        assert send(ready["url"], ready["token"])["count"] == 1
        code, log = end(process, signal.SIGINT)
    assert code == 0
    assert ready["inbox"] == f"{ready['url']}/#token={ready['admin_token']}"
    assert ready["token"] not in log
    assert ready["admin_token"] not in log


def test_a_reply_that_waits_is_still_sent_while_it_stops(tmp_path: Path) -> None:
    profile = tmp_path / "slow.json"
    latency = {"kind": "fixed", "value_s": 0.5}
    carriers = [{"name": "one", "country": "*"}]
    profile.write_text(json.dumps({"name": "slow", "reply": {"latency": latency}, "carriers": carriers}))
    with provider_process("--profile", str(profile)) as (process, ready):
        answers: list[Any] = []
        client = threading.Thread(target=lambda: answers.append(send(ready["url"], "process-token")))
        client.start()
        admin = urllib.request.Request(
            ready["url"] + "/admin/state", headers={"Authorization": "Bearer process-admin"}
        )
        waiting = 0.0
        while not waiting:
            with urllib.request.urlopen(admin, timeout=10) as reply:
                waiting = json.load(reply)["gauges"]["replies_waiting"]
        code, _ = end(process)
        client.join(10)
    assert code == 0
    assert answers[0]["count"] == 1


def test_bad_usage_ends_with_2_and_says_why(tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.arrow"
    earlier.write_bytes(b"rows")
    cases: tuple[tuple[tuple[str, ...], str], ...] = (
        (
            ("--profile", "fast", "--journal", str(earlier)),
            f"--journal: {earlier} holds the journal of an earlier provider, which is kept: give",
        ),
        (("--profile", "nonesuch"), "provider: profile nonesuch: neither a ready-made profile"),
        (("--profile", "fast", "--journal", str(tmp_path)), f"--journal: {tmp_path} cannot be written: Is a"),
        (
            ("--profile", "fast", "--journal", "/dev/null/x"),
            "--journal: /dev/null/x cannot be written: its folder",
        ),
        (("--host", "nosuch.invalid"), "--host: cannot listen at nosuch.invalid:0: no such host is known"),
        (("--host", "192.0.2.1"), "--host: cannot listen at 192.0.2.1:0: no network interface"),
        (("--host", "2001:db8::1"), "--host: cannot listen at [2001:db8::1]:0: "),
        (("--host", ""), "--host: it is empty"),
        (("--token", "a\nb"), "'--token'"),
        (("--admin-token", "żółw"), "'--admin-token'"),
    )
    for ended, (_, words) in zip(called("mock_provider", [call for call, _ in cases]), cases, strict=True):
        assert ended.code == 2, ended.output
        assert words in ended.output
    with provider_process("--profile", "nonesuch") as (process, ready):
        assert ready is None
        _, log = process.communicate(timeout=20)
    assert process.returncode == 2 and "neither a ready-made profile" in log
    assert earlier.read_bytes() == b"rows"


def test_a_port_in_use_is_named_by_its_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host, port = taken.getsockname()
        options = ("--port", "--backup-port", "--smpp-port")
        for option, ended in zip(
            options, called("mock_provider", [(each, str(port)) for each in options]), strict=True
        ):
            assert ended.code == 2
            (line,) = ended.output.splitlines()
            assert line.startswith(f"provider: {option}: cannot listen at {host}:{port}: it is in use; ")


def test_a_token_without_the_newline_of_its_file() -> None:
    env = ENVIRONMENT | {"SMSBENCH_PROVIDER_TOKEN": "of-a-file\n", "SMSBENCH_ADMIN_TOKEN": "admin\r\n"}
    with provider_process("--profile", "fast", env=env) as (_, ready):
        assert send(ready["url"], "of-a-file")["count"] == 1
        state = urllib.request.Request(
            ready["url"] + "/admin/state", headers={"Authorization": "Bearer admin"}
        )
        with urllib.request.urlopen(state, timeout=10) as reply:
            assert reply.status == 200


def test_a_token_that_no_client_can_send_is_refused_and_not_shown() -> None:
    given = [
        (name, option, token)
        for name, option in (
            ("SMSBENCH_PROVIDER_TOKEN", "--token"),
            ("SMSBENCH_ADMIN_TOKEN", "--admin-token"),
        )
        for token in ("hush\x07", "hush hush", "\n", "hush\nhush")
    ]
    environments = [{name: token} for name, _, token in given]
    found = called("mock_provider", [()] * len(given), environments=environments)
    for (name, option, _), ended in zip(given, found, strict=True):
        assert ended.code == 2
        assert option in ended.output and name in ended.output and "hush" not in ended.output


def test_an_ipv6_address_is_in_brackets() -> None:
    with provider_process("--host", "::1", "--smpp-port", "0", "--backup-port", "0") as (_, ready):
        assert ready["url"].startswith("http://[::1]:")
        assert ready["backup_url"].startswith("http://[::1]:")
        assert ready["smpp"].startswith("[::1]:")


def test_a_failed_start_leaves_the_journal_of_the_running_provider(tmp_path: Path) -> None:
    journal = tmp_path / "provider.arrow"
    with provider_process("--profile", "fast", "--journal", str(journal)) as (process, ready):
        port = ready["url"].rpartition(":")[2]
        send(ready["url"], "process-token", idx="kept")
        before = journal.stat().st_size
        for other_port, words in (
            (port, f"--port: cannot listen at 127.0.0.1:{port}: it is in use"),
            ("0", f"--journal: {journal} is in use by another provider"),
        ):
            options = ("--profile", "fast", "--journal", str(journal), "--port", other_port)
            with provider_process(*options) as (second, none):
                assert none is None
                _, log = second.communicate(timeout=20)
            assert second.returncode == 2
            assert words in log
        assert journal.stat().st_size >= before
        assert end(process)[0] == 0
    with pa.OSFile(str(journal)) as source:
        rows = pa.ipc.open_stream(source).read_all().to_pylist()
    # It may have been written while it was open, and again when it was done.
    assert {(row["key"], row["accepts"]) for row in rows} == {("kept", 1)}
