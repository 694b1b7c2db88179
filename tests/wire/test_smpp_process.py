"""SMPP on the provider's command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from called import called
from smpplib import exceptions, smpp
from smpplib.client import Client

DEADLINE_S = 10.0


@contextmanager
def provider(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A provider's process and its ready line."""
    with subprocess.Popen(
        [sys.executable, "-m", "mock_provider", "--profile", "fast", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.communicate(timeout=DEADLINE_S)


def bound(address: str, password: str) -> Client:
    host, _, port = address.rpartition(":")
    client = Client(host, int(port), timeout=DEADLINE_S, allow_unknown_opt_params=True)
    client.connect()
    client.bind_transceiver(system_id="esme", password=password)
    return client


def test_the_ready_line_has_all_a_client_needs_and_sigterm_unbinds_it() -> None:
    with provider("--smpp-port", "0") as (process, ready):
        assert len(ready["smpp_password"]) == 8
        client = bound(ready["smpp"], ready["smpp_password"])
        process.terminate()
        leave = client.read_pdu()
        assert leave.command == "unbind"
        answer = smpp.make_pdu("unbind_resp", client=client)
        answer.sequence = leave.sequence
        client.send_pdu(answer)
        with pytest.raises(exceptions.ConnectionError):
            client.read_pdu()
        client.disconnect()
        assert process.wait(DEADLINE_S) == 0


def test_an_account_token_is_as_good_and_no_password_is_made_where_one_is_given() -> None:
    options = ("--smpp-port", "0", "--token", "token-1", "--smpp-password", "given-pw")
    with provider(*options) as (_, ready):
        assert "smpp_password" not in ready
        for password in ("token-1", "given-pw"):
            client = bound(ready["smpp"], password)
            client.unbind()
            client.disconnect()


def test_without_the_option_nothing_listens_and_nothing_of_smpp_is_loaded() -> None:
    with provider() as (_, ready):
        assert "smpp" not in ready
    script = (
        "import sys, mock_provider.cli, mock_provider.app\n"
        "parts = 'mock_provider.protocols.smpp', 'mock_provider.smpp'\n"
        "print([name for name in sys.modules if name.startswith(parts)])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_a_port_that_is_taken_is_said_and_the_journal_of_the_first_left_alone(tmp_path: Path) -> None:
    journal = str(tmp_path / "provider.arrow")
    with provider("--smpp-port", "0", "--journal", journal) as (_, ready):
        port = ready["smpp"].rpartition(":")[2]
        inode = Path(journal).stat().st_ino, Path(journal).stat().st_mtime_ns
        second = subprocess.run(
            [sys.executable, "-m", "mock_provider", "--smpp-port", port, "--journal", journal],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        assert second.returncode == 2
        assert f"--smpp-port: cannot listen at 127.0.0.1:{port}: it is in use" in second.stderr
        assert (Path(journal).stat().st_ino, Path(journal).stat().st_mtime_ns) == inode


def test_a_password_no_client_could_bind_with_is_refused() -> None:
    passwords = ["żółw", "x" * 65, "line\nend", "two words"]
    environments = [{"SMSBENCH_SMPP_PASSWORD": each, "COLUMNS": "200"} for each in passwords]
    found = called("mock_provider", [("--smpp-port", "0")] * len(passwords), environments=environments)
    for password, ended in zip(passwords, found, strict=True):
        assert ended.code == 2
        assert "--smpp-password" in ended.output
        assert "printable ASCII" in ended.output
        assert password not in ended.output
