"""A provider with --state keeps what it promised across kill -9, a full disk, a restart. Real processes."""

from __future__ import annotations

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.error import URLError

from called import called
from provider_process import ProviderUnderTest, rows, started_provider
from report_receiver import receiving
from waiting import eventually

DEADLINE_S = 30.0
SENDS = 200
PROFILE = {
    "name": "kept",
    "account": {"balance_points": 1_000.0, "price_per_segment": 0.5},
    "carriers": [{"name": "one", "country": "*"}],
    "reply": {"latency": {"kind": "uniform", "low_s": 0.02, "high_s": 0.08}},
    "delivery": {"latency": {"kind": "uniform", "low_s": 0.1, "high_s": 1.0}},
    "reports": {"retry_after_s": [0.2], "give_up_after_s": 600.0},
}


def provider(
    folder: Path, *options: str, most_bytes: int | None = None, **sections: Any
) -> AbstractContextManager[ProviderUnderTest]:
    return started_provider(folder, PROFILE | sections, *options, most_bytes=most_bytes)


def send(running: ProviderUnderTest, key: str, url: str = "") -> str:
    """``accepted``, ``repeated``, or ``lost``: no whole answer came."""
    body = f"to=48500100200&message=x&format=json&idx={key}&check_idx=1&notify_url={url}"
    try:
        status, answer = running.ask("/sms.do", body.encode(), Authorization="Bearer t")
    except (URLError, OSError, ValueError):
        return "lost"
    if status == 200 and "list" in answer:
        return "accepted"
    assert answer["error"] == 53, answer
    return "repeated"


def test_kill_9_during_sends_loses_no_acknowledged_message_or_report(tmp_path: Path) -> None:
    keys = [f"key-{number}" for number in range(SENDS)]
    with receiving() as receiver, ThreadPoolExecutor(16) as pool:
        state = ("--state", str(tmp_path / "state.db"))
        with provider(tmp_path, *state, "--journal", str(tmp_path / "1.arrow")) as first:
            sending = [pool.submit(send, first, key, receiver.url) for key in keys]
            eventually(lambda: first.state()["accepted"] > SENDS // 3)
            at_kill = first.state()
            first.process.kill()
            answers = {key: each.result() for key, each in zip(keys, sending, strict=True)}
        assert at_kill["open"] > 0
        assert at_kill["gauges"]["pending_replies"] > 0
        acknowledged = {key for key, answer in answers.items() if answer == "accepted"}
        assert 0 < len(acknowledged) < SENDS
        with provider(tmp_path, *state, "--journal", str(tmp_path / "2.arrow")) as second:
            again = {key: send(second, key, receiver.url) for key in keys}
            assert {again[key] for key in acknowledged} == {"repeated"}
            eventually(lambda: second.state()["open"] == 0)
            ended = second.state()
            second.process.terminate()
            assert second.process.wait(DEADLINE_S) == 0
    assert ended["accepted"] == ended["totals"]["delivered"] == SENDS
    last = {(row["key"], row["provider_id"]): row for n in (1, 2) for row in rows(tmp_path / f"{n}.arrow")}
    assert sorted(key for key, _ in last) == sorted(keys)  # one id for each key: none was accepted twice
    assert {row["state"] for row in last.values()} == {"delivered"}
    received = [*receiver.paths, *(body.decode() for _, body in receiver.posts)]
    assert {key for each in received for key in re.findall(r"key-\d+", each)} == set(keys)


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.db"))
    quick: dict[str, Any] = {"reply": {"latency": {"kind": "fixed", "value_s": 0.0}}}
    acknowledged: list[str] = []
    with provider(tmp_path, *state, most_bytes=300_000, **quick) as first:
        while send(first, f"k{len(acknowledged)}") == "accepted":
            acknowledged.append(f"k{len(acknowledged)}")
            assert len(acknowledged) < 20_000, "messages are taken although they cannot be kept"
        assert first.send("more")[0] == 503
        (failed,) = first.state()["failed"]
        assert failed.startswith(f"the state file: {tmp_path / 'state.db'} cannot be written: ")
        assert first.process.wait(DEADLINE_S) == 70  # by itself
        assert "Traceback" not in first.log()
    with provider(tmp_path, *state, **quick) as second:
        assert {send(second, key) for key in acknowledged} == {"repeated"}


def test_look_ups_find_messages_of_the_provider_before(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.db"))
    account = "AC" + "0" * 32
    path = f"/2010-04-01/Accounts/{account}/Messages.json"
    basic = "Basic " + base64.b64encode(f"{account}:t".encode()).decode()
    with provider(tmp_path, *state) as first:
        status, sent = first.ask(
            path, b"To=%2B48500100200&From=Test&Body=hello", Authorization=basic,
            Content_Type="application/x-www-form-urlencoded",
        )  # fmt: skip
        assert status == 201
        first.process.kill()
        first.process.wait(DEADLINE_S)
    with provider(tmp_path, *state) as second:
        status, listed = second.ask(f"{path}?To=%2B48500100200", Authorization=basic)
        assert (status, [each["sid"] for each in listed["messages"]]) == (200, [sent["sid"]])
        assert listed["messages"][0]["body"] == "hello"
    assert b"Bearer" not in (tmp_path / "state.db").read_bytes()


def test_a_reset_forgets_what_was_kept(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.db"))
    with provider(tmp_path, *state) as first:
        assert send(first, "gone") == "accepted"
        assert first.ask("/admin/reset", b"", Authorization="Bearer a")[0] in (200, 204)
        first.process.terminate()
        assert first.process.wait(DEADLINE_S) == 0
    with provider(tmp_path, *state) as second:
        assert second.state()["accepted"] == 0
        assert send(second, "gone") == "accepted"


def test_a_state_file_that_cannot_be_used_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    used, damaged, directory = tmp_path / "used.db", tmp_path / "damaged.db", tmp_path / "directory"
    directory.mkdir()
    with provider(tmp_path, "--state", str(damaged)) as first:
        assert send(first, "kept") == "accepted"
        first.process.terminate()
        first.process.wait(DEADLINE_S)
    data = damaged.read_bytes()
    damaged.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with provider(tmp_path, "--state", str(used)) as running:
        assert send(running, "kept") == "accepted"
        paths = (used, damaged, directory, tmp_path / "log" / "state.db")  # "log" is a file
        environments = [{"SMSBENCH_PROVIDER_TOKEN": "t", "SMSBENCH_ADMIN_TOKEN": "a"}] * len(paths)
        calls = [("--profile", str(tmp_path / "profile.json"), "--state", str(path)) for path in paths]
        found = called("mock_provider", calls, environments=environments)
        assert send(running, "kept") == "repeated"
    for path, (code, output) in zip(paths, found, strict=True):
        assert code == 2, output
        (line,) = [each for each in output.splitlines() if "INFO" not in each]
        assert line.startswith("provider: --state: ")
        assert str(path) in line or path == paths[-1]
